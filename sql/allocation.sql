-- lp_allocate: criteria, order, options, requests, capacity, refusals.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
SELECT FROM lp_client_set(client(1), 'One');
SELECT FROM lp_client_set(client(2), 'Two');

SELECT add_lead(1, '{"score": 90, "title": "VP, Sales", "seniority": "vp", "country_code": "US", "person_state": "California", "city": "Oakland",
    "company_industry": "Computer Software", "company_industries": ["computer software", "internet"], "company_estimated_num_employees": 50,
    "company_revenue": 1000000, "company_technologies": ["PostgreSQL", "Salesforce"], "company_keywords": ["warehouse robots"],
    "departments": ["master_sales"], "subdepartments": ["inside_sales"], "company_primary_domain": "alpha.example", "linkedin_url": "https://linkedin.com/in/a"}');
SELECT add_lead(2, '{"score": 80, "title": "Vice President of Sales", "seniority": "VP ", "country": "United States", "person_state": "Texas", "city": "Austin",
    "company_industry": "internet", "company_estimated_num_employees": 51, "company_revenue": 2000000,
    "company_current_technologies": [{"uid": "postgresql", "name": "Postgres DB"}], "company_primary_domain": "beta.example"}');
SELECT add_lead(3, '{"score": 80, "title": "Head of Sales Operations", "seniority": "head", "company_country": "Germany", "company_city": "Zürich",
    "company_industry": "Banking", "company_estimated_num_employees": 200, "phone": "+12025550143", "line_type": "mobile",
    "company_primary_domain": "alpha.example", "sources": ["list", "event_x"]}');
SELECT add_lead(4, '{"score": 70, "title": "Sales VP", "email_status": "guessed", "phone": "+12025550144", "line_type": "landline", "country_code": "DE"}');
SELECT add_lead(5, '{"score": 60, "email": null, "email_status": null, "linkedin_url": "https://linkedin.com/in/e", "title": "Émile Engineer"}');
SELECT add_lead(6, '{"score": 50, "email": null, "email_status": null, "street_address": "Road 1", "city": "Bonn", "postal_code": "53111", "country": "Germany"}');
SELECT add_lead(7, '{"score": 99, "email_bounced_at": "2026-02-01T00:00:00Z"}');
SELECT lp_rebuild_available();
SELECT n(lead_id), channels, country_code, region, city, industry, seniority, domain, email_status FROM lead_available ORDER BY 1;

-- the search by criteria, without taking anything
CREATE FUNCTION found(criteria jsonb, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS
$$SELECT coalesce(string_agg(n(lead_id)::text, ' ' ORDER BY ordinality), '-')
  FROM lp_allocate(client(1), NULL, 100, criteria, '{"dry_run": true}' || options) WITH ORDINALITY$$;
SELECT criteria, found(criteria) FROM (VALUES (0, jsonb '{}'),
    (1, '{"industries": ["INTERNET "]}'), (2, '{"industries": ["internet", "banking"]}'), (3, '{"exclude_industries": ["internet"]}'),
    (4, '{"titles": ["vp sales"]}'), (5, '{"titles": ["Sales"]}'), (6, '{"titles": ["president sales", "head operations"]}'),
    (7, '{"titles": ["sale"]}'), (8, '{"titles": ["--"]}'), (9, '{"titles": ["ÉMILE"], "channels": ["linkedin"]}'),
    (10, '{"seniorities": ["VP"]}'), (11, '{"departments": ["inside_sales"]}'), (12, '{"departments": ["MASTER_SALES", "x"]}'),
    (13, '{"countries": ["US"]}'), (14, '{"countries": ["united states", "DEU"]}'), (15, '{"countries": ["Germany"]}'),
    (16, '{"states": ["california", "Texas"]}'), (17, '{"cities": ["ZÜRICH"]}'),
    (18, '{"employees_min": 51}'), (19, '{"employees_min": 50, "employees_max": 51}'), (20, '{"revenue_min": 1000000.5}'), (21, '{"revenue_max": 1000000}'),
    (22, '{"technologies": ["postgresql"]}'), (23, '{"technologies": ["postgres db", "oracle"]}'), (24, '{"technologies_all": ["PostgreSQL", "salesforce"]}'),
    (25, '{"keywords": ["Warehouse Robots"]}'), (26, '{"keywords": ["robots"]}'),
    (27, '{"domains": ["https://www.alpha.example/"]}'), (28, '{"exclude_domains": ["alpha.example"]}'),
    (29, '{"email_statuses": ["guessed", "verified"]}'), (30, '{"channels": ["voice"]}'), (31, '{"channels": ["sms"]}'), (32, '{"channels": ["linkedin", "mail"]}'),
    (33, '{"channels": ["email", "voice"]}'), (34, '{"has_phone": true}'), (35, '{"has_phone": false, "has_linkedin": true}'),
    (36, '{"min_score": 80}'), (37, '{"sources": ["EVENT_X"]}'), (38, '{"ingestion_id": "00000000-0000-7000-8000-000000000001"}'),
    (39, '{"countries": ["US"], "industries": ["internet"]}'), (40, '{"countries": null, "industries": []}'),
    (41, '{"countries": ["US","DE","FR","GB","IT"], "industries": ["internet","banking","a","b"]}'),
    (42, '{"titles": ["a","b","c","d","e","f","g","h","head sales", "vp sales"]}'),
    (43, '{"industries": ["internet"], "exclude_industries": ["computer software"]}')) t(k, criteria) ORDER BY k;

-- order: total and reproducible
SELECT found('{}', '{"order": "newest"}') AS newest,
       found('{}', '{"order": "random", "seed": 7}') = found('{}', '{"order": "random", "seed": 7}') AS same_seed,
       string_to_array(found('{}', '{"order": "random", "seed": 7}'), ' ') @> '{1,2,3}' AS all_there;
SELECT count(DISTINCT found('{}', jsonb_build_object('order', 'random', 'seed', s))) > 1 AS seeds_differ FROM generate_series(1, 20) s;

-- what is wrong is named
SELECT found('{"industry": ["x"]}');
\set VERBOSITY default
SELECT * FROM lp_allocate(client(1), NULL, 1, '{"employees": 1}');
SELECT * FROM lp_allocate(client(1), NULL, 1, '{}', '{"dry": true}');
\set VERBOSITY terse
SELECT found('{"industries": [1]}');
SELECT found('{"industries": "internet"}');
SELECT found('{"titles": {"a": 1}}');
SELECT found('{"employees_min": "10"}');
SELECT found('{"employees_min": -1}');
SELECT found('{"has_phone": "yes"}');
SELECT found('{"min_score": 101}');
SELECT found('{"channels": ["fax"]}');
SELECT found('{"domains": ["no domain"]}');
SELECT found('{"ingestion_id": "x"}');
SELECT found('{}', '{"order": "best"}');
SELECT found('{}', '{"order": "random"}');
SELECT found('{}', '{"per_company_max": -1}');
SELECT * FROM lp_allocate(client(1), NULL, NULL);
SELECT * FROM lp_allocate(NULL, NULL, 1);
SELECT * FROM lp_allocate(client(1), NULL, -1);
\set VERBOSITY sqlstate
SELECT * FROM lp_allocate(client(1), NULL, 1, '[]');
SELECT * FROM lp_allocate(client(1), NULL, 100001);
SELECT * FROM lp_allocate(client(9), NULL, 1);
\set VERBOSITY terse
SELECT count(*) FROM lp_allocate(client(1), NULL, 0);

-- a dry run is what the real call gives; it has no id
SELECT n(lead_id), id IS NULL AS no_id, client_id = client(1) AS client, status, origin, assigned_at = '2026-03-04 15:00+00' AS now
FROM lp_allocate(client(1), NULL, 2, '{}', '{"dry_run": true}');
SELECT n(lead_id), id IS NULL AS no_id, client_id = client(1) AS client, status, origin, assigned_at = '2026-03-04 15:00+00' AS now
FROM lp_allocate(client(1), NULL, 2);
SELECT count(*), array_agg(n(lead_id) ORDER BY 1) FROM lead_assignments;
SELECT found('{}') AS left, (SELECT count(*) FROM lead_requests) AS requests;
SAVEPOINT taken;

-- the rest, then nothing: one open request, replaced by a later shortage
SELECT n(lead_id) FROM lp_allocate(client(2), lead(900), 5, '{"email_statuses": ["verified", "guessed"]}');
SELECT client_id = client(2) AS client, campaign_id = lead(900) AS campaign, criteria, wanted, filled, status FROM lead_requests;
SELECT count(*) FROM lp_allocate(client(2), lead(900), 4, '{"email_statuses": ["verified", "guessed"]}');
SELECT count(*) FROM lp_allocate(client(2), lead(901), 4, '{}');
SELECT count(*) FROM lp_allocate(client(2), NULL, 4, '{}');
SELECT count(*) FROM lp_allocate(client(2), NULL, 6, '{}');
SELECT count(*) FROM lp_allocate(client(2), NULL, 6, '{"min_score": 99}', '{"enrich_on_shortage": false}');
SELECT count(*) FROM lp_allocate(client(2), NULL, 6, '{"min_score": 99}', '{"dry_run": true}');
SELECT n(campaign_id) AS campaign, criteria, wanted, status FROM lead_requests ORDER BY 1, 2;
ROLLBACK TO taken;

-- request_key: a retry gets the first answer, as it is now; other arguments are refused
SELECT n(lead_id), request_key FROM lp_allocate(client(1), NULL, 2, '{"channels": ["linkedin", "email"]}', '{"request_key": "k1"}');
SELECT n(lead_id), request_key FROM lp_allocate(client(1), NULL, 2, '{"channels": ["linkedin", "email"]}', '{"request_key": "k1"}');
SELECT * FROM lp_allocate(client(1), NULL, 3, '{"channels": ["linkedin", "email"]}', '{"request_key": "k1"}');
SELECT status FROM lp_release(lead(3), client(1), 'test');
SELECT n(lead_id), status FROM lp_allocate(client(1), NULL, 2, '{"channels": ["linkedin", "email"]}', '{"request_key": "k1"}');
SELECT n(lead_id) FROM lp_allocate(client(2), NULL, 1, '{}', '{"request_key": "k1"}');
SET leadpool.now = '2026-04-04 15:00+00';
SELECT count(*) FROM lp_allocate(client(1), NULL, 3, '{}', '{"request_key": "k1"}');
SET leadpool.now = '2026-03-04 15:00+00';
ROLLBACK TO taken;

-- capacity gives fewer rows and no request; the day is the client's
SELECT FROM lp_client_set(client(1), settings => '{"max_active_leads": 3}');
SELECT n(lead_id) FROM lp_allocate(client(1), NULL, 5, '{"channels": ["linkedin", "email"]}');
SELECT count(*) AS requests FROM lead_requests;
SELECT FROM lp_client_set(client(2), settings => '{"daily_allocation": 1, "time_zone": "Asia/Tokyo"}');
SET leadpool.now = '2026-03-04 14:59+00';
SELECT count(*) FROM lp_allocate(client(2), NULL, 2, '{"channels": ["linkedin", "voice"]}');
SELECT count(*) FROM lp_allocate(client(2), NULL, 2, '{"channels": ["linkedin", "voice"]}');
SET leadpool.now = '2026-03-04 15:00+00';
SELECT count(*) FROM lp_allocate(client(2), NULL, 2, '{"channels": ["linkedin", "voice"]}');
SELECT count(*) AS requests FROM lead_requests;
-- a day that has begun keeps its bounds when the zone changes
SET leadpool.now = '2026-03-04 19:00+00';
SELECT FROM lp_client_set(client(2), settings => '{"time_zone": "Asia/Kolkata", "daily_allocation": 2}');
SELECT count(*) AS one FROM lp_allocate(client(2), NULL, 2, '{"channels": ["email", "linkedin", "mail"]}', '{"dry_run": true}');
SELECT FROM lp_client_set(client(2), settings => '{"daily_allocation": 1}');
SELECT count(*) AS none FROM lp_allocate(client(2), NULL, 2, '{"channels": ["email", "linkedin", "mail"]}', '{"dry_run": true}');
SET leadpool.now = '2026-03-05 14:59:59.999999+00';
SELECT count(*) AS none FROM lp_allocate(client(2), NULL, 2, '{"channels": ["email", "linkedin", "mail"]}', '{"dry_run": true}');
SET leadpool.now = '2026-03-05 15:00+00';
SELECT count(*) AS one FROM lp_allocate(client(2), NULL, 2, '{"channels": ["email", "linkedin", "mail"]}');
ROLLBACK TO taken;

-- per company
SELECT n(lead_id) FROM lp_release(lead(1), client(1), 'test');
SELECT found('{}', '{"per_company_max": 1}') AS one, found('{}', '{"per_company_max": 0}') AS none, found('{}', '{"per_company_max": 2}') AS two;
ROLLBACK TO taken;

-- a paused client gets nothing
SELECT FROM lp_client_set(client(1), settings => '{"status": "paused"}');
\set VERBOSITY sqlstate
SELECT * FROM lp_allocate(client(1), NULL, 1);
\set VERBOSITY terse
ROLLBACK TO taken;

-- the client's exclusions, bans, replies, cooling, other clients' contacts, shared addresses
SELECT FROM lp_client_set(client(1), settings => '{"exclude_domains": ["co4.example"]}');
SELECT found('{"email_statuses": ["guessed", "verified"]}') AS excluded;
ROLLBACK TO taken;
SELECT lp_suppress('domain', 'alpha.example', 'operator') IS NOT NULL AS banned;
SELECT found('{}');
ROLLBACK TO taken;
UPDATE lead_state SET replied_at = '2026-01-01' WHERE lead_id = lead(3);
SELECT found('{}') AS replied_stale_row, lp_rebuild_available(), found('{}') AS replied;
ROLLBACK TO taken;
UPDATE lead_state SET not_interested_at = '2025-03-04 15:00+00' WHERE lead_id = lead(3);
SELECT lp_rebuild_available(), found('{}') AS cooled_to_the_microsecond;
UPDATE lead_state SET not_interested_at = '2025-03-04 15:00:00.000001+00' WHERE lead_id = lead(3);
SELECT lp_rebuild_available(), found('{}') AS still_cooling;
ROLLBACK TO taken;
UPDATE lead_state SET contacted_by = client(2), contacted_at = '2026-01-01' WHERE lead_id = lead(3);
SELECT found('{}') AS contacted_by_another;
UPDATE lead_state SET contacted_by = client(1) WHERE lead_id = lead(3);
SELECT found('{}') AS contacted_by_itself;
ROLLBACK TO taken;
SELECT add_lead(8, '{"email": "p3@co3.example", "phone": "+12025550199", "score": 10}');
SELECT lp_rebuild_available();
SELECT found('{}') AS both_free;
SELECT FROM lp_assign(lead(8), client(2));
SELECT found('{}') AS not_by_email, found('{"channels": ["email", "voice"]}') AS by_voice;
SELECT n(lead_id) FROM lp_allocate(client(2), NULL, 1, '{}') AS the_same_client;
ROLLBACK TO taken;

-- a rebuild changes nothing that was kept in step, and finds what was lost
SELECT FROM lp_allocate(client(2), NULL, 1, '{"email_statuses": ["guessed"]}');
SELECT FROM lp_release(lead(1), client(1), 'test');
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM lead_available;
CREATE TEMP TABLE terms_before ON COMMIT DROP AS SELECT * FROM lead_terms;
SELECT lp_rebuild_available();
SELECT count(*) AS differ FROM ((TABLE before EXCEPT TABLE lead_available) UNION ALL (TABLE lead_available EXCEPT TABLE before)) d;
DELETE FROM lead_available;
DELETE FROM lead_terms;
DELETE FROM lead_available_built;
SELECT found('{"technologies": ["postgresql"]}') AS not_needed_to_look;
SELECT count(*) AS rebuilt_by_itself FROM lp_allocate(client(1), NULL, 0);
SELECT (SELECT count(*) FROM (TABLE before EXCEPT TABLE lead_available) d) AS differ,
       (SELECT count(*) FROM (TABLE terms_before EXCEPT TABLE lead_terms) d) AS terms_differ;
ROLLBACK;

-- a dry run takes no transaction id: not one row is written or locked
\set ECHO none
\i :lib
\set ECHO all
SET leadpool.now = '2026-03-04 15:00+00';
SELECT add_lead(1), add_lead(2);
SELECT lp_rebuild_available();
SELECT FROM lp_client_set(client(1), 'One', '{"company_exclusive": true, "max_active_leads": 5}');
BEGIN;
SELECT n(lead_id) FROM lp_allocate(client(1), NULL, 3, '{"countries": null}', '{"dry_run": true, "request_key": "k", "per_company_max": 1}');
SELECT pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
COMMIT;
RESET leadpool.now;
DELETE FROM lead_clients;
DELETE FROM lead_worker_identity;
DELETE FROM lead_available;
DELETE FROM lead_available_built;
DELETE FROM lead_terms;
DELETE FROM lead_state;
DELETE FROM lead_pool;
DROP FUNCTION add_lead(int, jsonb), n(uuid), lead(int), client(int);

-- captured leads: what a ban on an address or a number leaves
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SELECT outcome FROM lp_capture('list', '[
    {"email": "ann@alpha.example", "email_status": "verified", "phone": "+12025550141", "seniority": "owner", "country": "United States"},
    {"email": "bob@beta.example", "email_status": "verified", "phone": "+12025550142", "seniority": "vp", "country": "United States"},
    {"email": "cid@gamma.example", "email_status": "verified", "phone": "+12025550143", "seniority": "intern", "country": "Germany"}]');
SELECT FROM lp_client_set('00000000-0000-7000-8000-c00000000001', 'One');
CREATE FUNCTION found(criteria jsonb) RETURNS text LANGUAGE sql AS
$$SELECT coalesce(string_agg(left(p.email, 3), ' ' ORDER BY a.ordinality), '-')
  FROM lp_allocate('00000000-0000-7000-8000-c00000000001', NULL, 100, criteria, '{"dry_run": true}') WITH ORDINALITY a
  JOIN lead_pool p ON p.id = a.lead_id$$;
SELECT found('{}') AS "all", found('{"countries": ["us"]}') AS us, found('{"channels": ["voice"]}') AS by_voice, (SELECT built FROM lead_available_built);
SAVEPOINT s;
SELECT lp_suppress('email', 'ann@alpha.example', 'bounced') IS NOT NULL AS bounced;
SELECT found('{}') AS by_email, found('{"channels": ["email", "voice"]}') AS by_either;
ROLLBACK TO s;
SELECT lp_suppress('phone', '+12025550141', 'dnc') IS NOT NULL AS dnc;
SELECT found('{}') AS by_email, found('{"channels": ["voice", "sms"]}') AS by_phone;
ROLLBACK TO s;
SELECT lp_suppress('email', 'ann@alpha.example', 'consent_revoked') IS NOT NULL AS revoked;
SELECT found('{}') AS by_email, found('{"channels": ["voice"]}') AS by_voice;
ROLLBACK TO s;
SELECT lp_suppress('email', 'ann@alpha.example', 'unsubscribed') IS NOT NULL AS unsubscribed;
SELECT found('{"channels": ["email", "voice"]}') AS nobody_but, (SELECT count(*) FROM lead_available) AS available;
\set VERBOSITY sqlstate
SELECT lp_assign(lp_find_lead(email => 'ann@alpha.example'), '00000000-0000-7000-8000-c00000000001');
\set VERBOSITY terse
ROLLBACK TO s;
SELECT lp_suppress('email', 'ann@alpha.example', 'excluded', '00000000-0000-7000-8000-c00000000001') IS NOT NULL AS excluded;
SELECT found('{}') AS without_excluded;
ROLLBACK TO s;
-- an event acts at once: replied, then released, is never handed out again
SELECT count(*) FROM lp_allocate('00000000-0000-7000-8000-c00000000001', NULL, 1);
SELECT effect FROM lp_record_event('interested', email => 'ann@alpha.example');
SELECT outcome, replied_at = '2026-03-04 15:00+00' AS replied FROM lead_assignments;
SELECT effect FROM lp_record_event('not_interested', email => 'ann@alpha.example');
SELECT effect FROM lp_record_event('interested', email => 'ann@alpha.example', occurred_at => '2026-03-01 00:00+00');
SELECT outcome, replied_at = '2026-03-01 00:00+00' AS earliest, not_interested_at IS NOT NULL AS refused FROM lead_assignments;
SET leadpool.now = '2026-03-05 15:00+00';
SELECT effect FROM lp_record_event('interested', email => 'ann@alpha.example');
SELECT outcome FROM lead_assignments;
SELECT effect FROM lp_record_event('not_interested', email => 'ann@alpha.example', occurred_at => '2026-03-02 00:00+00');
SELECT outcome FROM lead_assignments;
SELECT effect FROM lp_record_event('converted', email => 'ann@alpha.example');
SELECT effect FROM lp_record_event('not_interested', email => 'ann@alpha.example');
SELECT outcome, converted_at = '2026-03-05 15:00+00' AS converted FROM lead_assignments;
SELECT found('{}');
-- the score of a capture is the one that is explained
SELECT p.score = s.score AS same, p.score > 0 AS some FROM lead_pool p, LATERAL (SELECT score FROM lp_score(p.id) LIMIT 1) s ORDER BY p.score;
ROLLBACK;

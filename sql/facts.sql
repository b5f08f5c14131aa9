-- Facts with sources: what was told, by whom, and what an operator says.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SET TIME ZONE 'Asia/Tokyo';
SET datestyle = 'ISO';

SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "name": "Ada Quill", "title": "CTO", "email": "ada@quillmere.example", "email_status": "verified",
    "city": "Denver", "departments": ["it"], "last_refreshed_at": "2026-01-02T03:04:05Z",
    "organization": {"id": "o1", "name": "Quillmere", "estimated_num_employees": 40}}}', '2026-03-01 10:00+00');
SELECT lp_find_lead(apollo_id => 'p1') AS ada \gset
SELECT outcome FROM lp_capture('trade_fair', '{"apollo_id": "p1", "title": "Chief Technology Officer", "phone": "+1 303 555 0134", "city": "Denver"}', '2026-03-02 10:00+00');
SELECT outcome FROM lp_capture('old_list', '{"apollo_id": "p1", "title": "Engineer", "full_name": "Ada Q."}', '2026-02-01 10:00+00');
SELECT outcome FROM lp_capture_apollo('{"organization": {"id": "o1", "name": "Quillmere Ltd", "primary_domain": "quillmere.example", "industry": "textiles"}}', '2026-03-03 10:00+00');

-- every value with its source, newest first, one of them shown
SELECT column_name, value, source, captured_at AT TIME ZONE 'UTC' AS told, shown FROM lp_provenance(:'ada')
WHERE column_name IN ('title', 'full_name', 'city', 'email', 'email_status', 'phone', 'departments', 'company_name', 'company_industry',
                      'company_estimated_num_employees', 'last_refreshed_at', 'apollo_id');
-- the order is that of the columns; each shown value is the one of the row
SELECT p.column_name FROM lp_provenance(:'ada') p, LATERAL (SELECT to_jsonb(l) -> p.column_name AS now FROM lead_pool l WHERE l.id = :'ada') s
WHERE p.shown AND p.column_name NOT IN ('last_refreshed_at') AND p.value IS DISTINCT FROM s.now;
SELECT column_name FROM lp_provenance(:'ada') GROUP BY column_name HAVING count(*) FILTER (WHERE shown) <> 1 ORDER BY 1;
-- what a column shows has an origin
SELECT e.key FROM lead_pool l, jsonb_each(jsonb_strip_nulls(to_jsonb(l))) e WHERE l.id = :'ada'
  AND NOT EXISTS (SELECT FROM lp_provenance(:'ada', e.key) p WHERE p.shown)
  AND e.key NOT IN ('id', 'state', 'score', 'email_match', 'email_locked', 'email_role', 'phone_status', 'linkedin_slug', 'sources', 'first_source', 'enriched_at', 'created_at', 'updated_at');
SELECT value, source, shown FROM lp_provenance(:'ada', 'title');
SELECT * FROM lp_provenance(:'ada', 'nonsense');
SELECT * FROM lp_provenance(:'ada', 'score');
SELECT * FROM lp_provenance('00000000-0000-0000-0000-000000000001');
SELECT * FROM lp_provenance(NULL);

-- a pin stays whatever is captured later, older or newer
SELECT lp_pin(:'ada', 'title', '"Boss"');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "title": "CEO", "city": "Boulder"}}', '2026-03-04 12:00+00');
SELECT title, city, sources, first_source FROM lead_pool WHERE id = :'ada';
SELECT outcome FROM lp_capture('old_list', '{"apollo_id": "p1", "title": "Intern", "city": "Reno"}', '2026-01-01 10:00+00');
SELECT title, city, sources, first_source FROM lead_pool WHERE id = :'ada';
SELECT outcome FROM lp_capture_apollo('{"organization": {"id": "o1", "industry": "cloth"}}', '2026-03-04 13:00+00');
SELECT title, company_industry FROM lead_pool WHERE id = :'ada';
SELECT value, source, shown FROM lp_provenance(:'ada', 'company_industry');
SELECT value, source, captured_at AT TIME ZONE 'UTC' AS told, shown FROM lp_provenance(:'ada', 'title');
SELECT column_name, value, pinned_by = current_user AS by_me, pinned_at AT TIME ZONE 'UTC' AS pinned FROM lead_pins;
SELECT lp_unpin(:'ada', 'title');
SELECT lp_unpin(:'ada', 'title');
SELECT title, city FROM lead_pool WHERE id = :'ada';

-- pinned to nothing
SELECT lp_pin(:'ada', 'city', 'null');
SELECT lp_pin(:'ada', 'company_industry', 'null');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "city": "Aspen"}}', '2026-03-04 14:00+00');
SELECT city, company_industry FROM lead_pool WHERE id = :'ada';
SELECT value, source, shown FROM lp_provenance(:'ada', 'city') LIMIT 1;
SELECT lp_unpin(:'ada', c) FROM unnest('{city,company_industry}'::text[]) c;
SELECT city, company_industry FROM lead_pool WHERE id = :'ada';

-- an address: key, match, state and availability follow; nobody verified it
CREATE TEMP VIEW shown AS SELECT p.email, p.email_match, p.email_status, p.phone, p.phone_type, s.flags & 3 AS mail, s.email_domain,
    s.email_key IS NOT NULL AS key, a.channels & 1 AS by_mail, a.email_status AS available
FROM lead_pool p JOIN lead_state s ON s.lead_id = p.id LEFT JOIN lead_available a ON a.lead_id = p.id;
SELECT * FROM shown;
SELECT lp_pin(:'ada', 'email', '"Ada.Q@Other.example"');
SELECT * FROM shown;
SELECT kind, value, identifies, source FROM lead_identities WHERE lead_id = :'ada' ORDER BY kind, value;
SELECT lp_find_lead(email => 'ada.q@other.example') = :'ada' AS found;
SELECT lp_pin(:'ada', 'email_status', '"verified"');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "email": "ada@quillmere.example", "email_status": "bounced"}}', '2026-03-04 14:30+00');
SELECT * FROM shown;
SELECT lp_unpin(:'ada', 'email');
SELECT lp_unpin(:'ada', 'email_status');
SELECT * FROM shown;
SELECT lp_pin(:'ada', 'phone', '"+44 20 7946 0018"');
SELECT phone, phone_type, phone_status FROM lead_pool WHERE id = :'ada';
SELECT lp_pin(:'ada', 'phone', 'null');
SELECT phone, phone_type, phone_status FROM lead_pool WHERE id = :'ada';
SELECT lp_unpin(:'ada', 'phone');
SELECT phone, phone_type, phone_status FROM lead_pool WHERE id = :'ada';
-- other kinds of columns
SELECT lp_pin(:'ada', 'company_estimated_num_employees', '"55"');
SELECT lp_pin(:'ada', 'departments', '["sales", "it"]');
SELECT lp_pin(:'ada', 'company_revenue', '1250000.50');
SELECT lp_pin(:'ada', 'show_intent', 'true');
SELECT company_estimated_num_employees, departments, company_revenue, show_intent FROM lead_pool WHERE id = :'ada';
SELECT lp_unpin(:'ada', c) FROM unnest('{company_estimated_num_employees,departments,company_revenue,show_intent}'::text[]) c;
SELECT company_estimated_num_employees, departments, company_revenue, show_intent FROM lead_pool WHERE id = :'ada';

-- a banned address bans; another lead's key moves nobody
SELECT lp_suppress('email', 'stop@other.example', 'unsubscribed') IS NOT NULL AS banned;
SELECT lp_pin(:'ada', 'email', '"stop@other.example"');
SELECT flags & 512 AS banned, (SELECT count(*) FROM lead_available) AS available FROM lead_state;
SELECT outcome FROM lp_capture('list', '{"email": "bo@quillmere.example", "full_name": "Bo"}');
SELECT lp_pin(:'ada', 'email', '"bo@quillmere.example"');
SELECT value, identifies, lead_id = :'ada' AS ada FROM lead_identities WHERE value LIKE 'bo@%' ORDER BY identifies;
SELECT kind, lead_id = :'ada' AS ada, detail FROM lead_conflicts;

-- what is refused changes nothing
SELECT count(*) AS pins FROM lead_pins \gset
SELECT lp_pin(:'ada', 'nonsense', '1');
SELECT lp_pin(:'ada', 'score', '1');
SELECT lp_pin(:'ada', 'linkedin_slug', '"x"');
SELECT lp_pin(:'ada', 'company_estimated_num_employees', '"many"');
SELECT lp_pin(:'ada', 'departments', '{"a": 1}');
SELECT lp_pin(:'ada', 'email', '"no address"');
SELECT lp_pin(:'ada', 'phone', '"call me"');
SELECT lp_pin(:'ada', 'zone', '"Mars/Olympus"');
SELECT lp_pin(:'ada', 'title', NULL);
SELECT lp_pin(NULL, 'title', '"x"');
SELECT lp_pin(:'ada', NULL, '"x"');
SELECT lp_pin('00000000-0000-0000-0000-000000000001', 'title', '"x"');
SELECT lp_unpin(:'ada', 'nonsense');
SELECT lp_unpin('00000000-0000-0000-0000-000000000001', 'title');
CREATE ROLE engine;
GRANT EXECUTE ON FUNCTION lp_pin, lp_unpin TO engine;
SET ROLE engine;
SELECT lp_pin(:'ada', 'title', '"x"');
SELECT lp_unpin(:'ada', 'title');
RESET ROLE;
SELECT count(*) - :pins AS more FROM lead_pins;
ROLLBACK;

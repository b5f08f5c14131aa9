-- lp_explain_allocation: every rule, every criterion, the same answer as lp_allocate.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
CREATE FUNCTION who(client uuid) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT right(client::text, 4)::int$$;
SELECT who((lp_client_set(client(i), 'Client')).id) FROM generate_series(1, 2) i;
SELECT add_lead(1, '{"company_primary_domain": "acme.example", "country": "United States", "title": "VP of Sales", "seniority": "vp", "company_industry": "Retail", "company_industries": ["retail", "machinery"], "departments": ["sales"], "company_technologies": ["Salesforce"], "company_keywords": ["saas"], "company_estimated_num_employees": 50, "city": "Austin", "person_state": "Texas"}');
SELECT add_lead(2, '{"company_primary_domain": "acme.example"}');
SELECT lp_rebuild_available();
CREATE FUNCTION explain(lead int, criteria jsonb DEFAULT '{}') RETURNS TABLE (failed text, null_too bigint) LANGUAGE sql AS
$$SELECT coalesce(string_agg(rule, ' ' ORDER BY ordinality) FILTER (WHERE NOT passed), '-'), count(*) FILTER (WHERE passed IS NULL)
  FROM lp_explain_allocation(lead(lead), client(1), criteria) WITH ORDINALITY$$;
CREATE FUNCTION would(lead int, criteria jsonb DEFAULT '{}') RETURNS boolean LANGUAGE sql AS
$$SELECT lead(lead) IN (SELECT lead_id FROM lp_allocate(client(1), NULL, 100, criteria, '{"dry_run": true}'))$$;
SAVEPOINT s;

SELECT * FROM lp_explain_allocation(lead(1), client(1), '{"titles": ["vp sales"], "countries": ["US"], "industries": [], "cities": null}');
SELECT * FROM lp_explain_allocation(lead(99), client(1), '{"countries": ["US"]}');
\set VERBOSITY sqlstate
SELECT lp_explain_allocation(NULL, client(1));
SELECT lp_explain_allocation(lead(1), NULL);
SELECT lp_explain_allocation(lead(1), client(9));
SELECT lp_explain_allocation(lead(1), client(1), '{"colour": 1}');
SELECT lp_explain_allocation(lead(1), client(1), '[]');
\set VERBOSITY terse

-- each rule alone
SELECT e.*, would(1) FROM explain(1) e;
UPDATE lead_pool SET email_status = 'guessed' WHERE id = lead(1);
UPDATE lead_state SET flags = 1 WHERE lead_id = lead(1);
SELECT lp_rebuild_available();
SELECT e.*, would(1) FROM explain(1) e;
SELECT e.*, would(1, '{"email_statuses": ["guessed"]}') FROM explain(1, '{"email_statuses": ["guessed"]}') e;
ROLLBACK TO s;
SELECT lp_suppress('domain', 'acme.example', 'operator') IS NOT NULL;
SELECT e.*, would(1) FROM explain(1) e;
ROLLBACK TO s;
SELECT n(lead_id) FROM lp_assign(lead(1), client(2));
SELECT e.*, would(1) FROM explain(1) e;
SELECT count(*) FROM lp_explain_allocation(lead(1), client(1)) WHERE detail LIKE '%' || client(2) || '%' OR detail LIKE '%Client%';
SELECT n(lead_id) FROM lp_release(lead(1), client(2), 'x');
SELECT * FROM explain(1);
UPDATE lead_state SET contacted_by = client(2), contacted_at = '2026-01-01' WHERE lead_id = lead(1);
SELECT e.*, would(1) FROM explain(1) e;
ROLLBACK TO s;
UPDATE lead_state SET kept_for = client(1), kept_until = 'infinity' WHERE lead_id = lead(1);
SELECT lp_rebuild_available();
SELECT e.*, would(1) FROM explain(1) e;      -- even its own: lp_assign gives it
ROLLBACK TO s;
UPDATE lead_state SET replied_at = '2026-01-01' WHERE lead_id = lead(1);
SELECT e.*, would(1) FROM explain(1) e;
ROLLBACK TO s;
UPDATE lead_state SET not_interested_at = '2026-01-01' WHERE lead_id = lead(1);
SELECT lp_rebuild_available();
SELECT e.*, would(1) FROM explain(1) e;
SELECT FROM lp_client_set(client(1), settings => '{"not_interested_cooling": "1 day"}');
SELECT e.*, would(1) FROM explain(1) e;
ROLLBACK TO s;
SELECT FROM lp_client_set(client(1), settings => '{"status": "paused"}');
SELECT * FROM explain(1);
ROLLBACK TO s;
SELECT FROM lp_client_set(client(1), settings => '{"exclude_domains": ["acme.example"]}');
SELECT e.*, would(1) FROM explain(1) e;
ROLLBACK TO s;
SELECT FROM lp_client_set(client(2), settings => '{"company_exclusive": true}');
SELECT n(lead_id) FROM lp_assign(lead(2), client(2));
SELECT * FROM explain(1);
ROLLBACK TO s;
SELECT FROM lp_client_set(client(1), settings => '{"max_active_leads": 1}');
SELECT n(lead_id) FROM lp_assign(lead(2), client(1));
SELECT e.*, would(1) FROM explain(1) e;
SELECT * FROM lp_explain_allocation(lead(1), client(1)) WHERE rule IN ('max_active_leads', 'daily_allocation');
ROLLBACK TO s;
SELECT FROM lp_client_set(client(1), settings => '{"daily_allocation": 2}');
SELECT n(lead_id) FROM lp_assign(lead(2), client(1));
SELECT * FROM lp_explain_allocation(lead(1), client(1)) WHERE rule IN ('max_active_leads', 'daily_allocation');
SELECT count(*) FROM lead_limit_days;
ROLLBACK TO s;

-- each criterion, as lp_allocate answers it
WITH c(criteria) AS (SELECT jsonb_build_object(k, v) FROM (VALUES
    ('industries', '["retail"]'::jsonb), ('industries', '["machinery"]'), ('industries', '["mining"]'), ('exclude_industries', '["machinery"]'), ('exclude_industries', '["mining"]'),
    ('titles', '["vp sales"]'), ('titles', '["sales vp"]'), ('seniorities', '["vp"]'), ('seniorities', '["c_suite"]'), ('departments', '["sales"]'), ('departments', '["hr"]'),
    ('countries', '["US"]'), ('countries', '["DE", "FR"]'), ('states', '["texas"]'), ('states', '["ohio"]'), ('cities', '["austin"]'), ('cities', '["rome"]'),
    ('employees_min', '50'), ('employees_min', '51'), ('employees_max', '50'), ('employees_max', '49'), ('revenue_min', '1'),
    ('technologies', '["salesforce", "sap"]'), ('technologies_all', '["salesforce", "sap"]'), ('keywords', '["saas"]'), ('keywords', '["paas"]'),
    ('domains', '["acme.example"]'), ('domains', '["other.example"]'), ('exclude_domains', '["acme.example"]'), ('exclude_domains', '["other.example"]'),
    ('channels', '["email", "voice"]'), ('channels', '["voice"]'), ('email_statuses', '["verified"]'), ('email_statuses', '["guessed"]'), ('has_phone', 'true'), ('has_phone', 'false'),
    ('has_linkedin', 'true'), ('min_score', '50'), ('min_score', '51'), ('sources', '["list"]'), ('sources', '["apollo"]'),
    ('ingestion_id', '"00000000-0000-7000-8000-000000000001"')) t(k, v))
SELECT criteria, x.passed, would(1, criteria) = (SELECT bool_and(passed) FROM lp_explain_allocation(lead(1), client(1), criteria)) AS same
FROM c, LATERAL (SELECT passed FROM lp_explain_allocation(lead(1), client(1), criteria) WITH ORDINALITY ORDER BY ordinality DESC LIMIT 1) x;
-- of an owned lead too
SELECT n(lead_id) FROM lp_assign(lead(1), client(2));
SELECT * FROM explain(1, '{"countries": ["US"], "titles": ["vp sales"], "seniorities": ["c_suite"]}');
ROLLBACK;

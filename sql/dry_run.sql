-- A dry run, and the explanation of one, write not one row: a read-only transaction may ask,
-- also before lead_available was filled (after a restore).
\set ON_ERROR_ROLLBACK on
\set VERBOSITY sqlstate
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SELECT (lp_client_set('00000000-0000-7000-8000-c00000000001', 'One', '{"daily_allocation": 6, "max_active_leads": 7}')).status;
SELECT count(*) FROM lp_capture('list', (SELECT jsonb_agg(jsonb_build_object('email', format('p%s@co%s.example', i, i % 4), 'email_status', 'verified',
    'title', CASE i % 3 WHEN 0 THEN 'VP of Sales' ELSE 'Head of Sales' END, 'company_industry', CASE i % 2 WHEN 0 THEN 'retail' ELSE 'mining' END,
    'company_industries', CASE WHEN i % 5 = 0 THEN '["mining", "farming"]'::jsonb END,
    'country', CASE WHEN i % 4 < 2 THEN 'Germany' ELSE 'France' END, 'company_technologies', jsonb_build_array('tech ' || i % 3)))
    FROM generate_series(1, 12) i));
SELECT count(*) FROM lp_allocate('00000000-0000-7000-8000-c00000000001', NULL, 2, '{"domains": ["co1.example"]}');
CREATE FUNCTION offered(criteria jsonb, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS
$$SELECT coalesce(string_agg(split_part(p.email, '@', 1), ' ' ORDER BY a.ordinality), '-')
  FROM lp_allocate('00000000-0000-7000-8000-c00000000001', NULL, 100, criteria, options || '{"dry_run": true}') WITH ORDINALITY a
  JOIN lead_pool p ON p.id = a.lead_id$$;
CREATE FUNCTION explained(criteria jsonb) RETURNS bigint LANGUAGE sql AS
$$SELECT count(*) FROM lead_pool p WHERE (SELECT bool_and(passed) FROM lp_explain_allocation(p.id, '00000000-0000-7000-8000-c00000000001', criteria))$$;
CREATE TABLE asked (n serial, criteria jsonb, options jsonb);
INSERT INTO asked (criteria, options) VALUES ('{}', '{}'), ('{}', '{"order": "newest"}'), ('{}', '{"order": "random", "seed": 7}'), ('{}', '{"per_company_max": 1}'),
    ('{"titles": ["vp sales"]}', '{}'), ('{"industries": ["mining"]}', '{}'), ('{"exclude_industries": ["farming"]}', '{}'),
    ('{"technologies": ["tech 1"], "countries": ["DE", "FR"]}', '{}'), ('{"sources": ["list"], "countries": ["DE"]}', '{}'), ('{"channels": ["voice"]}', '{}');
CREATE VIEW answers AS SELECT n, offered(criteria, options), explained(criteria) FROM asked ORDER BY n;
CREATE TABLE first AS TABLE answers;
SELECT n, CASE n WHEN 3 THEN 'by chance' ELSE offered END AS offered, explained FROM first ORDER BY n;

\set ON_ERROR_ROLLBACK off
SAVEPOINT s;
SET TRANSACTION READ ONLY;
SELECT a.n FROM answers a JOIN first f USING (n) WHERE (a.offered, a.explained) IS DISTINCT FROM (f.offered, f.explained);
SELECT lp_allocate('00000000-0000-7000-8000-c00000000001', NULL, 1);
ROLLBACK TO s;

-- as a restore leaves it
DELETE FROM lead_available_built;
DELETE FROM lead_available;
DELETE FROM lead_terms;
SAVEPOINT restored;
SET TRANSACTION READ ONLY;
SELECT a.n FROM answers a JOIN first f USING (n) WHERE (a.offered, a.explained) IS DISTINCT FROM (f.offered, f.explained);
ROLLBACK TO restored;
SELECT a.n FROM answers a JOIN first f USING (n) WHERE (a.offered, a.explained) IS DISTINCT FROM (f.offered, f.explained);
SELECT (SELECT count(*) FROM lead_available) + (SELECT count(*) FROM lead_terms) + (SELECT count(*) FROM lead_available_built) AS written;
SELECT count(*) FROM lp_allocate('00000000-0000-7000-8000-c00000000001', NULL, 1, '{"titles": ["vp sales"]}');
ROLLBACK;

-- Companies held for a client follow the leads that it owns.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
SELECT FROM lp_client_set(client(1), 'One', '{"company_exclusive": true}');
SELECT FROM lp_client_set(client(2), 'Two', '{"company_exclusive": true}');
SELECT FROM lp_client_set(client(3), 'Three');
CREATE FUNCTION works(id text, domain text, day date) RETURNS uuid LANGUAGE sql AS
$$SELECT lead_id FROM lp_capture_apollo(jsonb_build_object('person', jsonb_build_object('id', id, 'email', id || '@mail.example', 'email_status', 'verified',
    'organization', jsonb_build_object('id', 'o-' || domain, 'primary_domain', domain || '.example'))), day)$$;
CREATE FUNCTION works_at(id text, domain text) RETURNS uuid LANGUAGE sql AS $$SELECT works(id, domain, '2026-02-02')$$;
CREATE VIEW holds AS SELECT company, right(client_id::text, 1) AS client FROM lead_company_holds ORDER BY 1;
-- what the holds should be: companies of the leads of clients that have them to themselves
CREATE VIEW wrong AS
SELECT h.company, 'held for nobody there' AS what FROM lead_company_holds h WHERE NOT EXISTS (
    SELECT FROM lead_assignments a JOIN lead_state s ON s.lead_id = a.lead_id JOIN lead_clients c ON c.id = a.client_id
    WHERE a.client_id = h.client_id AND a.status = 'active' AND (c.settings->>'company_exclusive')::boolean
      AND h.company IN ('domain:' || s.company_domain, 'apollo:' || s.company_org))
UNION ALL SELECT k.company, 'not held' FROM lead_assignments a JOIN lead_state s ON s.lead_id = a.lead_id JOIN lead_clients c ON c.id = a.client_id
    CROSS JOIN LATERAL (VALUES ('domain:' || s.company_domain), ('apollo:' || s.company_org)) k(company)
    WHERE a.status = 'active' AND (c.settings->>'company_exclusive')::boolean AND k.company IS NOT NULL
      AND NOT EXISTS (SELECT FROM lead_company_holds h WHERE h.company = k.company);
SELECT works('a', 'acme', '2026-01-01') AS a, works('b', 'acme', '2026-01-01') AS b, works('c', 'beta', '2026-01-01') AS c, works('d', 'gamma', '2026-01-01') AS d \gset
SELECT FROM lp_assign(:'a', client(1));
TABLE holds;
SAVEPOINT s;

-- a capture that says where the person works now
SELECT works_at('a', 'nova') = :'a' AS same;
TABLE holds;
SELECT status FROM lp_assign(:'b', client(3));
SELECT works_at('e', 'nova') AS e \gset
\set VERBOSITY sqlstate
SELECT lp_assign(:'e', client(3));
\set VERBOSITY terse
SELECT status FROM lp_release(:'a', client(1), 'x');
TABLE holds;
SELECT status FROM lp_assign(:'e', client(3));
ROLLBACK TO s;

-- while the client owns another lead there, the company stays held
SELECT status FROM lp_assign(:'b', client(1));
SELECT works_at('a', 'nova') = :'a' AS same;
TABLE holds;
SELECT works_at('b', 'nova') = :'b' AS same;
TABLE holds;
TABLE wrong;
ROLLBACK TO s;

-- a company that another client has stays with it; who remains inherits it
SELECT status FROM lp_assign(:'c', client(2));
SELECT works_at('a', 'beta') = :'a' AS same;
TABLE holds;
SELECT status FROM lp_release(:'c', client(2), 'x');
TABLE holds;
TABLE wrong;
ROLLBACK TO s;

-- a pin, its removal, a dropped source
SELECT lp_pin(:'a', 'company_primary_domain', '"pinned.example"');
TABLE holds;
SELECT lp_unpin(:'a', 'company_primary_domain');
TABLE holds;
SELECT lead_id = :'a' AS same FROM lp_capture('list', '{"apollo_id": "a", "company_primary_domain": "listed.example"}');
TABLE holds;
SELECT lp_drop_source(:'a', 'list') > 0 AS dropped;
TABLE holds;
TABLE wrong;
ROLLBACK TO s;

-- merged with one who works elsewhere, and parted again
SELECT works_at('d', 'nova') = :'d' AS same;
SELECT lp_merge(:'a', :'d', 'x') AS m \gset
TABLE holds;
TABLE wrong;
SELECT lp_unmerge(:'m') = :'d' AS parted;
TABLE holds;
TABLE wrong;
ROLLBACK TO s;

-- switched off while leads are owned, and on again after they moved
SELECT works_at('a', 'beta') = :'a' AS same;
SELECT status FROM lp_assign(:'d', client(2));
SELECT works_at('d', 'beta') = :'d' AS same;
TABLE holds;
SELECT FROM lp_client_set(client(1), settings => '{"company_exclusive": false}');
TABLE holds;
SELECT works_at('d', 'delta') = :'d' AS same;
TABLE holds;
SELECT FROM lp_client_set(client(1), settings => '{"company_exclusive": true}');
TABLE holds;
TABLE wrong;
-- a client that leaves
SELECT lp_client_cancel(client(1))->>'freed' AS freed;
TABLE holds;
TABLE wrong;
ROLLBACK;

-- exclude_domains and domain bans: mail domain, company domain as given, sub-domains.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY sqlstate
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
SELECT FROM lp_client_set(client(1), 'One');
SELECT FROM lp_client_set(client(2), 'Two');
SELECT FROM lp_sender_set(client(1), 'email', 'ann@agency.example', '{"warmup_ready": true}');
-- the company's domain as it came, and the mail domain
SELECT ordinal, outcome FROM lp_capture('list', '[
    {"email": "p1@gmail.com", "email_status": "verified", "company_primary_domain": "eu.acme.co.uk"},
    {"email": "p2@gmail.com", "email_status": "verified", "company_primary_domain": "https://www.acme.co.uk/about"},
    {"email": "p3@deep.eu.acme.co.uk", "email_status": "verified"},
    {"email": "p4@gmail.com", "email_status": "verified", "company_primary_domain": "Deep.EU.acme.co.uk"},
    {"email": "p5@gmail.com", "email_status": "verified", "company_primary_domain": "us.acme.co.uk"}]');
CREATE FUNCTION id(n int) RETURNS uuid LANGUAGE sql AS
$$SELECT id FROM lead_pool WHERE email LIKE 'p' || n || '@%'$$;
CREATE VIEW offered AS SELECT string_agg(substr(p.email, 1, 2), ' ' ORDER BY p.email) AS offered
    FROM lp_allocate(client(1), NULL, 100, '{}', '{"dry_run": true}') a JOIN lead_pool p ON p.id = a.lead_id;
CREATE VIEW blocked AS SELECT n, c.failed FROM generate_series(1, 5) n, lp_jit_check(id(n), client(1), 'email', 'ann@agency.example') c ORDER BY n;
SELECT n, company_domain, company_host FROM generate_series(1, 5) n JOIN lead_state s ON s.lead_id = id(n) ORDER BY n;
TABLE offered;
SAVEPOINT s;

-- the entry of a sub-domain stops that and what is below it
SELECT FROM lp_client_set(client(1), settings => '{"exclude_domains": ["EU.Acme.co.uk"]}');
TABLE offered;
SELECT lp_assign(id(1), client(1));
SELECT status FROM lp_assign(id(5), client(1));
SELECT n, string_agg(rule, ' ') FILTER (WHERE NOT passed) FROM generate_series(1, 5) n, lp_explain_allocation(id(n), client(1)) GROUP BY n ORDER BY n;
SELECT status FROM lp_assign(id(1), client(2));
ROLLBACK TO s;
SELECT FROM lp_client_set(client(1), settings => '{"exclude_domains": ["acme.co.uk"]}');
TABLE offered;
ROLLBACK TO s;
-- set later, it stops what is owned already
SELECT count(lp_assign(id(n), client(1))) FROM generate_series(1, 5) n;
SELECT FROM lp_client_set(client(1), settings => '{"exclude_domains": ["eu.acme.co.uk"]}');
TABLE blocked;
ROLLBACK TO s;
-- a ban on a domain likewise
SELECT lp_suppress('domain', 'eu.acme.co.uk', 'operator') IS NOT NULL AS banned;
TABLE offered;
SELECT lp_assign(id(4), client(1));
ROLLBACK TO s;
SELECT count(lp_assign(id(n), client(1))) FROM generate_series(1, 5) n;
SELECT lp_suppress('domain', 'eu.acme.co.uk', 'operator') IS NOT NULL AS banned;
TABLE blocked;
ROLLBACK TO s;

-- a newer capture moves the company
SELECT outcome FROM lp_capture('list', '{"email": "p1@gmail.com", "company_primary_domain": "acme.co.uk"}');
SELECT company_domain, company_host FROM lead_state WHERE lead_id = id(1);
ROLLBACK;

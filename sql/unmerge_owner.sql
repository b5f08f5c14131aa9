-- lp_unmerge: who owns what, and which companies, if something happened since.
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
SELECT FROM lp_client_set(client(3), 'Three');
SELECT lead_id AS s FROM lp_capture_apollo('{"person": {"id": "s", "email": "s@sail.example", "email_status": "verified", "organization": {"id": "os", "primary_domain": "sail.example"}}}', '2026-01-05') \gset
SELECT lead_id AS d FROM lp_capture_apollo('{"person": {"id": "d", "email": "d@dive.example", "email_status": "verified", "linkedin_url": "https://linkedin.com/in/d-diver", "organization": {"id": "od", "primary_domain": "dive.example"}}}', '2026-01-06') \gset
SELECT lead_id AS y FROM lp_capture_apollo('{"person": {"id": "y", "email": "y@dive.example", "email_status": "verified", "organization": {"id": "od", "primary_domain": "dive.example"}}}', '2026-01-06') \gset
CREATE FUNCTION who(id uuid, s uuid) RETURNS text LANGUAGE sql AS $$SELECT CASE WHEN id = s THEN 's' ELSE (SELECT apollo_id FROM lead_pool p WHERE p.id = who.id) END$$;
CREATE VIEW holds AS SELECT company, right(client_id::text, 1) AS client, held_at AT TIME ZONE 'UTC' AS held_at FROM lead_company_holds ORDER BY 1;
SAVEPOINT begin;

-- what the client has to itself by the setting of today
SELECT FROM lp_client_set(client(1), settings => '{"company_exclusive": true}');
SELECT FROM lp_client_set(client(3), settings => '{"company_exclusive": true}');
SELECT who(lead_id, :'s') FROM lp_assign(:'s', client(1));
SELECT lp_merge(:'d', :'s', 'x') AS m \gset
TABLE holds;
SAVEPOINT merged;
-- another client has the company by now: it keeps it
SELECT FROM lp_client_set(client(1), settings => '{"company_exclusive": false}');
SELECT who(lead_id, :'s') FROM lp_assign(:'y', client(3));
SELECT lp_unmerge(:'m') = :'s' AS restored;
TABLE holds;
ROLLBACK TO merged;
-- the client got another lead of the company that the merge brought
SET leadpool.now = '2026-03-04 15:01+00';
SELECT who(lead_id, :'s') FROM lp_assign(:'y', client(1));
SELECT lp_unmerge(:'m') = :'s' AS restored;
TABLE holds;
ROLLBACK TO begin;

-- the lead that comes back
SELECT FROM lp_client_set(client(2), settings => '{"company_exclusive": true}');
SELECT who(lead_id, :'s') FROM lp_assign(:'s', client(1));
SET leadpool.now = '2026-03-04 15:01+00';
SELECT who(lead_id, :'s') FROM lp_assign(:'d', client(2));
SET leadpool.now = '2026-03-04 15:02+00';
SELECT lp_merge(:'s', :'d', 'x') AS m \gset
TABLE holds;
SAVEPOINT merged;
SELECT FROM lp_client_set(client(2), settings => '{"company_exclusive": false}');
SELECT lp_unmerge(:'m') = :'d' AS restored;
TABLE holds;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2;
ROLLBACK TO merged;
-- its company is another's: it does not come back, and a replacement is owed
SELECT FROM lp_client_set(client(3), settings => '{"company_exclusive": true}');
SELECT who(lead_id, :'s') FROM lp_assign(:'y', client(3));
SELECT lp_unmerge(:'m') = :'d' AS restored;
TABLE holds;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2;
SELECT right(client_lost::text, 1) AS lost, replacement_owed, status, settled_at FROM lead_conflicts;
ROLLBACK TO merged;
-- also to a client that never had it to itself
UPDATE lead_clients SET settings = '{}' WHERE id = client(2);
DELETE FROM lead_company_holds;
DELETE FROM lead_merge_rows WHERE relation = 'lead_company_holds';
SELECT FROM lp_client_set(client(3), settings => '{"company_exclusive": true}');
SELECT who(lead_id, :'s') FROM lp_assign(:'y', client(3));
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2;
ROLLBACK TO merged;
-- the other client has contacted it meanwhile: no second one may
SELECT lead_id = :'s' AS survivor FROM lp_touch_record(:'s', client(1), 'linkedin');
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client FROM lead_touches;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2;
SELECT right(client_lost::text, 1) AS lost, replacement_owed, status FROM lead_conflicts;
SELECT count(*) FROM lead_proof_collisions;
ROLLBACK TO merged;
-- a client that has left is owed nothing
SELECT lp_client_cancel(client(2))->>'freed' AS freed;
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2;
SELECT status FROM lead_conflicts;
ROLLBACK TO begin;

-- a third client had the survivor meanwhile: history does not overlap
SELECT who(lead_id, :'s') FROM lp_assign(:'d', client(2));
SET leadpool.now = '2026-03-04 15:01+00';
SELECT who(lead_id, :'s') FROM lp_assign(:'s', client(1));
SET leadpool.now = '2026-03-04 15:02+00';
SELECT lp_merge(:'s', :'d', 'x') AS m \gset
SELECT status FROM lp_release(:'s', client(2), 'x');
SET leadpool.now = '2026-03-04 15:03+00';
SELECT status FROM lp_assign(:'s', client(3));
SET leadpool.now = '2026-03-04 15:04+00';
SELECT status FROM lp_release(:'s', client(3), 'x');
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2;
SELECT count(*) FROM lead_proof_collisions;
ROLLBACK TO begin;

-- a lead that was contacted and released since is kept where its assignment is
SELECT who(lead_id, :'s') FROM lp_assign(:'d', client(2));
SELECT lp_merge(:'s', :'d', 'x') AS m \gset
SELECT lead_id = :'s' AS survivor FROM lp_touch_record(:'s', client(2), 'linkedin');
SELECT kept_until FROM lp_release(:'s', client(2), 'x');
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), right(contacted_by::text, 1) AS contacted_by, right(kept_for::text, 1) AS kept_for, kept_until FROM lead_state WHERE lead_id <> :'y' ORDER BY 1;
SELECT passed AS survivor_is_free FROM lp_explain_allocation(:'s', client(1)) WHERE rule = 'not_kept';
ROLLBACK TO begin;

-- converted since: each assignment that says so keeps its lead for ever
SELECT who(lead_id, :'s') FROM lp_assign(:'s', client(1));
SET leadpool.now = '2026-03-04 15:01+00';
SELECT who(lead_id, :'s') FROM lp_assign(:'d', client(2));
SELECT lp_merge(:'s', :'d', 'x') AS m \gset
SELECT effect FROM lp_record_event('converted', email => 'd@dive.example', client_id => client(1));
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status, outcome FROM lead_assignments ORDER BY 2;
SELECT who(lead_id, :'s'), right(converted_by::text, 1) AS converted_by FROM lead_state WHERE lead_id <> :'y' ORDER BY 1;
\set VERBOSITY sqlstate
SELECT status FROM lp_release(:'s', client(1), 'x');
\set VERBOSITY terse
ROLLBACK TO begin;

-- and one that said so while it was ended keeps it once it is active again
SELECT who(lead_id, :'s') FROM lp_assign(:'d', client(2));
SET leadpool.now = '2026-03-04 15:01+00';
SELECT who(lead_id, :'s') FROM lp_assign(:'s', client(1));
SELECT lp_merge(:'s', :'d', 'x') AS m \gset
SELECT status FROM lp_release(:'s', client(2), 'x');
SELECT lp_merge(:'y', :'s', 'x') AS later \gset
SELECT effect FROM lp_record_event('converted', email => 'y@dive.example', client_id => client(1));
SELECT lp_unmerge(:'later') = :'s' AS restored;
SELECT who(lead_id, :'s'), status, outcome FROM lead_assignments WHERE client_id = client(1);
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), status, outcome FROM lead_assignments WHERE client_id = client(1);
SELECT who(lead_id, :'s'), right(converted_by::text, 1) AS converted_by FROM lead_state ORDER BY 1;
\set VERBOSITY sqlstate
SELECT status FROM lp_release(:'s', client(1), 'x');
ROLLBACK;

-- A capture that ties two leads merges them.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SELECT FROM lp_client_set('00000000-0000-7000-8000-00000000000a', 'A');
SELECT FROM lp_client_set('00000000-0000-7000-8000-00000000000b', 'B');
SAVEPOINT s;
SELECT lead_id AS a FROM lp_capture_apollo('{"person": {"id": "a", "email": "a@tie.example", "title": "one"}}') \gset
SELECT lead_id AS b FROM lp_capture_apollo('{"person": {"id": "b", "email": "b@tie.example", "linkedin_url": "https://linkedin.com/in/b-two", "city": "Oslo"}}') \gset
-- by address and by profile; the older id survives, whichever key is stronger
SAVEPOINT t;
SELECT ordinal, lead_id = :'a' AS survivor, outcome, detail FROM lp_capture_apollo('{"person": {"id": "b", "email": "a@tie.example", "title": "both"}}');
SELECT survivor = :'a' AS survivor, duplicate = :'b' AS duplicate, reason FROM lead_merges;
SELECT email, title, city FROM lead_pool WHERE id = :'a';
SELECT lp_find_lead(linkedin_url => 'linkedin.com/in/b-two') = :'a' AS alias, lp_find_lead(apollo_id => 'b') = :'a' AS by_id;
SELECT count(*) FROM lead_conflicts;
-- the same payload again changes nothing
SELECT lead_id = :'a' AS survivor, outcome FROM lp_capture_apollo('{"person": {"id": "b", "email": "a@tie.example", "title": "both"}}');
SELECT count(*) FROM lead_merges;
ROLLBACK TO t;
SELECT lead_id = :'a' AS survivor, outcome FROM lp_capture('list', '{"email": "a@tie.example", "linkedin_url": "https://linkedin.com/in/b-two"}');
ROLLBACK TO t;
-- a phone ties nobody
SELECT outcome, lead_id = :'a' AS a FROM lp_capture('list', '{"email": "a@tie.example", "phone": "+13035550101"}');
SELECT outcome, lead_id = :'b' AS b FROM lp_capture('list', '{"email": "b@tie.example", "phone": "+13035550101"}');
SELECT count(*) FROM lead_merges;
ROLLBACK TO t;
-- nor does a key that may not merge
SET leadpool.merge_on = 'apollo_id,linkedin';
SELECT outcome, detail, lead_id = :'b' AS b FROM lp_capture_apollo('{"person": {"id": "b", "email": "a@tie.example"}}');
SELECT count(*) FROM lead_merges;
SELECT kind, lead_id = :'b' AS lead, other_lead_id = :'a' AS other, status, detail FROM lead_conflicts;
RESET leadpool.merge_on;
ROLLBACK TO t;
-- three at once, and people who are new in the body
SELECT lead_id AS c FROM lp_capture_apollo('{"person": {"id": "c", "email": "c@tie.example"}}') \gset
SELECT ordinal, lead_id = :'a' AS a, outcome FROM lp_capture_apollo('{"people": [{"id": "n1", "email": "n1@tie.example"}, {"id": "c", "email": "n1@tie.example"},
    {"id": "n2"}, {"id": "n3", "email": "n3@tie.example"}, {"id": "n2", "email": "n3@tie.example"},
    {"id": "a", "email": "b@tie.example"}, {"id": "c", "linkedin_url": "https://linkedin.com/in/b-two"}]}');
SELECT count(*) AS merges FROM lead_merges;
SELECT state, count(*) FROM lead_pool GROUP BY 1 ORDER BY 1;
SELECT lp_find_lead(apollo_id => 'n1') = :'a' AS n1, lp_find_lead(apollo_id => 'n2') = lp_find_lead(apollo_id => 'n3') AS n2, lp_find_lead(apollo_id => 'c') = :'a' AS c;
SELECT count(*) FROM lead_captures WHERE envelope_id IS NOT NULL AND lead_id NOT IN (SELECT id FROM lead_pool WHERE state = 'active');
ROLLBACK TO t;
-- owners: the first one assigned keeps it, the other one is owed another
SELECT FROM lp_assign(:'b', '00000000-0000-7000-8000-00000000000b');
SET leadpool.now = '2026-03-04 15:01+00';
SELECT FROM lp_assign(:'a', '00000000-0000-7000-8000-00000000000a');
SELECT lead_id = :'a' AS survivor, outcome FROM lp_capture_apollo('{"person": {"id": "a", "email": "b@tie.example"}}');
SELECT right(client_id::text, 1) AS client, lead_id = :'a' AS survivor, status, origin FROM lead_assignments ORDER BY 1;
SELECT kind, lead_id = :'a' AS survivor, right(client_kept::text, 1) AS kept, right(client_lost::text, 1) AS lost, replacement_owed, status FROM lead_conflicts;
ROLLBACK TO t;
-- both converted by different clients: not merged, and an operator is told
SELECT FROM lp_assign(:'b', '00000000-0000-7000-8000-00000000000b');
SELECT FROM lp_assign(:'a', '00000000-0000-7000-8000-00000000000a');
SELECT effect FROM lp_record_event('converted', lead_id => :'a'), lp_record_event('converted', lead_id => :'b') x(y, z, e);
SELECT lead_id = :'a' AS strongest, outcome, detail FROM lp_capture_apollo('{"person": {"id": "a", "email": "b@tie.example"}}');
SELECT kind, lead_id = :'a' AS lead, other_lead_id = :'b' AS other, client_kept, replacement_owed, status, detail FROM lead_conflicts;
SELECT count(*) AS merges, (SELECT count(*) FROM lead_assignments WHERE status = 'active') AS owned FROM lead_merges;
SELECT lp_find_lead(email => 'b@tie.example') = :'b' AS key_not_moved;
ROLLBACK;

-- Dropping a source, and pins through merges.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SET TIME ZONE 'UTC';
\set list '[{"apollo_id": "p1", "title": "Chief", "city": "Reno", "email": "ada@list.example"}, {"apollo_id": "p2", "title": "Clerk", "full_name": "Bo Reed"}]'
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "name": "Ada Quill", "title": "CTO", "email": "ada@quillmere.example", "email_status": "verified"}}', '2026-03-01 10:00+00');
SELECT outcome FROM lp_capture('trade_fair', :'list', '2026-03-02 10:00+00');
SELECT outcome FROM lp_capture('trade_fair', '{"apollo_id": "p1", "seniority": "c_suite"}', '2026-03-03 10:00+00');
SELECT lp_find_lead(apollo_id => 'p1') AS ada, lp_find_lead(apollo_id => 'p2') AS bo \gset
CREATE TEMP VIEW ada AS SELECT title, city, seniority, email, email_status, sources, first_source FROM lead_pool WHERE id = :'ada';
TABLE ada;
SELECT lp_drop_source(:'ada', 'trade_fair') AS dropped;
TABLE ada;
SELECT column_name, value, source, shown FROM lp_provenance(:'ada') WHERE column_name IN ('title', 'city', 'seniority', 'email');
-- keys stay, others stay, nothing is left over
SELECT lp_find_lead(email => 'ada@list.example') = :'ada' AS known;
SELECT title, full_name, sources FROM lead_pool WHERE id = :'bo';
SELECT source, element, part FROM lead_captures ORDER BY id;
SELECT count(*) FROM lead_capture_keys k WHERE NOT EXISTS (SELECT FROM lead_captures c WHERE c.id = k.capture_id);
SELECT lp_drop_source(:'ada', 'trade_fair') AS again, lp_drop_source(:'ada', 'never') AS never;
-- the same bodies may come again
SELECT outcome, lead_id = :'ada' AS ada FROM lp_capture('trade_fair', :'list', '2026-03-02 10:00+00');
SELECT outcome FROM lp_capture('trade_fair', :'list', '2026-03-02 10:00+00');
TABLE ada;
-- a pin outlives every source
SELECT lp_pin(:'ada', 'title', '"Boss"');
SELECT lp_drop_source(:'ada', s) AS dropped FROM unnest('{trade_fair,apollo}'::text[]) s;
SELECT title, city, email, sources, state FROM lead_pool WHERE id = :'ada';
SELECT column_name, value, source, shown FROM lp_provenance(:'ada');
SELECT outcome, lead_id = :'ada' AS ada FROM lp_capture_apollo('{"person": {"id": "p1", "name": "Ada Quill", "title": "CTO", "city": "Denver"}}', '2026-03-01 10:00+00');

-- merged: pins of the survivor win, those of the other stay where the survivor has none
SELECT lp_pin(:'bo', 'title', '"Clerk in chief"');
SELECT lp_pin(:'bo', 'city', '"Boise"');
SELECT lp_merge(:'ada', :'bo', 'one person') AS merge \gset
TABLE ada;
SELECT column_name, value, source, shown FROM lp_provenance(:'bo') WHERE column_name IN ('title', 'city') ORDER BY 1, shown DESC, 3, 2;
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p2", "title": "Newest", "city": "Newest"}}', '2026-03-04 14:00+00');
TABLE ada;
-- dropped from the survivor: whose captures they were does not matter any more
SELECT lp_drop_source(:'bo', 'trade_fair') AS dropped;
SELECT lp_unpin(:'ada', 'title');
SELECT lp_unpin(:'ada', 'city');
TABLE ada;
SELECT lp_unmerge(:'merge') = :'bo' AS undone;
SELECT apollo_id, title, city FROM lead_pool ORDER BY apollo_id;

-- who may not, what is not
SELECT lp_drop_source(NULL, 'apollo');
SELECT lp_drop_source(:'ada', NULL);
SELECT lp_drop_source('00000000-0000-0000-0000-000000000001', 'apollo');
CREATE ROLE engine;
GRANT EXECUTE ON FUNCTION lp_drop_source TO engine;
SET ROLE engine;
SELECT lp_drop_source(:'ada', 'apollo');
RESET ROLE;
ROLLBACK;

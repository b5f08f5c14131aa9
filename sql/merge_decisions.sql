-- Decisions of claims follow a merge, and go back when it is undone.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\set a '''00000000-0000-7000-8000-00000000000a'''
SELECT (lp_client_set(:a, 'Agency A', '{"recent_contact": "0", "channel_cooling": "0"}')).status;
SELECT (lp_sender_set(:a, 'email', 'out@agency.example', '{"warmup_ready": true}')).status;
SELECT outcome FROM lp_capture('list', '[{"email": "one@a.example", "email_status": "verified"},
    {"email": "two@b.example", "email_status": "verified"}, {"email": "three@c.example", "email_status": "verified"}]');
SELECT lp_find_lead(email => 'one@a.example') AS one, lp_find_lead(email => 'two@b.example') AS two, lp_find_lead(email => 'three@c.example') AS three \gset
CREATE TEMP TABLE known (id uuid, name text);
INSERT INTO known VALUES (:'one', 'one'), (:'two', 'two'), (:'three', 'three');
CREATE FUNCTION name(lead uuid) RETURNS text LANGUAGE sql AS $$SELECT k.name FROM known k WHERE k.id = lead$$;
CREATE VIEW decisions AS SELECT d.decided_at AT TIME ZONE 'UTC' AS decided, name(d.lead_id) AS lead, name(d.decided_for) AS decided_for, d.allowed FROM lead_decisions d ORDER BY 1, 3;
SELECT count(lp_assign(l, :a)) FROM unnest(ARRAY[:'one', :'two', :'three']::uuid[]) l;
SELECT allowed FROM lp_jit_claim(:'one', :a, 'email', 'out@agency.example');
SET leadpool.now = '2026-03-04 15:01+00';
SELECT allowed FROM lp_jit_claim(:'two', :a, 'email', 'out@agency.example');
SET leadpool.now = '2026-03-04 15:02+00';
SELECT allowed FROM lp_jit_claim(:'three', :a, 'email', 'out@agency.example');
CREATE TEMP TABLE before AS SELECT * FROM lead_decisions;
SELECT lp_merge(:'two', :'three', 'same') AS first \gset
TABLE decisions;
SELECT lp_merge(:'one', :'two', 'same') AS second \gset
SET leadpool.now = '2026-03-04 15:03+00';
SELECT allowed FROM lp_jit_claim(:'three', :a, 'linkedin');
TABLE decisions;
SELECT name(lp_unmerge(:'second'));
TABLE decisions;
SELECT name(lp_unmerge(:'first'));
SELECT count(*) AS changed FROM ((TABLE before EXCEPT TABLE lead_decisions)) d;
ROLLBACK;

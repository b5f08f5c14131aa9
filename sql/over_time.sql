-- What time and a payment do to ownership, by the functions alone: a refusal and its twelve months, a pause that is no cancel.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
SET leadpool.now = '2024-02-01 12:00+00';
SELECT FROM lp_client_set(client(1), 'One');
SELECT FROM lp_client_set(client(2), 'Two');
SELECT FROM lp_sender_set(client(1), 'email', 'ann@one.example', '{"warmup_ready": true}');
SELECT FROM lp_sender_set(client(2), 'email', 'bob@two.example', '{"warmup_ready": true}');
SELECT count(*) FROM (SELECT add_lead(i) FROM generate_series(1, 4) i) t;
SELECT lp_rebuild_available();
SELECT count(lp_assign(lead(i), client(1))) FROM generate_series(1, 3) i;
CREATE FUNCTION ask(lead int, client int, at timestamptz) RETURNS text LANGUAGE sql AS
$$SELECT CASE WHEN allowed THEN 'allowed' ELSE array_to_string(failed, ' ') END || coalesce(', then ' || (retry_at AT TIME ZONE 'UTC')::text, '')
  FROM lp_jit_check(lead(lead), client(client), 'email', CASE client WHEN 1 THEN 'ann@one.example' ELSE 'bob@two.example' END, at)$$;
SAVEPOINT s;

-- said on 29 February: no contact by anyone for twelve calendar months, and the assignment stays
SET leadpool.now = '2024-02-29 12:00+00';
SELECT effect FROM lp_record_event('not_interested', lead(1), client(1), external_id => 'no');
SELECT status, outcome, not_interested_at AT TIME ZONE 'UTC' AS since FROM lead_assignments WHERE lead_id = lead(1);
SELECT ask(1, 1, '2025-02-28 11:59:59.999999+00'), ask(1, 1, '2025-02-28 12:00+00'), ask(1, 1, '2025-03-01 00:00+00');
-- given back (nobody had contacted the person), another client gets it no sooner, by name or from the pool
SELECT status, kept_until FROM lp_release(lead(1), client(1), 'refused');
SELECT lp_release(lead(i), client(1), 'x') IS NOT NULL FROM generate_series(2, 3) i;
SELECT count(lp_assign(lead(i), client(1))) FROM generate_series(2, 4) i;
SET leadpool.now = '2025-02-28 11:59:59.999999+00';
SELECT lp_assign(lead(1), client(2));
SELECT n(lead_id) FROM lp_allocate(client(2), NULL, 1);
SELECT rule, detail FROM lp_explain_allocation(lead(1), client(2)) WHERE NOT passed;
-- a report that comes late, or again, moves nothing
SELECT effect FROM lp_record_event('not_interested', lead(1), client(1), external_id => 'no');
SELECT effect FROM lp_record_event('not_interested', lead(1), client(1), occurred_at => '2024-01-15 00:00+00');
SELECT not_interested_at AT TIME ZONE 'UTC' AS since FROM lead_state WHERE lead_id = lead(1);
-- who refused has replied too, and no waiting ends that; the twelve months by themselves, as after an import that knows of no reply:
UPDATE lead_state SET replied_at = NULL WHERE lead_id = lead(1);
SELECT lp_rebuild_available() > 0;
SELECT lp_assign(lead(1), client(2));
SELECT n(lead_id) FROM lp_allocate(client(2), NULL, 1);
SET leadpool.now = '2025-02-28 12:00+00';
SELECT n(lead_id) FROM lp_allocate(client(2), NULL, 1);
SELECT ask(1, 2, NULL);
ROLLBACK TO s;

-- a payment that fails: a pause is no cancel; nothing goes out, nothing changes hands, and nothing is lost when it is over
SET leadpool.now = '2024-02-01 12:00+00';
SELECT touch_id AS claim, allowed FROM lp_jit_claim(lead(1), client(1), 'email', 'ann@one.example', ttl => '1 hour') \gset
SELECT status, paused_reason FROM lp_client_set(client(1), settings => '{"status": "paused"}');
SELECT lp_touch_dispatch(:'claim');
SELECT ask(1, 1, NULL), ask(2, 1, NULL);
SELECT allowed, blocked_by FROM lp_jit_claim(lead(2), client(1), 'email', 'ann@one.example');
\set VERBOSITY sqlstate
SELECT lp_allocate(client(1), NULL, 1);
SELECT lp_assign(lead(4), client(1));
SELECT lp_assign(lead(2), client(2));
\set VERBOSITY terse
SELECT n(lead_id) AS pool FROM lp_allocate(client(2), NULL, 9);
SELECT n(lead_id) AS lead, status, ended_at FROM lead_assignments WHERE client_id = client(1) ORDER BY 1;
SELECT status FROM lp_client_set(client(1), settings => '{"status": "active"}');
SELECT n(lead_id) AS lead, status, ended_at FROM lead_assignments WHERE client_id = client(1) ORDER BY 1;
SELECT ask(2, 1, NULL);
SELECT allowed FROM lp_jit_claim(lead(3), client(1), 'email', 'ann@one.example');
ROLLBACK;

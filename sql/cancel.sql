-- lp_client_cancel: what goes back, what is kept, what is void; again; and back.
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
SELECT FROM lp_client_set(client(2), 'Two');
SELECT FROM lp_sender_set(client(1), 'email', 'ann@agency.example', '{"warmup_ready": true}');
SELECT add_lead(i, '{"company_primary_domain": "acme.example"}') FROM generate_series(1, 6) i;
SELECT add_lead(7);
SELECT lp_rebuild_available();
CREATE FUNCTION who(client uuid) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT right(client::text, 4)::int$$;
CREATE VIEW pool AS SELECT coalesce(string_agg(n(lead_id)::text, ' ' ORDER BY lead_id), '-') AS pool FROM lead_available;
CREATE VIEW owned AS SELECT n(lead_id) AS lead, who(client_id) AS client, status, end_reason, ended_at = lp_now AS ended_now, kept_until
    FROM lead_assignments, (SELECT '2026-03-04 15:00+00'::timestamptz AS lp_now) t ORDER BY lead_id, assigned_at, lead_assignments.id;
CREATE FUNCTION claim(lead int) RETURNS uuid LANGUAGE sql AS
$$SELECT touch_id FROM lp_jit_claim(lead(lead), client(1), 'email', 'ann@agency.example')$$;
-- 1 untouched, 2 claimed, 3 dispatched, 4 sent, 5 converted with a claim, 6 a claim that lapsed
SELECT count(*) FROM lp_allocate(client(1), NULL, 7);
CREATE TEMP TABLE claims AS SELECT i AS lead, claim(i) AS id FROM generate_series(2, 6) i;
UPDATE lead_touches SET expires_at = '2026-03-04 14:59+00' WHERE lead_id = lead(6);
SELECT lp_touch_dispatch(id) FROM claims WHERE lead IN (3, 4) ORDER BY lead;
SELECT state FROM lp_touch_confirm((SELECT id FROM claims WHERE lead = 4));
SELECT effect FROM lp_record_event('converted', lead(5), client(1));
SELECT company, who(client_id) AS holder FROM lead_company_holds ORDER BY company;
SAVEPOINT s;

SELECT lp_client_cancel(client(1), 'contract ended');
TABLE owned;
TABLE pool;
SELECT n(lead_id) AS lead, state FROM lead_touches ORDER BY lead_id, state;
SELECT status, paused_reason, cancelled_at = '2026-03-04 15:00+00' AS now, settings FROM lead_clients WHERE id = client(1);
SELECT n(lead_id) AS lead, who(kept_for) AS kept_for, kept_until FROM lead_state WHERE kept_for IS NOT NULL ORDER BY lead_id;
SELECT company, who(client_id) AS holder FROM lead_company_holds ORDER BY company;   -- the converted lead keeps its company
-- again: nothing left
SELECT lp_client_cancel(client(1));
SELECT cancelled_at = '2026-03-04 15:00+00' AS same FROM lead_clients WHERE id = client(1);
-- every door is shut
\set VERBOSITY sqlstate
SELECT lp_allocate(client(1), NULL, 1);
SELECT lp_assign(lead(1), client(1));
SELECT FROM lp_client_set(client(1), settings => '{"status": "paused"}');
\set VERBOSITY terse
SELECT allowed, blocked_by, failed FROM lp_jit_claim(lead(5), client(1), 'linkedin', NULL);
SELECT lp_touch_dispatch(id) FROM claims WHERE lead IN (2, 5) ORDER BY lead;
-- a late report is kept
SELECT state, flags FROM lp_touch_confirm((SELECT id FROM claims WHERE lead = 5));
SELECT state, flags FROM lp_touch_confirm((SELECT id FROM claims WHERE lead = 3));
-- others get what was never contacted, never what was
SELECT n(lead_id) FROM lp_assign(lead(7), client(2));
\set VERBOSITY sqlstate
SELECT lp_assign(lead(4), client(2));
SELECT lp_assign(lead(3), client(2));
SELECT lp_assign(lead(5), client(2));
\set VERBOSITY terse
-- back again: what was void stays void
SELECT status, cancelled_at FROM lp_client_set(client(1), settings => '{"status": "active"}');
SELECT lp_touch_dispatch(id) FROM claims WHERE lead = 2;
SELECT n(lead_id) FROM lp_assign(lead(1), client(1));
SELECT lp_client_cancel(client(1));
ROLLBACK TO s;

-- release_contacted says after how long
SELECT FROM lp_client_set(client(1), settings => '{"release_contacted": "90 days"}');
SELECT lp_client_cancel(client(1));
SELECT lead, status, end_reason, kept_until AT TIME ZONE 'UTC' AS kept_until FROM owned WHERE kept_until IS NOT NULL;
ROLLBACK TO s;

-- a part at a time: the setting stands first, the rest follows
UPDATE lead_assignments SET status = 'released', ended_at = assigned_at WHERE lead_id = lead(7);
INSERT INTO lead_pool (id, score, email, email_status, created_at, updated_at)
    SELECT lead(1000 + i), 50, format('x%s@many.example', i), 'verified', '2026-01-01', '2026-01-01' FROM generate_series(1, 20100) i;
INSERT INTO lead_state (lead_id, flags) SELECT lead(1000 + i), 3 FROM generate_series(1, 20100) i;
INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at)
    SELECT lead(1000 + i), client(1), 'allocate', '2026-03-01' FROM generate_series(1, 20100) i;
CREATE TABLE calls AS SELECT 1 AS call, lp_client_cancel(client(1), 'first') AS r;
SELECT status FROM lead_clients WHERE id = client(1);
-- at most 20,000 (fewer where a call would take long), all that the setting itself voids, and how many are left
SELECT (r->>'freed')::int + (r->>'quarantined')::int BETWEEN 1 AND 20000 AS a_part, (r->>'claims_voided')::int AS claims_voided, (r->>'kept')::int AS kept,
       (r->>'remaining')::int = (SELECT count(*) FROM lead_assignments WHERE client_id = client(1) AND status = 'active' AND lead_id <> lead(5)) AS remaining FROM calls;
DO $$
BEGIN
    WHILE (SELECT (r->>'remaining')::int > 0 FROM calls ORDER BY call DESC LIMIT 1) LOOP
        INSERT INTO calls SELECT count(*) + 1, lp_client_cancel(client(1), 'next') FROM calls;
    END LOOP;
END$$;
SELECT sum((r->>'freed')::int) AS freed, sum((r->>'quarantined')::int) AS quarantined, count(*) > 1 AS in_parts, min((r->>'remaining')::int) AS remaining FROM calls;
SELECT status, count(*), bool_and(end_reason IN ('first', 'next')) AS reason FROM lead_assignments WHERE client_id = client(1) AND status IN ('active', 'cancelled') GROUP BY 1 ORDER BY 1;
SELECT lp_client_cancel(client(1), 'once more');
SELECT count(*) FROM lead_available WHERE lead_id > lead(1000);
ROLLBACK TO s;

-- errors
\set VERBOSITY sqlstate
SELECT lp_client_cancel(NULL);
SELECT lp_client_cancel(client(9));
ROLLBACK;

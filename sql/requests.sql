-- Requests that a shortage opened, as their client is paused, cancelled, and comes back.
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
SELECT lp_rebuild_available();
SELECT count(*) FROM lp_allocate(client(1), NULL, 3);
SELECT count(*) FROM lp_allocate(client(1), lead(900), 4, '{"min_score": 10}');
SELECT count(*) FROM lp_allocate(client(1), lead(901), 5);
SELECT count(*) FROM lp_allocate(client(1), lead(902), 6);
SELECT count(*) FROM lp_allocate(client(2), NULL, 7);
UPDATE lead_requests SET status = 'searching' WHERE wanted = 4;
UPDATE lead_requests SET status = 'stopped', stop_reason = 'budget' WHERE wanted = 5;
UPDATE lead_requests SET status = 'filled' WHERE wanted = 6;
CREATE VIEW requests AS SELECT right(client_id::text, 1) AS client, wanted, status, stop_reason, to_char(updated_at AT TIME ZONE 'UTC', 'HH24:MI') AS updated
    FROM lead_requests ORDER BY wanted;
SAVEPOINT s;

-- paused: what was open is stopped in the same transaction; what had another end stays
SET leadpool.now = '2026-03-04 15:10+00';
SELECT status FROM lp_client_set(client(1), settings => '{"status": "paused"}');
TABLE requests;
-- another setting changes nothing
SET leadpool.now = '2026-03-04 15:15+00';
SELECT status FROM lp_client_set(client(1), settings => '{"max_active_leads": 10}');
SELECT status FROM lp_client_set(client(2), settings => '{"max_active_leads": 10}');
TABLE requests;
-- active: they are open again, and one of them is what a new shortage finds
SET leadpool.now = '2026-03-04 15:20+00';
SELECT status FROM lp_client_set(client(1), settings => '{"status": "active"}');
TABLE requests;
SELECT count(*) FROM lp_allocate(client(1), NULL, 2);
SELECT count(*) FROM lp_allocate(client(1), lead(900), 1, '{"min_score": 10}');
TABLE requests;
ROLLBACK TO s;

-- paused for another reason than an operator's
SET leadpool.bounce_breaker_min_sends = 1;
SELECT FROM add_lead(1);
SELECT FROM lp_sender_set(client(1), 'email', 'ann@agency.example', '{"warmup_ready": true}');
SELECT FROM lp_record_event('bounced', touch_id => (lp_touch_record(lead(1), client(1), 'email', 'ann@agency.example')).id);
SELECT status, paused_reason FROM lead_clients WHERE id = client(1);
TABLE requests;
SELECT status FROM lp_client_set(client(1), settings => '{"status": "active"}');
TABLE requests;
ROLLBACK TO s;

-- cancelled, and back
SELECT lp_client_cancel(client(1));
TABLE requests;
SELECT lp_client_cancel(client(1));
TABLE requests;
SELECT status FROM lp_client_set(client(1), settings => '{"status": "active"}');
TABLE requests;
ROLLBACK TO s;

-- paused, then cancelled, then back; one that stands in the way keeps the old one stopped
SELECT status FROM lp_client_set(client(1), settings => '{"status": "paused"}');
SELECT lp_client_cancel(client(1));
INSERT INTO lead_requests (client_id, campaign_id, criteria, criteria_hash, wanted, created_at, updated_at)
SELECT client_id, campaign_id, criteria, criteria_hash, 33, created_at, updated_at FROM lead_requests WHERE wanted = 3;
SELECT status FROM lp_client_set(client(1), settings => '{"status": "active"}');
TABLE requests;
ROLLBACK;

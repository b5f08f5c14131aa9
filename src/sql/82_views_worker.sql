/* The worker, for people. */

CREATE VIEW @extschema@.lead_worker_status (database, pid, state, reason, started_at, last_turn_at, in_flight, queued, oldest_queued_at) AS
SELECT s.database, s.pid, s.state, s.reason, s.started_at, s.last_turn_at, s.in_flight, s.queued, s.oldest_queued_at
FROM @extschema@.lp_worker_status() s;
COMMENT ON VIEW @extschema@.lead_worker_status IS
    'The worker of this database: its state (starting, idle, working, paused, stopped), why it is paused or stopped, calls under way, and jobs that wait. Always one row.';

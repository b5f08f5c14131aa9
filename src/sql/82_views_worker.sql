/* The worker, for people. */

CREATE VIEW @extschema@.lead_worker_status (database, pid, state, reason, started_at, last_turn_at, in_flight, queued, oldest_queued_at) AS
SELECT s.database, s.pid, s.state, s.reason, s.started_at, s.last_turn_at, s.in_flight, s.queued, s.oldest_queued_at
FROM @extschema@.lp_worker_status() s;
COMMENT ON VIEW @extschema@.lead_worker_status IS
    'The worker of this database: its state (starting, idle, working, paused, stopped), why it is paused or stopped, calls under way, and jobs that wait. Always one row.';

CREATE VIEW @extschema@.lead_job_stats (kind, state, jobs, oldest_at, next_at) AS
SELECT j.kind, j.state, count(*), min(j.created_at), min(j.next_at) FILTER (WHERE j.state = 'queued')
FROM @extschema@.lead_jobs j GROUP BY j.kind, j.state;
COMMENT ON VIEW @extschema@.lead_job_stats IS 'Jobs by kind and state, the oldest of each, and when the next one that is queued is due.';

CREATE VIEW @extschema@.lead_provider_stats (provider, calls, errors, p50_ms, p95_ms, rate_left, credits_today, budget_left, breaker, retry_at) AS
SELECT p.provider, coalesce(c.calls, 0), coalesce(c.errors, 0), c.p50_ms, c.p95_ms, s.rate_left,
       coalesce(b.spent, 0),
       CASE WHEN p.daily >= 0 THEN greatest(0, p.daily - coalesce(b.spent + b.reserved, 0)) END,
       CASE WHEN s.breaker = 'open' AND s.breaker_until <= clock_timestamp() THEN 'half_open' ELSE coalesce(s.breaker, 'closed') END,
       (SELECT nullif(max(t.at), 'infinity') FROM (VALUES (s.hold_until), (s.breaker_until)) t(at) WHERE t.at > clock_timestamp())
FROM (VALUES ('apollo', coalesce(nullif(current_setting('leadpool.apollo_daily_credits', true), ''), '0')::numeric,
              coalesce(nullif(current_setting('leadpool.now', true), '')::timestamptz, clock_timestamp()))) p(provider, daily, now)
LEFT JOIN @extschema@.lead_provider_state s ON s.provider = p.provider AND s.endpoint = ''
LEFT JOIN @extschema@.lead_budgets b ON b.provider = p.provider AND b.day = (p.now AT TIME ZONE 'UTC')::date
LEFT JOIN LATERAL (
    SELECT count(*) AS calls, count(*) FILTER (WHERE k.outcome IN ('refused', 'limited', 'failed', 'unknown')) AS errors,
           (percentile_cont(0.5) WITHIN GROUP (ORDER BY k.ms))::integer AS p50_ms,
           (percentile_cont(0.95) WITHIN GROUP (ORDER BY k.ms))::integer AS p95_ms
    FROM @extschema@.lead_provider_calls k
    WHERE k.provider = p.provider AND k.started_at > p.now - interval '24 hours' AND k.finished_at IS NOT NULL) c ON true;
COMMENT ON VIEW @extschema@.lead_provider_stats IS
    'Providers that the worker speaks to: calls of the last 24 hours, how long they took, what is left of the rate (by the provider''s own headers) and of the day''s budget (null: no limit), the circuit breaker, and until when nothing is called (null with a hold: until an operator acts, see lead_provider_state).';

-- Jobs: what an operator may do with them in each state, webhooks, settings, and
-- what the views tell; no worker runs here.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
SET leadpool.now = '2026-03-04 15:00+00';
SET TIME ZONE 'UTC';
SET datestyle = 'ISO';
BEGIN;

-- One job in each state.
CREATE FUNCTION pg_temp.job(wanted text, subject text DEFAULT NULL, parameters jsonb DEFAULT '{}') RETURNS bigint LANGUAGE sql AS
$$INSERT INTO lead_jobs (kind, provider, state, subject, parameters, attempts, next_at, credits_reserved, error_code, error, created_by, created_at, finished_at)
VALUES ('enrich', 'apollo', wanted, coalesce(subject, wanted), parameters, 3, '2026-03-04 14:00+00', 1, 'LP101', 'before', 'test', '2026-03-04 13:00+00',
	CASE WHEN wanted IN ('done', 'dead', 'unknown', 'cancelled') THEN '2026-03-04 14:30+00'::timestamptz END) RETURNING id$$;
CREATE FUNCTION pg_temp.attempt(statement text, id bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	told text;
	code text;
	detail text;
	job lead_jobs;
BEGIN
	EXECUTE statement INTO job USING id;
	RETURN concat_ws(' ', job.state, 'attempts', job.attempts, 'next', job.next_at AT TIME ZONE 'UTC', 'reserved', job.credits_reserved,
		coalesce(job.error_code, '-'), coalesce(job.error, '-'), CASE WHEN job.finished_at IS NULL THEN 'open' ELSE 'ended' END);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
	RETURN code || ' ' || detail;
END$$;
SELECT s.state, pg_temp.attempt('SELECT * FROM lp_job_retry($1)', pg_temp.job(s.state, 'r' || s.state)) AS retry
FROM unnest('{queued,leased,started,done,dead,unknown,cancelled}'::text[]) s(state);
SELECT s.state, pg_temp.attempt('SELECT * FROM lp_job_cancel($1, ''no more'')', pg_temp.job(s.state, 'c' || s.state)) AS cancel
FROM unnest('{queued,leased,started,done,dead,unknown,cancelled}'::text[]) s(state);
-- Another call costs what the job asks for, whatever was left of the last one.
SELECT (lp_job_retry(pg_temp.job('dead', 'x+phone', '{"reveal_phone": true, "repeated": true}'))).credits_reserved;
SELECT parameters FROM lead_jobs WHERE subject = 'x+phone';
-- No such job.
\set VERBOSITY sqlstate
SELECT lp_job_retry(0);
SELECT lp_job_cancel(-1, NULL);
SELECT lp_job_retry(NULL);
SELECT lp_job_cancel(NULL, 'x');
\set VERBOSITY terse
SELECT (lp_job_cancel(pg_temp.job('queued', 'no reason'), NULL)).error IS NULL AS no_reason;
-- A dead job does not come back beside an open one that asks the same.
SELECT pg_temp.job('dead', 'same') AS dead, pg_temp.job('queued', 'same') AS open \gset
SELECT pg_temp.attempt('SELECT * FROM lp_job_retry($1)', :dead);
SELECT pg_temp.attempt('SELECT * FROM lp_job_cancel($1, ''x'')', :open);
SELECT pg_temp.attempt('SELECT * FROM lp_job_retry($1)', :dead);

-- An answer that could not be captured: retried without another call, with the
-- others of its call.
INSERT INTO lead_provider_calls (provider, endpoint, subjects, http_status, outcome, reserved, started_at, finished_at)
VALUES ('apollo', 'people/bulk_match', '{a1,a2,a3}', 200, 'ok', 3, '2026-03-04 14:00+00', '2026-03-04 14:00+00') RETURNING id AS call \gset
SELECT pg_temp.job('dead', 'a1') AS a1, pg_temp.job('dead', 'a2') AS a2, pg_temp.job('cancelled', 'a3') AS a3 \gset
UPDATE lead_jobs SET call_id = :call, error_code = 'LP102' WHERE id IN (:a1, :a2, :a3);
INSERT INTO lead_provider_answers VALUES (:call, false, '{}', 30, '2026-03-04 14:00+00', '22000');
SELECT pg_temp.attempt('SELECT * FROM lp_job_retry($1)', :a2);
SELECT subject, state, attempts, call_id = :call AS same_call FROM lead_jobs WHERE id IN (:a1, :a2, :a3) ORDER BY subject;
SELECT error IS NULL AS to_be_captured FROM lead_provider_answers;
-- One that nobody could read is called for again.
UPDATE lead_jobs SET state = 'unknown', finished_at = leadpool_now FROM (SELECT '2026-03-04 14:00+00'::timestamptz) t(leadpool_now) WHERE id = :a1;
UPDATE lead_provider_answers SET error = 'no_json';
SELECT pg_temp.attempt('SELECT * FROM lp_job_retry($1)', :a1);
SELECT error FROM lead_provider_answers;

-- Webhooks: one open token, once.
INSERT INTO lead_webhook_tokens VALUES
	(sha256('open'), :call, '2026-03-04 14:00+00', '2026-04-03 14:00+00', NULL),
	(sha256('expired'), 5, '2026-02-02 15:00+00', '2026-03-04 15:00+00', NULL);
SELECT lp_receive_webhook('nobody', '{}') AS unknown, lp_receive_webhook('', '{}') AS empty, lp_receive_webhook(NULL, '{}') AS no_token,
	lp_receive_webhook('expired', '{}') AS expired;
SELECT lp_receive_webhook('open', NULL) AS no_payload, lp_receive_webhook('open', '[]') AS no_object, lp_receive_webhook('open', '"x"') AS text;
SELECT lp_receive_webhook(repeat('x', 1000000), '{}') AS long;
SELECT lp_receive_webhook('open', '{"people": [{"id": "1"}], "n": 12345678901234567890.5}');
SELECT lp_receive_webhook('open', '{"people": [{"id": "2"}]}');
SELECT later, convert_from(body, 'UTF8'), error FROM lead_provider_answers ORDER BY later;

-- The views.
DELETE FROM lead_jobs;
SELECT count(pg_temp.job(s, s || n)) FROM unnest('{queued,dead,unknown}'::text[]) s, generate_series(1, 2) n;
UPDATE lead_jobs SET next_at = '2026-03-04 14:05+00', created_at = '2026-03-04 12:00+00' WHERE subject = 'queued2';
SELECT * FROM lead_job_stats ORDER BY kind, state;
SELECT provider, calls, credits_today, breaker, retry_at FROM lead_provider_stats;
INSERT INTO lead_provider_state (provider, endpoint, hold_until, hold_reason, rate_left, breaker, breaker_until, updated_at)
VALUES ('apollo', '', 'infinity', 'auth', 7, 'open', 'infinity', '2026-03-04 15:00+00');
INSERT INTO lead_provider_calls (provider, endpoint, http_status, outcome, credits, ms, started_at, finished_at)
SELECT 'apollo', 'people/bulk_match', 200, o, 0, ms, clock_timestamp(), clock_timestamp()
FROM (VALUES ('ok', 100), ('not_found', 200), ('unknown', 300), ('limited', 400)) v(o, ms);
SELECT provider, calls, errors, p50_ms, p95_ms, rate_left, breaker, retry_at FROM lead_provider_stats;

-- Paid twice within the time to live; not whom a batch did not find, not later.
DELETE FROM lead_provider_calls;
INSERT INTO lead_provider_calls (provider, endpoint, subjects, http_status, outcome, credits, started_at, finished_at)
SELECT 'apollo', e, s::text[], 200, 'ok', 1, d, d FROM (VALUES
	('people/bulk_match', '{a,b}', '2026-01-01 00:00+00'::timestamptz), ('people/bulk_match', '{a,c}', '2026-03-31 23:59+00'),
	('people/bulk_match', '{b}', '2026-04-01 00:00+00'), ('organizations/enrich', '{c}', '2026-03-31 23:59+00'),
	('people/bulk_match', '{c}', '2026-04-02 00:00+00')) v(e, s, d);
SELECT pg_temp.job('done', 'c') AS c \gset
UPDATE lead_jobs SET found = false, call_id = (SELECT id FROM lead_provider_calls WHERE subjects = '{a,c}') WHERE id = :c;
SELECT provider, subject, apart, first_call_id < second_call_id AS in_order FROM lead_proof_double_spend ORDER BY subject;
ROLLBACK;

-- Settings: nobody sets them in a session, and none holds nonsense.
SELECT name, setting, unit, context FROM pg_settings WHERE name ~ '^leadpool\.(apollo_|.*webhook|unknown_policy|job_|backoff|breaker_(f|p)|enrich_ttl|not_found_ttl|http_|connect|vendor_sla|max_conn|secrets|ca_file|allow_loop)'
ORDER BY name;
SET leadpool.apollo_daily_credits = 5;
SET leadpool.unknown_policy = 'retry_once';
SET leadpool.secrets_dir = '/';
ALTER SYSTEM SET leadpool.apollo_rate = '200/fortnight';
ALTER SYSTEM SET leadpool.apollo_rate = 'fast';
ALTER SYSTEM SET leadpool.apollo_rate = '-1/s';
ALTER SYSTEM SET leadpool.apollo_rate = '5';
ALTER SYSTEM SET leadpool.unknown_policy = 'twice';
ALTER SYSTEM SET leadpool.apollo_daily_credits = -2;
ALTER SYSTEM SET leadpool.job_attempts = 0;
ALTER SYSTEM SET leadpool.http_max_body = '9MB';
SET leadpool.enrich_ttl = 'soon';

-- lp_enrich: who is asked about, and who is not; no worker runs here.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
SET leadpool.now = '2026-03-04 15:00+00';
SET TIME ZONE 'UTC';
SET datestyle = 'ISO';

BEGIN;

CREATE TEMP TABLE who (name text PRIMARY KEY, id uuid);
-- From a list, not from Apollo: nothing was bought about them.
INSERT INTO who SELECT 'p' || r.ordinal, r.lead_id FROM lp_capture('csv',
	(SELECT jsonb_agg(jsonb_build_object('email', 'p' || i || '@quillmere.example', 'first_name', 'P' || i)) FROM generate_series(1, 9) i)) r;
CREATE FUNCTION pg_temp.id(wanted text) RETURNS uuid LANGUAGE sql AS $$SELECT id FROM who WHERE name = wanted$$;
CREATE FUNCTION pg_temp.ask(names text[], options jsonb DEFAULT '{}')
RETURNS TABLE (n bigint, who text, has_job boolean, outcome text) LANGUAGE sql AS
$$SELECT e.n, coalesce(w.name, 'nobody'), e.job_id IS NOT NULL, e.outcome
FROM lp_enrich(ARRAY(SELECT coalesce(pg_temp.id(u.name), CASE WHEN u.name IS NOT NULL THEN '00000000-0000-7000-8000-00000000dead'::uuid END)
	FROM unnest(names) WITH ORDINALITY u(name, n) ORDER BY u.n), 'test', options) WITH ORDINALITY e(lead_id, job_id, outcome, n)
LEFT JOIN who w ON w.id = e.lead_id ORDER BY e.n$$;
SELECT count(*), count(id) FROM who;

-- In the order given, each once; no lead, and nothing where nothing is asked.
SELECT * FROM pg_temp.ask(ARRAY['p3', 'p1', NULL, 'p3', 'nobody', 'p2']);
SELECT * FROM pg_temp.ask('{}');
SELECT kind, provider, state, priority, attempts, subject = lead_id::text AS subject, parameters,
	credits_reserved, credits, reason, next_at, created_at, error_code
FROM lead_jobs ORDER BY subject;
-- The open job is the answer to the same question, also with force.
SELECT a.n, a.who, a.outcome FROM pg_temp.ask(ARRAY['p1', 'p2']) a;
SELECT a.outcome FROM pg_temp.ask(ARRAY['p1'], '{"force": true}') a;
SELECT count(*), count(DISTINCT subject) FROM lead_jobs;
-- More of the same person: what waits for less asks for more now.
SELECT a.outcome FROM pg_temp.ask(ARRAY['p1'], '{"reveal_phone": true, "priority": 5}') a;
SELECT a.outcome FROM pg_temp.ask(ARRAY['p1'], '{"waterfall": true, "reveal_personal_emails": true}') a;
SELECT right(subject, -36) AS suffix, priority, parameters, credits_reserved FROM lead_jobs
WHERE lead_id = pg_temp.id('p1') ORDER BY subject;

-- What cannot be asked.
SELECT * FROM lp_enrich(NULL);
SELECT * FROM lp_enrich(ARRAY[pg_temp.id('p1')], NULL, '{"phone": true}');
SELECT * FROM lp_enrich(ARRAY[pg_temp.id('p1')], NULL, '{"force": "yes"}');
SELECT * FROM lp_enrich(ARRAY[pg_temp.id('p1')], NULL, '{"priority": 1.5}');
SELECT * FROM lp_enrich(ARRAY[pg_temp.id('p1')], NULL, '{"priority": 1001}');
SELECT * FROM lp_enrich(ARRAY[pg_temp.id('p1')], NULL, '[]');
SELECT count(*) FROM lp_enrich(array_fill(pg_temp.id('p1'), ARRAY[10001]));
SELECT outcome, count(*) FROM lp_enrich(ARRAY(SELECT pg_temp.id('p1') FROM generate_series(1, 10000))) GROUP BY 1;
SELECT outcome, count(*) FROM lp_enrich(ARRAY[pg_temp.id('p1')], NULL, NULL) GROUP BY 1;

-- Bans: what covers the person, not what covers a channel or one client.
SELECT count(lp_suppress('email', 'p4@quillmere.example', 'do_not_contact'));
SELECT a.who, a.has_job, a.outcome FROM pg_temp.ask(ARRAY['p4', 'p5']) a;
-- Erased is unknown.
SELECT (lp_forget(pg_temp.id('p6'))) - 'certificate_id' - 'key_id' - 'erased_at';
SELECT a.outcome FROM pg_temp.ask(ARRAY['p6']) a;

-- An erasure ends the open jobs of the person, with the suffixes.
SELECT lp_forget(pg_temp.id('p1')) ->> 'jobs_cancelled' AS jobs_cancelled;
SELECT state, error_code, reason, error, finished_at IS NOT NULL AS ended, count(*) FROM lead_jobs
WHERE lead_id = pg_temp.id('p1') GROUP BY 1, 2, 3, 4, 5;

-- Merged: the survivor is asked about, once.
SELECT a.outcome FROM pg_temp.ask(ARRAY['p7']) a;
SELECT count(lp_merge(pg_temp.id('p8'), pg_temp.id('p7'), 'test'));
SELECT a.n, a.who, a.outcome, e.job_id = j.id AS same_job FROM pg_temp.ask(ARRAY['p7', 'p8']) a,
	lp_enrich(ARRAY[pg_temp.id('p8')]) e, lead_jobs j WHERE j.lead_id = pg_temp.id('p7') ORDER BY 1;
SELECT count(*) FROM lead_jobs WHERE lead_id IN (pg_temp.id('p7'), pg_temp.id('p8'));

ROLLBACK;

-- What was bought, or not found, is not asked for again within its time.
BEGIN;
CREATE TEMP TABLE who AS SELECT 'p' || r.ordinal AS name, r.lead_id AS id FROM lp_capture('csv',
	(SELECT jsonb_agg(jsonb_build_object('email', 'q' || i || '@quillmere.example', 'first_name', 'P' || i)) FROM generate_series(1, 4) i)) r;
-- As the worker leaves them: p1 found and captured, p2 not found, p3 found with a phone.
SELECT outcome, count(*) FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name IN ('p1', 'p2'))) GROUP BY 1;
SELECT outcome, count(*) FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p3'), NULL, '{"reveal_phone": true}') GROUP BY 1;
UPDATE lead_jobs SET state = 'done', found = lead_id <> (SELECT id FROM who WHERE name = 'p2'), finished_at = '2026-03-04 15:00+00', attempts = 1;
SELECT outcome FROM lp_capture_apollo('{"matches": [{"id": "00000000000000000000a001", "first_name": "P1", "email": "q1@quillmere.example", "email_status": "verified"}]}');
SELECT enriched_at FROM lead_pool WHERE id = (SELECT id FROM who WHERE name = 'p1');
CREATE FUNCTION pg_temp.told(options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS
$$SELECT string_agg(w.name || ' ' || e.outcome || CASE WHEN e.job_id IS NOT NULL THEN ' job' ELSE '' END, ', ' ORDER BY w.name)
FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name <> 'p4'), NULL, options) e JOIN who w ON w.id = e.lead_id$$;
SAVEPOINT a;
SELECT pg_temp.told();
SELECT pg_temp.told('{"reveal_phone": true}');
ROLLBACK TO a;
SELECT pg_temp.told('{"force": true}');
ROLLBACK TO a;
-- Half-open: the time to live ends at that very moment.
SET leadpool.now = '2026-04-03 14:59:59.999999+00';
SELECT pg_temp.told();
ROLLBACK TO a;
SET leadpool.now = '2026-04-03 15:00+00';
SELECT pg_temp.told();
ROLLBACK TO a;
SET leadpool.now = '2026-06-02 14:59:59.999999+00';
SELECT pg_temp.told();
ROLLBACK TO a;
SET leadpool.now = '2026-06-02 15:00+00';
SELECT pg_temp.told();
ROLLBACK TO a;
SET leadpool.now = '2026-03-04 16:00+00';
SET leadpool.enrich_ttl = '0';
SET leadpool.not_found_ttl = '1 hour';
SELECT pg_temp.told();
RESET leadpool.enrich_ttl;
RESET leadpool.not_found_ttl;
ROLLBACK TO a;

-- What was bought and could not be captured is captured again, for its time to live.
SELECT outcome, count(*) FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p4')) GROUP BY 1;
INSERT INTO lead_provider_calls (provider, endpoint, subjects, http_status, outcome, reserved, started_at, finished_at)
SELECT 'apollo', 'people/bulk_match', ARRAY[id::text], 200, 'ok', 1, '2026-03-04 15:00+00', '2026-03-04 15:00+00' FROM who WHERE name = 'p4' RETURNING id AS call \gset
UPDATE lead_jobs SET state = 'dead', error_code = 'LP102', call_id = :call, finished_at = '2026-03-04 15:00+00'
WHERE lead_id = (SELECT id FROM who WHERE name = 'p4');
INSERT INTO lead_provider_answers (call_id, body, received_at, error) VALUES (:call, '{}', '2026-03-04 15:00+00', '22000');
CREATE FUNCTION pg_temp.told_kept(options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS
$$SELECT concat_ws(' ', e.outcome, (SELECT concat_ws(' ', 'of', count(*), string_agg(j.state, ' ' ORDER BY j.id), 'the', CASE WHEN min(j.id) = e.job_id THEN 'first' ELSE 'second' END)
	FROM lead_jobs j WHERE j.lead_id = e.lead_id), (SELECT coalesce(a.error, 'waits') FROM lead_provider_answers a))
FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p4'), NULL, options) e$$;
SAVEPOINT kept;
SELECT pg_temp.told_kept();
SELECT concat_ws(' ', j.state, coalesce(a.error, 'waits')) FROM lead_jobs j, lead_provider_answers a WHERE j.call_id = a.call_id;
SELECT pg_temp.told_kept();
ROLLBACK TO kept;
SELECT pg_temp.told_kept('{"force": true}');
ROLLBACK TO kept;
SELECT pg_temp.told_kept('{"reveal_phone": true}');
ROLLBACK TO kept;
SET leadpool.now = '2026-06-02 15:00+00';
SELECT pg_temp.told_kept();
ROLLBACK TO kept;
-- But one that workers died of waits for an operator.
UPDATE lead_provider_answers SET error = 'deadly';
SELECT pg_temp.told_kept();
ROLLBACK TO a;
-- Who is asked about with more gets no call for less, and one that waits for less none beside it.
SELECT outcome FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p4'), NULL, '{"reveal_phone": true}');
SELECT outcome FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p4'));
SELECT outcome FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p4'), NULL, '{"waterfall": true}');
SELECT outcome FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p4'), NULL, '{"reveal_phone": true, "waterfall": true}');
SELECT right(subject, -36) AS suffix FROM lead_jobs WHERE lead_id = (SELECT id FROM who WHERE name = 'p4') ORDER BY subject;
ROLLBACK TO a;

-- Money of the day, and of what is queued.  1,000 credits are set for the tests.
SET leadpool.now = '2026-03-05 00:00+00';
INSERT INTO lead_budgets VALUES ('apollo', '2026-03-05', 1, 997.5);
SELECT budget_left IS NOT NULL FROM lead_provider_stats;
SELECT pg_temp.told('{"force": true}');
SELECT outcome FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p4'));
-- Another day, and the queued one still counts.
SET leadpool.now = '2026-03-06 00:00+00';
INSERT INTO lead_budgets VALUES ('apollo', '2026-03-06', 0, 998);
SELECT outcome FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p4'));
UPDATE lead_budgets SET spent = 999 WHERE day = '2026-03-06';
SELECT outcome FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p3'), NULL, '{"force": true}');
SELECT outcome FROM lp_enrich(ARRAY(SELECT id FROM who WHERE name = 'p3'), NULL, '{"force": true, "reveal_phone": true}');
ROLLBACK;

-- What lp_allocate notes when the pool runs dry, and what lp_search_more
-- refuses; no worker runs here.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
SET client_min_messages = warning;
BEGIN;
SET leadpool.now = '2026-03-04 12:00+00';
\set a '''a0000000-0000-7000-8000-000000000001'''
\set b '''b0000000-0000-7000-8000-000000000001'''
\set c '''c0000000-0000-7000-8000-000000000001'''

CREATE FUNCTION requests() RETURNS TABLE (client text, campaign boolean, criteria jsonb, status text, reason text, wanted int, filled int,
    page int, created text, updated text) LANGUAGE sql AS $$
SELECT left(client_id::text, 1), campaign_id IS NOT NULL, criteria, status, stop_reason, wanted, filled, next_page,
    to_char(created_at AT TIME ZONE 'UTC', 'HH24:MI'), to_char(updated_at AT TIME ZONE 'UTC', 'HH24:MI')
FROM lead_requests ORDER BY created_at, client_id, campaign_id NULLS FIRST, criteria::text
$$;

SELECT status FROM lp_client_set(:a, 'A');
SELECT status FROM lp_client_set(:b, 'B', '{"max_active_leads": 5, "daily_allocation": 3}');
DELETE FROM lead_worker_identity;
SELECT count(*) FROM lp_capture_apollo('{"people": [
    {"id": "1", "email": "1@a.example", "email_status": "verified", "country": "Germany"},
    {"id": "2", "email": "2@a.example", "email_status": "verified", "country": "Germany"}]}');

-- No shortage, none that is wanted, none that was only tried.
SELECT count(*) FROM lp_allocate(:a, NULL, 0);
SELECT count(*) FROM lp_allocate(:a, NULL, 1, '{"countries": ["DE"]}');
SELECT count(*) FROM lp_allocate(:a, NULL, 9, '{"countries": ["DE"]}', '{"dry_run": true}');
SELECT count(*) FROM lp_allocate(:a, NULL, 9, '{"countries": ["FR"]}', '{"enrich_on_shortage": false}');
SELECT * FROM requests();
SELECT count(*) FROM lead_worker_identity;

-- What is missing is noted, and this database is one that spends.
SELECT count(*) FROM lp_allocate(:a, NULL, 9, '{"countries": ["DE"]}');
SELECT * FROM requests();
SELECT count(*) FROM lead_worker_identity;

-- A later shortage replaces the number; another campaign, other criteria or
-- another client have a request of their own, and no criteria are {}.
SET leadpool.now = '2026-03-04 13:00+00';
UPDATE lead_requests SET filled = 2, searched = 100, status = 'searching', next_page = 2;
SELECT count(*) FROM lp_allocate(:a, NULL, 4, '{"countries": ["DE"]}');
SELECT count(*) FROM lp_allocate(:a, :c, 4, '{"countries": ["DE"]}');
SELECT count(*) FROM lp_allocate(:a, NULL, 4, NULL);
SELECT count(*) FROM lp_allocate(:a, NULL, 5, '{}');
SELECT count(*) FROM lp_allocate(:b, NULL, 10, '{"countries": ["DE"]}');
SELECT * FROM requests();

-- Beyond max_active_leads and daily_allocation: fewer rows, no request.
SELECT status FROM lp_client_set(:b, settings => '{"max_active_leads": 0}');
SELECT count(*) FROM lp_allocate(:b, NULL, 10, '{"countries": ["FR"]}');
SELECT status FROM lp_client_set(:b, settings => '{"max_active_leads": 5, "daily_allocation": 0}');
SELECT count(*) FROM lp_allocate(:b, NULL, 10, '{"countries": ["FR"]}');
SELECT count(*) FROM requests() WHERE client = 'b';

-- One that had stopped goes on; one that is filled is another.
SET leadpool.now = '2026-03-04 14:00+00';
DELETE FROM lead_requests WHERE client_id <> :a OR campaign_id IS NOT NULL OR criteria = '{}';
UPDATE lead_requests SET status = 'stopped', stop_reason = 'budget', filled = 1, next_page = 3;
SELECT count(*) FROM lp_allocate(:a, NULL, 6, '{"countries": ["DE"]}');
SELECT * FROM requests();
UPDATE lead_requests SET status = 'stopped', stop_reason = 'no_results', next_page = 0;
SELECT count(*) FROM lp_allocate(:a, NULL, 7, '{"countries": ["DE"]}');
SELECT * FROM requests();
UPDATE lead_requests SET status = 'stopped', stop_reason = 'operator';
SELECT count(*) FROM lp_allocate(:a, NULL, 8, '{"countries": ["DE"]}');
SELECT * FROM requests();
UPDATE lead_requests SET status = 'filled', stop_reason = NULL, filled = wanted;
SELECT count(*) FROM lp_allocate(:a, NULL, 9, '{"countries": ["DE"]}');
SELECT * FROM requests();

-- What lp_search_more does not take.
SELECT lp_search_more(NULL, 5);
SELECT lp_search_more('{}', NULL);
SELECT lp_search_more('{}', 0);
SELECT lp_search_more('{}', -1);
SELECT lp_search_more('{}', 10001);
SELECT lp_search_more('{"title": "cfo"}', 5);
SELECT lp_search_more('[]', 5);
SELECT lp_search_more('{"countries": 7}', 5);
SELECT count(*) FROM lead_jobs;
ROLLBACK;

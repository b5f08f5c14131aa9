-- The worker: more leads than the pool has, bought from Apollo (its stand-in on
-- this machine), as far as the day's money goes.  Here the clock is the real one.
RESET leadpool.now;

-- Until all that was asked for has ended.
CREATE PROCEDURE demo.settle() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 1200 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM lead_jobs WHERE state IN ('queued', 'leased', 'started'))
            AND NOT EXISTS (SELECT FROM lead_requests WHERE status IN ('open', 'searching'));
        PERFORM pg_sleep(0.05);
    END LOOP;
END
$$;

-- People who are not in the pool, for everybody; asked about again, nobody is
-- paid for twice.  The shortages of the first day are filled by the way.
CREATE TABLE demo.note (what text, n bigint);
SELECT lp_search_more('{"countries": ["Germany"], "seniorities": ["vp", "director"]}', 30);
CALL demo.settle();
INSERT INTO demo.note SELECT 'again', count(*) FILTER (WHERE outcome = 'queued')
FROM lp_enrich(ARRAY(SELECT lead_id FROM lead_jobs WHERE kind = 'enrich' AND reason = 'search' AND state = 'done'));

-- A new agency asks for more than there are, and then for more than there is
-- money for.
SELECT lp_client_set('10000000-0000-7000-8000-000000000003', 'Eastbrook');
INSERT INTO demo.note SELECT 'given', count(*) FROM lp_allocate('10000000-0000-7000-8000-000000000003', NULL, 40, '{"countries": ["NL"], "seniorities": ["vp", "director"]}');
CALL demo.settle();
SELECT count(*) FROM lp_allocate('10000000-0000-7000-8000-000000000003', NULL, 200, '{"countries": ["AU"]}');
CALL demo.settle();

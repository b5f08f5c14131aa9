/* Asking for enrichment, and what happens to the jobs. */

CREATE FUNCTION @extschema@.lp_enrich(lead_ids uuid[], reason text DEFAULT NULL, options jsonb DEFAULT '{}')
    RETURNS TABLE (lead_id uuid, job_id bigint, outcome text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_enrich';
COMMENT ON FUNCTION @extschema@.lp_enrich(uuid[], text, jsonb) IS
$$Asks for leads to be enriched by Apollo: the worker calls, captures the answer in full and books what it cost. Nobody is paid for twice: a lead with an open job for that, or for more, gets that job, an open job for less that nobody has begun is made to ask for more, what was bought within leadpool.enrich_ttl, or not found within leadpool.not_found_ttl, is not asked for again, and an answer that was bought and could not be captured is captured again. What reveal_phone and waterfall ask for comes minutes later: by webhook where leadpool.webhook_url names a relay, else the worker asks for it.
Arguments: lead_ids - at most 10,000, one asked for twice counts once; reason - kept with the job; options - reveal_phone, reveal_personal_emails, waterfall, force (also what an earlier answer covers), all false, and priority 0 (-1000 to 1000, higher first).
Result: one row a lead: lead_id as given, job_id (null: none), outcome - queued, cached (an earlier answer stands; its job if there was one, which is dead where workers died of that answer: see lp_job_retry), suppressed (a ban covers the person), over_budget (leadpool.apollo_daily_credits does not cover it, and 0 is the default), unknown_lead.
Errors: 22004 (lead_ids is null), 22023 (an unknown option or a wrong value), LP008 (the ban key is missing), LP009 (too many leads), 40001 (another call has just asked for more of the same leads).
Example: SELECT lead_id, job_id, outcome FROM lp_enrich(ARRAY['0198c2a4-5f10-7cc1-8a2e-3f60d1b7e9aa']::uuid[], 'spring campaign');$$;

CREATE FUNCTION @extschema@.lp_job_retry(job_id bigint) RETURNS @extschema@.lead_jobs
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_job_retry';
COMMENT ON FUNCTION @extschema@.lp_job_retry(bigint) IS
$$Queues a job again that is dead, or whose paid call has an unknown outcome. In the second case the call may be paid twice: look at the provider's own account first. A job that is dead because its answer could not be captured has that answer captured again, without another call, and with it the other jobs of that call: they are started at once, and to retry one of them as well changes nothing.
Arguments: job_id.
Result: the row of lead_jobs.
Errors: 22004 (job_id is null), 42704 (no such job), LP003 (the job is neither dead nor unknown, another open job asks the same, or another job has brought it since; the detail tells from and to).
Example: SELECT id, state FROM lp_job_retry(4711);$$;

CREATE FUNCTION @extschema@.lp_job_cancel(job_id bigint, reason text) RETURNS @extschema@.lead_jobs
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_job_cancel';
COMMENT ON FUNCTION @extschema@.lp_job_cancel(bigint, text) IS
$$Cancels a job that has not ended. A call that is under way is paid for: what it brings is kept and booked (not of somebody who was erased), and the job stays cancelled.
Arguments: job_id; reason - kept in lead_jobs.error, may be null.
Result: the row of lead_jobs.
Errors: 22004 (job_id is null), 42704 (no such job), LP003 (the job has ended; the detail tells from and to).
Example: SELECT id, state FROM lp_job_cancel(4711, 'client left');$$;

CREATE FUNCTION @extschema@.lp_receive_webhook(token text, payload jsonb) RETURNS text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
    AS 'MODULE_PATHNAME', 'lp_receive_webhook';
COMMENT ON FUNCTION @extschema@.lp_receive_webhook(text, jsonb) IS
$$Takes what a provider sent to the relay: phone numbers and waterfall results come minutes after the call that asked for them. The token stood in the webhook address of that call and is good for one answer, for 30 days. The worker captures the answer and books its price; where none came in that time, what was reserved for it is released.
Arguments: token - the last part of the address that was called; payload - the body as it came.
Result: stored, duplicate (an answer came with this token before), unknown_token (also an expired one, a null argument, or a payload that is no JSON object).
Errors: none of its own.
Example: SELECT lp_receive_webhook('f0e1d2', '{"status": "success", "people": []}');$$;

CREATE FUNCTION @extschema@.lp_search_more(criteria jsonb, wanted integer, request_id uuid DEFAULT NULL) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_search_more';
COMMENT ON FUNCTION @extschema@.lp_search_more(jsonb, integer, uuid) IS
$$Searches Apollo for people who are not in the pool yet. The search is free; whom it finds is captured, and as many as are wanted are enriched, as far as the day's budget goes. A shortage in lp_allocate does the same by itself.
Arguments: criteria - as for lp_allocate; wanted - people to enrich, 1 to 10,000; request_id - the request that they are for, null for the pool.
Result: the number of the search's job (lead_jobs.id); an open one for the same search is returned again.
Errors: 22004 (criteria or wanted is null), 22023 (an unknown criterion, a wrong value), 42704 (no such request), LP003 (the request is filled or cancelled), LP009 (too many wanted), LP010 (leadpool.apollo_daily_credits is 0: nothing may be spent).
Example: SELECT lp_search_more('{"titles": ["vp engineering"], "countries": ["Netherlands"]}', 50);$$;

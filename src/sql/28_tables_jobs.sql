/* The worker's queue, what providers answered, and the money of the day. */

CREATE TABLE @extschema@.lead_jobs (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    provider text NOT NULL,
    state text NOT NULL DEFAULT 'queued',
    priority integer NOT NULL DEFAULT 0,
    lead_id uuid,
    request_id uuid,
    ingestion_id uuid,
    subject text COLLATE "C",
    parameters jsonb NOT NULL DEFAULT '{}',
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    lease_until timestamptz,
    call_id bigint,
    found boolean,
    error_code text,
    error text,
    credits_reserved numeric NOT NULL DEFAULT 0,
    credits numeric NOT NULL DEFAULT 0,
    reason text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT lead_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT lead_jobs_kind CHECK (kind IN ('enrich', 'enrich_company', 'search', 'phone_poll', 'lookup', 'dnc', 'dnc_poll', 'segment', 'storage_fetch', 'validate', 'check')),
    CONSTRAINT lead_jobs_provider CHECK (provider IN ('apollo', 'lookup', 'dnc', 'segment', 'segment_public', 'storage')),
    CONSTRAINT lead_jobs_state CHECK (state IN ('queued', 'leased', 'started', 'done', 'dead', 'unknown', 'cancelled')),
    CONSTRAINT lead_jobs_subject CHECK (octet_length(subject) <= 660),
    CONSTRAINT lead_jobs_spent CHECK (credits_reserved >= 0 AND credits >= 0),
    CONSTRAINT lead_jobs_ended CHECK ((state IN ('done', 'dead', 'unknown', 'cancelled')) = (finished_at IS NOT NULL))
);
CREATE INDEX lead_jobs_queue ON @extschema@.lead_jobs (provider, kind, priority DESC, next_at, id) WHERE state = 'queued';
CREATE INDEX lead_jobs_due ON @extschema@.lead_jobs (provider, next_at) WHERE state = 'queued';
/*
 * One open job a subject: nothing is paid for twice because two callers asked.
 * The jobs of a call are found here too, by the subjects in the ledger: one index
 * less for each start.
 */
CREATE UNIQUE INDEX lead_jobs_one_open ON @extschema@.lead_jobs (subject, provider, kind)
    WHERE state IN ('queued', 'leased', 'started', 'unknown');
/* Who was cancelled while asked about; lead_jobs_one_open has those that wait. */
CREATE INDEX lead_jobs_cancelled ON @extschema@.lead_jobs (call_id) WHERE state = 'cancelled' AND call_id IS NOT NULL;
CREATE INDEX lead_jobs_lead ON @extschema@.lead_jobs (lead_id, kind, finished_at) WHERE lead_id IS NOT NULL;
CREATE INDEX lead_jobs_request ON @extschema@.lead_jobs (request_id) WHERE request_id IS NOT NULL;
ALTER TABLE @extschema@.lead_jobs ALTER reason SET STATISTICS 0, ALTER error SET STATISTICS 0,
    SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE @extschema@.lead_jobs IS
    'What the worker has to do, is doing and has done; a row is never deleted while it is open. The unique index lead_jobs_one_open is the promise that a subject is asked about once at a time.';
COMMENT ON COLUMN @extschema@.lead_jobs.subject IS 'Whom or what the provider is asked about, as it is compared: the lead''s id, a domain, a page of a search.';
COMMENT ON COLUMN @extschema@.lead_jobs.attempts IS 'Calls started so far; the number is the fence: an answer to an earlier attempt changes nothing.';
COMMENT ON COLUMN @extschema@.lead_jobs.state IS 'A job is leased and started in one commit, so leased is never seen.';
COMMENT ON COLUMN @extschema@.lead_jobs.lease_until IS 'Of a job that is started: the worker has it until then; one without an answer after a turn that failed is settled as after a crash.';
COMMENT ON COLUMN @extschema@.lead_jobs.call_id IS 'The call of the last attempt (lead_provider_calls.id).';
COMMENT ON COLUMN @extschema@.lead_jobs.found IS 'Of a job that is done, or was cancelled while its call was under way: whether the provider knew the subject.';
COMMENT ON COLUMN @extschema@.lead_jobs.created_by IS 'The role that asked for it.';
COMMENT ON SEQUENCE @extschema@.lead_jobs_id_seq IS 'Numbers of lead_jobs.';

CREATE TABLE @extschema@.lead_provider_answers (
    call_id bigint NOT NULL,
    later boolean NOT NULL DEFAULT false,
    body bytea NOT NULL,
    ms integer,
    received_at timestamptz NOT NULL,
    error text,
    deaths integer NOT NULL DEFAULT 0,
    CONSTRAINT lead_provider_answers_pkey PRIMARY KEY (call_id, later)
);
/* Bodies leave within seconds: compressing them would cost more than it saves. */
ALTER TABLE @extschema@.lead_provider_answers ALTER body SET STORAGE EXTERNAL, ALTER body SET STATISTICS 0,
    SET (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE @extschema@.lead_provider_answers IS
    'Answers that were paid for and wait to be captured, stored before anything else happens to them. One with an error could not be captured and stays until lp_job_retry.';
COMMENT ON COLUMN @extschema@.lead_provider_answers.later IS 'False: the answer to the call itself; true: what a webhook brought later.';
COMMENT ON COLUMN @extschema@.lead_provider_answers.deaths IS
    'Workers that seem to have died while they captured it; after three it is set aside, with the error deadly, so that the others go on.';

CREATE TABLE @extschema@.lead_budgets (
    provider text NOT NULL,
    day date NOT NULL,
    reserved numeric NOT NULL DEFAULT 0,
    spent numeric NOT NULL DEFAULT 0,
    CONSTRAINT lead_budgets_pkey PRIMARY KEY (provider, day),
    CONSTRAINT lead_budgets_provider CHECK (provider IN ('apollo', 'lookup', 'dnc', 'segment', 'segment_public', 'storage')),
    CONSTRAINT lead_budgets_sums CHECK (reserved >= 0 AND spent >= 0)
);
COMMENT ON TABLE @extschema@.lead_budgets IS 'Money by provider and UTC day: reserved before a call, spent once its price is known. A call whose outcome is unknown stays reserved.';

CREATE TABLE @extschema@.lead_provider_state (
    provider text NOT NULL,
    endpoint text NOT NULL,
    hold_until timestamptz,
    hold_reason text,
    rate_left integer,
    failures integer NOT NULL DEFAULT 0,
    breaker text NOT NULL DEFAULT 'closed',
    breaker_until timestamptz,
    updated_at timestamptz NOT NULL,
    CONSTRAINT lead_provider_state_pkey PRIMARY KEY (provider, endpoint),
    CONSTRAINT lead_provider_state_provider CHECK (provider IN ('apollo', 'lookup', 'dnc', 'segment', 'segment_public', 'storage')),
    CONSTRAINT lead_provider_state_endpoint CHECK (octet_length(endpoint) <= 200),
    CONSTRAINT lead_provider_state_breaker CHECK (breaker IN ('closed', 'open', 'half_open'))
);
COMMENT ON TABLE @extschema@.lead_provider_state IS 'What keeps the worker from calling a provider (endpoint '''') or one of its endpoints: a hold the provider asked for, or the circuit breaker.';
COMMENT ON COLUMN @extschema@.lead_provider_state.hold_reason IS 'limited, auth, forbidden or credits.';
COMMENT ON COLUMN @extschema@.lead_provider_state.rate_left IS 'Calls left in the narrowest window (minute, hour, day) that the provider''s own headers tell of.';

CREATE TABLE @extschema@.lead_webhook_tokens (
    token_hash bytea NOT NULL,
    call_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT lead_webhook_tokens_pkey PRIMARY KEY (token_hash)
);
CREATE INDEX lead_webhook_tokens_expires ON @extschema@.lead_webhook_tokens (expires_at);
CREATE INDEX lead_webhook_tokens_call ON @extschema@.lead_webhook_tokens (call_id);
COMMENT ON TABLE @extschema@.lead_webhook_tokens IS 'Tokens (their SHA-256) in the webhook addresses that calls gave to a provider; each is good for one answer.';

CREATE TABLE @extschema@.lead_request_candidates (
    request_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    found_at timestamptz NOT NULL,
    asked_at timestamptz,
    CONSTRAINT lead_request_candidates_pkey PRIMARY KEY (request_id, lead_id)
);
CREATE INDEX lead_request_candidates_lead ON @extschema@.lead_request_candidates (lead_id);
CREATE INDEX lead_request_candidates_new ON @extschema@.lead_request_candidates (request_id, found_at, lead_id) WHERE asked_at IS NULL;
COMMENT ON TABLE @extschema@.lead_request_candidates IS 'People whom a search found for a request; asked_at says when their enrichment was asked for.';

/* The ledger of calls that cost money. */

CREATE TABLE @extschema@.lead_provider_calls (
    id bigint GENERATED ALWAYS AS IDENTITY,
    job_id bigint,
    provider text NOT NULL,
    endpoint text NOT NULL,
    subjects text[] NOT NULL DEFAULT '{}',
    http_status integer,
    outcome text NOT NULL,
    credits numeric NOT NULL DEFAULT 0,
    cost numeric NOT NULL DEFAULT 0,
    reserved numeric NOT NULL DEFAULT 0,
    reason text,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    ms integer,
    CONSTRAINT lead_provider_calls_pkey PRIMARY KEY (id),
    CONSTRAINT lead_provider_calls_provider CHECK (provider IN ('apollo', 'lookup', 'dnc', 'segment', 'segment_public', 'storage')),
    CONSTRAINT lead_provider_calls_outcome CHECK (outcome IN ('ok', 'not_found', 'refused', 'limited', 'failed', 'unknown')),
    CONSTRAINT lead_provider_calls_spent CHECK (credits >= 0 AND cost >= 0 AND reserved >= 0)
);
/*
 * A row is written when its call starts, and when that has failed or its answer
 * is captured.  No index holds what changes then, and a page has room for the
 * next version of each row: no index is touched but at the start.
 */
CREATE INDEX lead_provider_calls_started ON @extschema@.lead_provider_calls USING brin (started_at) WITH (pages_per_range = 32, autosummarize = on);
ALTER TABLE @extschema@.lead_provider_calls SET (fillfactor = 50);
COMMENT ON TABLE @extschema@.lead_provider_calls IS
    'Every call to a provider, with what it was about and what it cost. The row is committed before the first byte leaves: its outcome is unknown until the call has failed or its answer has been captured.';
COMMENT ON COLUMN @extschema@.lead_provider_calls.reserved IS 'The most it can cost; 0 once credits or cost say what it did.';
COMMENT ON COLUMN @extschema@.lead_provider_calls.http_status IS 'Of the answer; null: none came.';
COMMENT ON COLUMN @extschema@.lead_provider_calls.reason IS 'Why the outcome is not ok; with ok: expired, if something was to come later and did not in 30 days.';
COMMENT ON COLUMN @extschema@.lead_provider_calls.subjects IS 'Ids of the leads, companies or numbers asked about, as they are compared; nothing personal in the clear.';
COMMENT ON SEQUENCE @extschema@.lead_provider_calls_id_seq IS 'Numbers of lead_provider_calls.';

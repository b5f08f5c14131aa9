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
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    ms integer,
    CONSTRAINT lead_provider_calls_pkey PRIMARY KEY (id),
    CONSTRAINT lead_provider_calls_provider CHECK (provider IN ('apollo', 'lookup', 'dnc', 'segment', 'segment_public', 'storage')),
    CONSTRAINT lead_provider_calls_outcome CHECK (outcome IN ('ok', 'not_found', 'refused', 'limited', 'failed', 'unknown')),
    CONSTRAINT lead_provider_calls_spent CHECK (credits >= 0 AND cost >= 0)
);
CREATE INDEX lead_provider_calls_started ON @extschema@.lead_provider_calls (provider, started_at);
CREATE INDEX lead_provider_calls_subjects ON @extschema@.lead_provider_calls USING gin (subjects);
COMMENT ON TABLE @extschema@.lead_provider_calls IS 'Every call to a provider, with what it was about and what it cost.';
COMMENT ON COLUMN @extschema@.lead_provider_calls.subjects IS 'Ids of the leads, companies or numbers asked about, as they are compared; nothing personal in the clear.';
COMMENT ON SEQUENCE @extschema@.lead_provider_calls_id_seq IS 'Numbers of lead_provider_calls.';

/* Where the worker may work, and what it has to tell. */

CREATE TABLE @extschema@.lead_worker_identity (
    system_identifier bigint NOT NULL,
    database oid NOT NULL,
    timeline integer NOT NULL,
    instance text COLLATE "C" NOT NULL,
    approved_at timestamptz NOT NULL,
    approved_by text,
    CONSTRAINT lead_worker_identity_pkey PRIMARY KEY (system_identifier, database, timeline, instance),
    CONSTRAINT lead_worker_identity_instance CHECK (length(instance) <= 200)
);
COMMENT ON TABLE @extschema@.lead_worker_identity IS
    'Databases whose worker may send and spend. A copy brings the rows of its original and has none of its own: its worker is paused until lp_worker_start() adds one.';
COMMENT ON COLUMN @extschema@.lead_worker_identity.timeline IS 'A promotion or a recovery to a point in time begins a new one.';
COMMENT ON COLUMN @extschema@.lead_worker_identity.instance IS 'The setting leadpool.instance.';
COMMENT ON COLUMN @extschema@.lead_worker_identity.approved_by IS 'Who called lp_worker_start(); null where there was nothing to approve, since nothing had been asked for yet.';

CREATE TABLE @extschema@.lead_worker_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    level text NOT NULL,
    provider text,
    job_id bigint,
    code text NOT NULL,
    message text NOT NULL,
    CONSTRAINT lead_worker_events_pkey PRIMARY KEY (id),
    CONSTRAINT lead_worker_events_level CHECK (level IN ('info', 'warning', 'error'))
);
CREATE INDEX lead_worker_events_at ON @extschema@.lead_worker_events (at);
COMMENT ON TABLE @extschema@.lead_worker_events IS
    'What went wrong in the worker, for those who cannot read the server''s log; without values, so without personal data. Rows are kept for 30 days.';
COMMENT ON COLUMN @extschema@.lead_worker_events.code IS 'A SQLSTATE, or a word.';
COMMENT ON SEQUENCE @extschema@.lead_worker_events_id_seq IS 'Numbers of lead_worker_events.';

/* Every payload that was paid for, verbatim, and what in it nobody expected. */

CREATE TABLE @extschema@.lead_captures (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    source text NOT NULL,
    envelope_id uuid,
    ordinal integer,
    lead_id uuid,
    company_id uuid,
    element text,
    part text NOT NULL,
    cuts integer[],
    content_hash bytea NOT NULL,
    captured_at timestamptz NOT NULL,
    first_seen_at timestamptz NOT NULL,
    CONSTRAINT lead_captures_pkey PRIMARY KEY (id),
    CONSTRAINT lead_captures_source CHECK (source ~ '^[a-z][a-z0-9_]{0,62}$'),
    CONSTRAINT lead_captures_part CHECK ((envelope_id IS NULL) = (ordinal IS NULL))
);
CREATE UNIQUE INDEX lead_captures_envelope ON @extschema@.lead_captures (source, content_hash) WHERE envelope_id IS NULL;
CREATE UNIQUE INDEX lead_captures_ordinal ON @extschema@.lead_captures (envelope_id, ordinal) WHERE envelope_id IS NOT NULL;
CREATE INDEX lead_captures_lead ON @extschema@.lead_captures (lead_id, captured_at) WHERE lead_id IS NOT NULL;
CREATE INDEX lead_captures_company ON @extschema@.lead_captures (company_id, captured_at) WHERE company_id IS NOT NULL;
ALTER TABLE @extschema@.lead_captures ALTER COLUMN part SET STATISTICS 0;
COMMENT ON TABLE @extschema@.lead_captures IS
    'Every payload once, by content: one row for the envelope (the body with its people cut out) and one a person, so that erasing one person leaves the others.';
COMMENT ON COLUMN @extschema@.lead_captures.ordinal IS 'Place of the element in its body, from 1 (result row of the capture call); null for an envelope.';
COMMENT ON COLUMN @extschema@.lead_captures.element IS 'What the part is: person, contact or organization.';
COMMENT ON COLUMN @extschema@.lead_captures.part IS 'Verbatim text of the element; of an envelope the body with its elements cut out.';
COMMENT ON COLUMN @extschema@.lead_captures.cuts IS
    'Of an envelope: the byte offset in part at which each element, in the order of ordinal, was cut out; inserting them there restores the body byte for byte.';
COMMENT ON COLUMN @extschema@.lead_captures.content_hash IS 'SHA-256 of the body as it came; of a part: of the part. Of a body that lost an element to lp_drop_source: none of any body.';

CREATE TABLE @extschema@.lead_capture_keys (
    capture_id uuid NOT NULL,
    key_hash bytea NOT NULL,
    CONSTRAINT lead_capture_keys_pkey PRIMARY KEY (key_hash, capture_id)
);
CREATE INDEX lead_capture_keys_capture ON @extschema@.lead_capture_keys (capture_id);
COMMENT ON TABLE @extschema@.lead_capture_keys IS
    'Keyed hash of every address, number, profile and id of a person found anywhere in a payload, so that erasure finds mentions of a person by index. A number may be none.';

CREATE TABLE @extschema@.lead_unmapped (
    capture_id uuid NOT NULL,
    provider text NOT NULL,
    json_path text COLLATE "C" NOT NULL,
    sample text,
    seen_at timestamptz NOT NULL,
    CONSTRAINT lead_unmapped_pkey PRIMARY KEY (capture_id, json_path),
    CONSTRAINT lead_unmapped_length CHECK (octet_length(json_path) <= 1000 AND length(sample) <= 200)
);
CREATE INDEX lead_unmapped_path ON @extschema@.lead_unmapped (provider, json_path);
ALTER TABLE @extschema@.lead_unmapped ALTER COLUMN sample SET STATISTICS 0;
COMMENT ON TABLE @extschema@.lead_unmapped IS
    'A path of a payload that no column is mapped to, once a capture; lead_unmapped_paths counts them. Leaves with its capture.';

/* Who said stop. Apart from the leads: deleting or merging a lead lifts nothing. */

CREATE TABLE @extschema@.lead_suppressions (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    ban_id uuid NOT NULL,
    kind text NOT NULL,
    value_hash bytea NOT NULL,
    key_id text NOT NULL,
    domain text COLLATE "C",
    channel @extschema@.lp_channel,
    reason text NOT NULL,
    note text,
    client_id uuid,
    origin text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    lifted_at timestamptz,
    lift_reason text,
    key_hash bytea NOT NULL,
    CONSTRAINT lead_suppressions_pkey PRIMARY KEY (id),
    CONSTRAINT lead_suppressions_kind CHECK (kind IN ('email', 'phone', 'domain', 'linkedin', 'apollo_id')),
    CONSTRAINT lead_suppressions_reason CHECK (reason IN ('unsubscribed', 'complained', 'do_not_contact', 'consent_revoked',
                                                          'erasure', 'operator', 'dnc', 'bounced', 'excluded')),
    CONSTRAINT lead_suppressions_origin CHECK (origin IN ('operator', 'event', 'apollo', 'dnc', 'import', 'erasure')),
    CONSTRAINT lead_suppressions_domain CHECK ((kind = 'domain') = (domain IS NOT NULL)),
    CONSTRAINT lead_suppressions_excluded CHECK (reason <> 'excluded' OR client_id IS NOT NULL),
    CONSTRAINT lead_suppressions_domain_length CHECK (octet_length(domain) <= 253)
);
CREATE INDEX lead_suppressions_value ON @extschema@.lead_suppressions (value_hash) WHERE lifted_at IS NULL;
CREATE INDEX lead_suppressions_domain ON @extschema@.lead_suppressions (domain) WHERE lifted_at IS NULL AND domain IS NOT NULL;
CREATE INDEX lead_suppressions_ban ON @extschema@.lead_suppressions (ban_id);
COMMENT ON TABLE @extschema@.lead_suppressions IS
    'Bans by keyed hash: one ban has one row an identity of the person. Nothing is ever deleted; lifting stamps lifted_at on all rows of the ban.';
COMMENT ON COLUMN @extschema@.lead_suppressions.value_hash IS 'HMAC of the value under the key named by key_id.';
COMMENT ON COLUMN @extschema@.lead_suppressions.key_hash IS
    'The same under the oldest key, as lead_identities has it: which leads a ban reached is found by it whatever key the ban was made with.';
COMMENT ON COLUMN @extschema@.lead_suppressions.channel IS 'The channel banned; null: all that the reason covers.';

CREATE TABLE @extschema@.lead_keys (
    key_id text NOT NULL,
    fingerprint bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT lead_keys_pkey PRIMARY KEY (key_id)
);
COMMENT ON TABLE @extschema@.lead_keys IS
    'Which ban keys this database depends on: id and fingerprint, never the key. The key is in the file named by leadpool.key_file.';

/* Values that an operator pinned, and what must not show in pg_stats. */

CREATE TABLE @extschema@.lead_pins (
    lead_id uuid NOT NULL,
    column_name text COLLATE "C" NOT NULL,
    value jsonb NOT NULL,
    pinned_by text NOT NULL,
    pinned_at timestamptz NOT NULL,
    CONSTRAINT lead_pins_pkey PRIMARY KEY (lead_id, column_name),
    CONSTRAINT lead_pins_length CHECK (octet_length(column_name) <= 63)
);
COMMENT ON TABLE @extschema@.lead_pins IS
    'Values of lead_pool that an operator said: they are shown whatever is captured, until they are unpinned. JSON null shows nothing.';
COMMENT ON COLUMN @extschema@.lead_pins.pinned_by IS 'The role that called lp_pin.';

/* A person who was merged is looked for from the survivor's side. */
CREATE INDEX lead_pool_merged_into ON @extschema@.lead_pool (merged_into) WHERE merged_into IS NOT NULL;

/* Whether anybody was ever erased: captures ask. */
CREATE INDEX lead_suppressions_erasure ON @extschema@.lead_suppressions (reason) WHERE reason = 'erasure';

/* Free text and payloads that may show a person. */
ALTER TABLE @extschema@.lead_pins ALTER COLUMN value SET STATISTICS 0;
ALTER TABLE @extschema@.lead_pool
    ALTER COLUMN account SET STATISTICS 0,
    ALTER COLUMN company_account SET STATISTICS 0,
    ALTER COLUMN flagged_datum SET STATISTICS 0,
    ALTER COLUMN has_direct_phone SET STATISTICS 0,
    ALTER COLUMN company_chart_root_people_ids SET STATISTICS 0,
    ALTER COLUMN company_name SET STATISTICS 0,
    ALTER COLUMN company_description SET STATISTICS 0,
    ALTER COLUMN company_seo_description SET STATISTICS 0,
    ALTER COLUMN company_blog_url SET STATISTICS 0,
    ALTER COLUMN company_website_url SET STATISTICS 0,
    ALTER COLUMN company_phone SET STATISTICS 0,
    ALTER COLUMN company_sanitized_phone SET STATISTICS 0,
    ALTER COLUMN company_primary_phone SET STATISTICS 0,
    ALTER COLUMN title SET STATISTICS 0;
ALTER TABLE @extschema@.lead_companies ALTER COLUMN facts SET STATISTICS 0;
ALTER TABLE @extschema@.lead_unmapped ALTER COLUMN json_path SET STATISTICS 0;
ALTER TABLE @extschema@.lead_assignments
    ALTER COLUMN reason SET STATISTICS 0,
    ALTER COLUMN request_key SET STATISTICS 0,
    ALTER COLUMN end_reason SET STATISTICS 0;
ALTER TABLE @extschema@.lead_touches
    ALTER COLUMN step SET STATISTICS 0,
    ALTER COLUMN provider_message_id SET STATISTICS 0,
    ALTER COLUMN error SET STATISTICS 0;
ALTER TABLE @extschema@.lead_allocations ALTER COLUMN request_key SET STATISTICS 0;
ALTER TABLE @extschema@.lead_clients ALTER COLUMN paused_reason SET STATISTICS 0;
ALTER TABLE @extschema@.lead_decisions ALTER COLUMN facts SET STATISTICS 0;
ALTER TABLE @extschema@.lead_events
    ALTER COLUMN external_id SET STATISTICS 0,
    ALTER COLUMN detail SET STATISTICS 0;
ALTER TABLE @extschema@.lead_conflicts ALTER COLUMN detail SET STATISTICS 0;
ALTER TABLE @extschema@.lead_suppressions
    ALTER COLUMN note SET STATISTICS 0,
    ALTER COLUMN lift_reason SET STATISTICS 0;

/* Values that an operator pinned. */

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

/*
 * Rules that are data. Rows that the script ships carry shipped = true and are
 * not dumped; a site's own row (shipped = false) wins over them.
 */

CREATE TABLE @extschema@.lead_quiet_hours (
    country_code text NOT NULL,
    state text NOT NULL DEFAULT '',
    channel @extschema@.lp_channel NOT NULL,
    days integer[] NOT NULL,
    opens time NOT NULL,
    closes time NOT NULL,
    law text NOT NULL,
    version text NOT NULL,
    shipped boolean NOT NULL DEFAULT false,
    CONSTRAINT lead_quiet_hours_pkey PRIMARY KEY (country_code, state, channel, days, opens, shipped),
    CONSTRAINT lead_quiet_hours_country CHECK (country_code ~ '^([A-Z]{2}|\*)$'),
    CONSTRAINT lead_quiet_hours_days CHECK (days <@ ARRAY[1, 2, 3, 4, 5, 6, 7, 8])
);
COMMENT ON TABLE @extschema@.lead_quiet_hours IS
    'When calls and messages are lawful, in the recipient''s local time. Rows of one country, state and channel together are its open hours; the rows of a state replace those of its country, and a site''s rows those shipped.';
COMMENT ON COLUMN @extschema@.lead_quiet_hours.country_code IS 'ISO 3166 code; * holds where a country has no row.';
COMMENT ON COLUMN @extschema@.lead_quiet_hours.state IS 'State or province in lower case; empty for the whole country.';
COMMENT ON COLUMN @extschema@.lead_quiet_hours.days IS
    'ISO weekdays on which the window opens (1 Monday to 7 Sunday); 8: it opens on public holidays too (lead_holidays). No day: never.';
COMMENT ON COLUMN @extschema@.lead_quiet_hours.closes IS 'End of the window, not included; before or at opens: it ends on the next day.';

CREATE TABLE @extschema@.lead_holidays (
    country_code text NOT NULL,
    state text NOT NULL DEFAULT '',
    holiday date NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    shipped boolean NOT NULL DEFAULT false,
    CONSTRAINT lead_holidays_pkey PRIMARY KEY (country_code, state, holiday, shipped)
);
COMMENT ON TABLE @extschema@.lead_holidays IS 'Public holidays that the rules of lead_quiet_hours know; a site adds its own.';

CREATE TABLE @extschema@.lead_zones (
    country_code text NOT NULL,
    state text NOT NULL DEFAULT '',
    zones text[] NOT NULL,
    shipped boolean NOT NULL DEFAULT false,
    CONSTRAINT lead_zones_pkey PRIMARY KEY (country_code, state, shipped),
    CONSTRAINT lead_zones_some CHECK (cardinality(zones) > 0)
);
COMMENT ON TABLE @extschema@.lead_zones IS
    'Time zones that are possible in a country, or in one of its states; used where the provider told no zone.';

CREATE TABLE @extschema@.lead_score_weights (
    part text NOT NULL,
    value text NOT NULL DEFAULT '',
    points integer NOT NULL,
    shipped boolean NOT NULL DEFAULT false,
    CONSTRAINT lead_score_weights_pkey PRIMARY KEY (part, value, shipped),
    CONSTRAINT lead_score_weights_points CHECK (points BETWEEN -100 AND 100)
);
COMMENT ON TABLE @extschema@.lead_score_weights IS
    'Points of the base score: one row a part and value; a site''s row wins over the one shipped.';

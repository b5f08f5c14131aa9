/* Values and places as leadpool compares them. */

CREATE FUNCTION @extschema@.lp_normalize(kind text, value text, region text DEFAULT NULL) RETURNS text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_normalize';
COMMENT ON FUNCTION @extschema@.lp_normalize(text, text, text) IS
$$The form in which a value is compared: when two values have the same form, leadpool takes them for the same.
Role addresses (info@) have a form, although they identify nobody; a locked placeholder, an invented value (test@test.com, all zeroes) and a value longer than 320 bytes have none.
Arguments: kind is email, phone, domain, linkedin or apollo_id; value is the value as given; region is the country (ISO 3166 code or English name) of a phone number without +, default leadpool.default_region.
Result: the form, or null if the value is none of that kind.
Errors: 22023 (unknown kind or region); 22004 (kind is null).
Example: SELECT lp_normalize('email', ' Jane.Doe+news@GoogleMail.com ');$$;

CREATE FUNCTION @extschema@.lp_contact_hours(channel @extschema@.lp_channel, country text DEFAULT NULL, state text DEFAULT NULL,
        zone text DEFAULT NULL, at timestamptz DEFAULT NULL)
    RETURNS TABLE (lawful boolean, next_at timestamptz, rule text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_contact_hours';
COMMENT ON FUNCTION @extschema@.lp_contact_hours(@extschema@.lp_channel, text, text, text, timestamptz) IS
$$Whether a call or message is lawful at a place and moment, by the rules of lead_quiet_hours, lead_holidays and lead_zones. Only voice and sms have hours. A client's own hours are not asked; lp_jit_check does that.
Arguments: channel; country is an ISO 3166 code or English name; state is a state or province of it; zone is an IANA time zone; at is the moment, default the clock. Without a zone every zone that is possible for state and country must allow it.
Result: one row: lawful; next_at, the first later moment that is lawful (null if it is lawful now, or never will be); rule, one line that names zones, hours and law.
Errors: 22004 (channel is null); 22P02 (no such channel).
Example: SELECT * FROM lp_contact_hours('voice', 'United States', 'Arizona');$$;

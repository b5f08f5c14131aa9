/* Capture and identity. */

CREATE FUNCTION @extschema@.lp_capture_apollo(payload jsonb, captured_at timestamptz DEFAULT NULL)
    RETURNS TABLE (ordinal int, lead_id uuid, outcome text, detail text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_capture_apollo';
COMMENT ON FUNCTION @extschema@.lp_capture_apollo(jsonb, timestamptz) IS
$$Stores any answer of Apollo as it came: one person, {person}, {matches}, {people, contacts}, {organization}, {organizations}, a webhook body or a polled one. The payload is archived verbatim, every known field gets its typed column, people are matched by their keys, and Apollo's opt-out and do-not-call marks become bans. The same payload again changes nothing. A value of the wrong type costs that field only.
Arguments: payload: the answer; captured_at: when it came (null = now, at most one day ahead). Newer values win over older ones whatever the order of arrival; null or absent erases nothing.
Result: a row for each element of the lists, in the order people, matches, contacts, organizations: outcome inserted, updated, unchanged, suppressed (an erasure stands: nothing was stored) or rejected (no_match: nobody was found; bad_element: no object). detail says banned where a ban stands, conflict where the keys belong to two leads. An answer about a company has lead_id null. Bodies without people give no row.
Errors: 22004 (payload is null), 22023 (captured_at too far ahead), 22032 (not a JSON object), LP008 (the ban key is missing), LP009 (over 8 MiB or 1,000 elements).
Example: SELECT * FROM lp_capture_apollo('{"person": {"id": "672c91d4a7be42000184f2c9", "email": "m.achterberg@quillmere.example", "email_status": "verified"}}');$$;

CREATE FUNCTION @extschema@.lp_capture_apollo_raw(body text, captured_at timestamptz DEFAULT NULL)
    RETURNS TABLE (ordinal int, lead_id uuid, outcome text, detail text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_capture_apollo_raw';
COMMENT ON FUNCTION @extschema@.lp_capture_apollo_raw(text, timestamptz) IS
$$lp_capture_apollo for a body as it came off the wire. What jsonb refuses costs one character here: an escaped NUL and lone surrogates are read as U+FFFD. The archive keeps the body byte for byte.
Arguments: body: the text of the answer; captured_at: when it came (null = now).
Result: as lp_capture_apollo.
Errors: 22032 (not a JSON object, or no JSON), else as lp_capture_apollo.
Example: SELECT * FROM lp_capture_apollo_raw('{"person": {"id": "672c91d4a7be42000184f2c9", "headline": "a\u0000b"}}');$$;

CREATE FUNCTION @extschema@.lp_capture(source text, payload jsonb, captured_at timestamptz DEFAULT NULL)
    RETURNS TABLE (ordinal int, lead_id uuid, outcome text, detail text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_capture';
COMMENT ON FUNCTION @extschema@.lp_capture(text, jsonb, timestamptz) IS
$$Stores people from any other source under the same rules as lp_capture_apollo. The keys of the payload are columns of lead_pool; those that leadpool works out itself (id, state, score, email_match ...) and unknown ones are kept in the archive and shown in lead_unmapped_paths.
Arguments: source: where it comes from, [a-z][a-z0-9_]{0,62}; apollo, lookup and dnc are refused, since leadpool itself stores what those providers answer; payload: one object or a list of objects; captured_at: when it was true (null = now).
Result: as lp_capture_apollo; an element without an email, phone, LinkedIn URL or apollo_id is rejected as no_match.
Errors: 22004, 22023 (source, captured_at), 22032 (neither an object nor a list), LP008, LP009.
Example: SELECT * FROM lp_capture('trade_fair', '[{"email": "ilse@fennwick.example", "full_name": "Ilse Marchetti", "company_name": "Fennwick"}]');$$;

CREATE FUNCTION @extschema@.lp_find_lead(email text DEFAULT NULL, phone text DEFAULT NULL, apollo_id text DEFAULT NULL, linkedin_url text DEFAULT NULL)
    RETURNS uuid
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_find_lead';
COMMENT ON FUNCTION @extschema@.lp_find_lead(text, text, text, text) IS
$$Finds a lead by any key under which the person is or was known. With several keys the strongest known one answers: apollo_id, email, linkedin_url, phone.
Arguments: email, phone (E.164, or in leadpool.default_region), apollo_id, linkedin_url: in any spelling; at least one. A role address (info@ ...) finds nobody; a phone finds somebody only if one lead alone has it.
Result: id of the lead (of the survivor, if it was merged), or null.
Errors: 22004 (all keys are null).
Example: SELECT lp_find_lead(email => 'M.Achterberg@Quillmere.example');$$;

CREATE FUNCTION @extschema@.lp_field_map()
    RETURNS TABLE (provider text, json_path text, column_name text, column_type text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_field_map';
COMMENT ON FUNCTION @extschema@.lp_field_map() IS
$$Which column of lead_pool takes which field of a provider's payload. A path is dotted from the person, [] stands for a list, .* for keys that are data; paths inside a jsonb column name that column.
Result: provider, path, column and its type. What is not listed shows in lead_unmapped_paths when it comes.
Errors: none.
Example: SELECT column_name FROM lp_field_map() WHERE json_path = 'organization.estimated_num_employees';$$;

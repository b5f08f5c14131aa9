/* Clients and their senders, allocation, ownership, the base score. */

CREATE FUNCTION @extschema@.lp_fold(value text) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'lp_fold';
COMMENT ON FUNCTION @extschema@.lp_fold(text) IS
$$Text as criteria compare it: trimmed, in lower case whatever the database's locale. Internal.
Arguments: value: any text.
Result: text.
Errors: none.
Example: SELECT lp_fold('  Zürich ');$$;

CREATE FUNCTION @extschema@.lp_fold_country(value text) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'lp_fold_country';
COMMENT ON FUNCTION @extschema@.lp_fold_country(text) IS
$$A country as criteria compare it: its ISO 3166 code, or the folded text where it is none that is known. Internal.
Arguments: value: an English country name or a code.
Result: text.
Errors: none.
Example: SELECT lp_fold_country('Germany');$$;

CREATE FUNCTION @extschema@.lp_client_set(client_id uuid, name text DEFAULT NULL, settings jsonb DEFAULT '{}')
    RETURNS @extschema@.lead_clients
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_client_set';
COMMENT ON FUNCTION @extschema@.lp_client_set(uuid, text, jsonb) IS
$$Registers a client (an agency) or changes its settings. A key given replaces, JSON null restores the default, a key left out keeps its value. A pause waits for the claims in flight; after its commit no claim, dispatch or allocation of the client passes.
Arguments: client_id: the client; name: needed for a new one, null keeps the name; settings: status (active, paused), time_zone (IANA name, default UTC), max_active_leads, daily_allocation (whole numbers, null = no limit), daily_limit (a number, or an object by channel), exclude_domains (list), release_contacted ("never" or an interval), company_exclusive (true or false), quiet_hours (object by voice and sms), recent_contact, channel_cooling, not_interested_cooling (intervals), allow_catch_all, bounce_breaker_rate (percent).
Result: the row of lead_clients; its settings show what differs from the defaults.
Errors: 22004 (client_id is null, or a new client without a name), 22023 (unknown key, wrong type or value; nothing is changed), 22032 (settings is not an object), LP003 (a cancelled client is paused; only {"status": "active"} brings it back).
Example: SELECT lp_client_set('018f0000-0000-7000-8000-000000000001', 'Agency One', '{"time_zone": "Europe/Berlin", "daily_allocation": 500}');$$;

CREATE FUNCTION @extschema@.lp_sender_set(client_id uuid, channel @extschema@.lp_channel, sender text, settings jsonb DEFAULT '{}')
    RETURNS @extschema@.lead_senders
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_sender_set';
COMMENT ON FUNCTION @extschema@.lp_sender_set(uuid, @extschema@.lp_channel, text, jsonb) IS
$$Registers a mailbox, number or profile that a client sends from, or changes its settings (a key given replaces, JSON null restores the default, a key left out keeps its value). A sender is unique per channel over all clients, compared as address or number.
Arguments: client_id: the client; channel: email, linkedin, sms, voice or mail; sender: address, number or name; settings: daily_limit (sends a local day, null = no limit), time_zone (default: the client's), min_gap (shortest time between two sends, interval), paused, warmup_ready (true, false, null = by the ramp), warmup_started_on (date), warmup_days (default 21).
Result: the row of lead_senders.
Errors: 22004 (null argument), 22023 (unknown key, wrong type or value, a sender that cannot be one), 22032 (settings is not an object), 42704 (no such client), 42710 (the sender belongs to another client).
Example: SELECT lp_sender_set('018f0000-0000-7000-8000-000000000001', 'email', 'ann@agency.example', '{"daily_limit": 40, "warmup_ready": true}');$$;

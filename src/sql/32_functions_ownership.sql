/* Clients and their senders, allocation, ownership, the base score. */

CREATE FUNCTION @extschema@.lp_fold(value text) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'lp_fold';
COMMENT ON FUNCTION @extschema@.lp_fold(text) IS
$$Text as criteria compare it: trimmed, in lower case whatever the database's locale. Internal.
Arguments: value: any text.
Result: text.
Errors: none.
Example: SELECT lp_fold('  Zürich ');$$;

CREATE FUNCTION @extschema@.lp_fold_country(value text) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'lp_fold_country';
COMMENT ON FUNCTION @extschema@.lp_fold_country(text) IS
$$A country as criteria compare it: its ISO 3166 code, or the folded text where it is none that is known. Internal.
Arguments: value: an English country name or a code.
Result: text.
Errors: none.
Example: SELECT lp_fold_country('Germany');$$;

CREATE FUNCTION @extschema@.lp_lead_terms(title text, industry text, industries text[], departments text[], subdepartments text[],
                                          technologies text[], current_technologies jsonb, keywords text[], sources text[])
    RETURNS text[]
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100
    AS 'MODULE_PATHNAME', 'lp_lead_terms';
COMMENT ON FUNCTION @extschema@.lp_lead_terms(text, text, text[], text[], text[], text[], jsonb, text[], text[]) IS
$$The terms of a lead as lead_terms keeps them, from its columns. Internal.
Arguments: title, industry, industries, departments, subdepartments, technologies, current_technologies, keywords, sources: the columns of lead_pool; each may be null.
Result: text[], sorted.
Errors: none.
Example: SELECT lp_lead_terms('VP Sales', 'banking', NULL, NULL, NULL, NULL, NULL, NULL, '{list}');$$;

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

CREATE FUNCTION @extschema@.lp_allocate(client_id uuid, campaign_id uuid, wanted integer, criteria jsonb DEFAULT '{}', options jsonb DEFAULT '{}')
    RETURNS SETOF @extschema@.lead_assignments
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_allocate';
COMMENT ON FUNCTION @extschema@.lp_allocate(uuid, uuid, integer, jsonb, jsonb) IS
$$Hands out the best leads that match to a client: one lead to one client, whoever asks at the same time. Takes what nobody else has locked; if that is not enough, waits for leads in other hands; what is still missing is recorded as one open request for the worker. Call it in READ COMMITTED: REPEATABLE READ and SERIALIZABLE fail with 40001 where another transaction came first.
Arguments: client_id: the client; campaign_id: may be null; wanted: 0 to 100000 leads (over RPC at most 1000); criteria: all given must hold, within one list any: industries, exclude_industries, titles, seniorities, departments, countries, states, cities, employees_min, employees_max, revenue_min, revenue_max, technologies, technologies_all, keywords, domains, exclude_domains, email_statuses (default ["verified"]), channels (default ["email"]), has_phone, has_linkedin, min_score, sources, ingestion_id; null and an empty list are no criterion; options: dry_run (the same answer, nothing written, so that a read-only transaction may ask), order (score, newest, or random with seed), per_company_max (leads of one company in this call), enrich_on_shortage (default true), request_key (a retry within 30 days gets the first answer).
Result: the new rows of lead_assignments in the order of allocation; fewer than wanted if the pool, max_active_leads or daily_allocation has no more. In a dry run id is null.
Errors: 22004 (client_id or wanted is null), 22023 (negative wanted, unknown or wrong key, request_key used with other arguments), 22032 (criteria or options is not an object), 42704 (no such client), LP006 (client paused or cancelled), LP008 (bans cannot be read), LP009 (wanted too large).
Example: SELECT lead_id FROM lp_allocate('018f0000-0000-7000-8000-000000000001', NULL, 100, '{"countries": ["US"], "titles": ["vp sales"]}', '{"per_company_max": 2}');$$;

CREATE FUNCTION @extschema@.lp_assign(lead_id uuid, client_id uuid, campaign_id uuid DEFAULT NULL, reason text DEFAULT NULL)
    RETURNS @extschema@.lead_assignments
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_assign';
COMMENT ON FUNCTION @extschema@.lp_assign(uuid, uuid, uuid, text) IS
$$Gives one lead to a client. A lead that the client already owns moves to the campaign named (null keeps it); touches, cooling and limits belong to the person and stay.
Arguments: lead_id: the lead; client_id: the client; campaign_id: may be null; reason: kept with the assignment.
Result: the row of lead_assignments.
Errors: 22004 (null argument), LP001 (no such lead), 42704 (no such client), LP006 (client paused or cancelled), LP004 (the person is banned, or the client's exclude_domains cover it), LP005 (owned by another client or kept for one), LP003 (has replied, converted or is cooling), LP007 (capacity used up), LP008 (bans cannot be read).
Example: SELECT lp_assign('018f0000-0000-7000-8000-00000000000a', '018f0000-0000-7000-8000-000000000001', reason => 'referral');$$;

CREATE FUNCTION @extschema@.lp_release(lead_id uuid, client_id uuid, reason text)
    RETURNS @extschema@.lead_assignments
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_release';
COMMENT ON FUNCTION @extschema@.lp_release(uuid, uuid, text) IS
$$Ends a client's assignment of a lead. A lead that was never contacted goes back to the pool; a contacted one is kept from every other client for the time that release_contacted says (default: for ever). Open claims are void at once.
Arguments: lead_id: the lead; client_id: the client that owns it; reason: why.
Result: the row of lead_assignments, with ended_at and kept_until.
Errors: 22004 (null argument), LP001 (no such lead), 42704 (no such client), LP003 (the client does not own it, whoever does, or it has converted for the client).
Example: SELECT lp_release('018f0000-0000-7000-8000-00000000000a', '018f0000-0000-7000-8000-000000000001', 'campaign over');$$;

CREATE FUNCTION @extschema@.lp_score(lead_id uuid)
    RETURNS TABLE (score int, part text, points int, why text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_score';
COMMENT ON FUNCTION @extschema@.lp_score(uuid) IS
$$Explains the base score of a lead under the weights of lead_score_weights.
Arguments: lead_id: the lead.
Result: one row a part; score is the whole (0 to 100) on every row, and the points of all rows add up to it.
Errors: 22004 (lead_id is null), LP001 (no such lead).
Example: SELECT part, points, why FROM lp_score('018f0000-0000-7000-8000-00000000000a');$$;

CREATE FUNCTION @extschema@.lp_rebuild_available() RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_rebuild_available';
COMMENT ON FUNCTION @extschema@.lp_rebuild_available() IS
$$Brings lead_available and lead_terms up to date for all leads; writers wait meanwhile. Needed only after a change behind leadpool's back: after a restore the first allocation does it. Operators only.
Result: how many leads may be handed out.
Errors: 42501 (the caller is no operator).
Example: SELECT lp_rebuild_available();$$;

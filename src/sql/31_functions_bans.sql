/* Bans by hand. */

CREATE FUNCTION @extschema@.lp_suppress(kind text, value text, reason text, client_id uuid DEFAULT NULL,
                                        expires_at timestamptz DEFAULT NULL) RETURNS uuid
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_suppress';
COMMENT ON FUNCTION @extschema@.lp_suppress(text, text, text, uuid, timestamptz) IS
$$Bans an address, number, profile or domain, and with a reason that covers the person every key by which the person is known. Open claims are void in the same commit. An equal ban in force is not repeated.
Arguments: kind - email, phone, domain, linkedin or apollo_id; value - as it is known, in any spelling; reason - unsubscribed, complained, do_not_contact, erasure and operator cover the person on all channels, consent_revoked the channel that the kind names, dnc that number for voice and SMS, bounced that address, excluded the person for one client; other text is kept as a note and acts as operator; client_id - needed for excluded, restricts operator; expires_at - end of the ban, null for good.
Result: id of the suppression row for the value given.
Errors: 22004 (kind, value or reason null; excluded without client_id), 22023 (unknown kind, a value that is none of that kind, an end in the past), 42704 (no such client), LP008 (the suppression key is missing or is another one).
Example: SELECT lp_suppress('email', 'sam@buildright.example', 'unsubscribed');$$;

CREATE FUNCTION @extschema@.lp_unsuppress(suppression_id uuid, reason text) RETURNS boolean
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_unsuppress';
COMMENT ON FUNCTION @extschema@.lp_unsuppress(uuid, text) IS
$$Lifts a ban with all its rows. Nothing is deleted: the rows are stamped with the moment and the reason. A ban for erasure or a complaint is never lifted. Operators only.
Arguments: suppression_id - any row of the ban; reason - why it is lifted.
Result: true; false if it was lifted already.
Errors: 22004 (an argument null), 42501 (the caller is no operator), 42704 (no such suppression), LP003 (erasure or complaint), LP008 (the suppression key is missing or is another one).
Example: SELECT lp_unsuppress(id, 'asked to be written to again') FROM lead_suppressions WHERE reason = 'unsubscribed' LIMIT 1;$$;

CREATE FUNCTION @extschema@.lp_is_suppressed(kind text, value text, client_id uuid DEFAULT NULL) RETURNS boolean
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_is_suppressed';
COMMENT ON FUNCTION @extschema@.lp_is_suppressed(text, text, uuid) IS
$$Tells whether any ban in force stops contact over this value: on the value itself, on its domain, or on the person who is known by it.
Arguments: kind - email, phone, domain, linkedin or apollo_id; value - in any spelling; client_id - counts this client's own exclusions too.
Result: true if contact is stopped on at least one channel.
Errors: 22004 (kind or value null), 22023 (unknown kind, a value that is none of that kind), 25006 (on a standby), 42704 (no such client), LP008 (the suppression key is missing or is another one).
Example: SELECT lp_is_suppressed('phone', '+1 202 555 0143');$$;

/* Just-in-time validation, claims and the ledger of touches. */

CREATE FUNCTION @extschema@.lp_jit_check(lead_id uuid, client_id uuid, channel @extschema@.lp_channel, sender text DEFAULT NULL,
                                         at timestamptz DEFAULT NULL)
    RETURNS @extschema@.lp_jit_verdict
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_jit_check';
COMMENT ON FUNCTION @extschema@.lp_jit_check(uuid, uuid, @extschema@.lp_channel, text, timestamptz) IS
$$Asks all fourteen checks whether a client may contact a lead over a channel at a moment. A check alone reserves nothing: use lp_jit_claim before a send.
Arguments: lead_id; client_id; channel (email, linkedin, sms, voice, mail); sender (the mailbox, number or profile that would send; without one email fails warmup_ready); at (the moment asked about, default the clock now).
Result: allowed; blocked_by (the first check that fails, null if allowed); failed (all that fail, in order); retry_at (the first moment at or after at when this call would pass if nothing else happens; null: not by waiting). A lead that is not the client's, or does not exist: assignment_active and nothing else.
Errors: 22004 (lead_id, client_id or channel is null), 22023 (at is infinite), LP008 (bans cannot be read), 25006 (on a standby).
Example: SELECT * FROM lp_jit_check('01920000-0000-7000-8000-000000000001', '01920000-0000-7000-8000-000000000002', 'email', 'ann@agency.example');$$;

CREATE FUNCTION @extschema@.lp_jit_check_batch(client_id uuid, channel @extschema@.lp_channel, lead_ids uuid[], sender text DEFAULT NULL,
                                               at timestamptz DEFAULT NULL)
    RETURNS TABLE (lead_id uuid, allowed boolean, blocked_by text, failed text[], retry_at timestamptz)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_jit_check_batch';
COMMENT ON FUNCTION @extschema@.lp_jit_check_batch(uuid, @extschema@.lp_channel, uuid[], text, timestamptz) IS
$$The same as lp_jit_check for many leads at once; each is judged as if it were the only one.
Arguments: client_id; channel; lead_ids (at most 10,000; nulls are skipped, an id given twice is answered once); sender; at (default the clock now).
Result: one row a lead, in the order given: lead_id (as given), allowed, blocked_by, failed, retry_at as in lp_jit_check.
Errors: 22004 (client_id, channel or lead_ids is null), 22023 (at is infinite), LP009 (more than 10,000 ids), LP008 (bans cannot be read), 25006 (on a standby).
Example: SELECT * FROM lp_jit_check_batch('01920000-0000-7000-8000-000000000002', 'email', ARRAY['01920000-0000-7000-8000-000000000001']::uuid[], 'ann@agency.example');$$;

CREATE FUNCTION @extschema@.lp_jit_explain(lead_id uuid, client_id uuid, channel @extschema@.lp_channel, sender text DEFAULT NULL,
                                           at timestamptz DEFAULT NULL)
    RETURNS TABLE ("position" integer, check_name text, passed boolean, detail text, retry_at timestamptz)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_jit_explain';
COMMENT ON FUNCTION @extschema@.lp_jit_explain(uuid, uuid, @extschema@.lp_channel, text, timestamptz) IS
$$Shows every check of lp_jit_check with what it found.
Arguments: as for lp_jit_check.
Result: fourteen rows in the order of the checks: position (1 to 14), check_name, passed, detail (a sentence for people; names nobody), retry_at (when this check alone would pass; null if it passes or no waiting helps). For a lead that is not the client's only assignment_active is evaluated; the others have passed null and detail "not evaluated".
Errors: as for lp_jit_check.
Example: SELECT * FROM lp_jit_explain('01920000-0000-7000-8000-000000000001', '01920000-0000-7000-8000-000000000002', 'sms', '+61400000001');$$;

CREATE FUNCTION @extschema@.lp_jit_claim(lead_id uuid, client_id uuid, channel @extschema@.lp_channel, sender text DEFAULT NULL,
                                         campaign_id uuid DEFAULT NULL, step text DEFAULT NULL, ttl interval DEFAULT '15 minutes')
    RETURNS TABLE (touch_id uuid, allowed boolean, blocked_by text, failed text[], retry_at timestamptz)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_jit_claim';
COMMENT ON FUNCTION @extschema@.lp_jit_claim(uuid, uuid, @extschema@.lp_channel, text, uuid, text, interval) IS
$$Checks and reserves in one transaction: of two claims for one person, or for the last slot of a limit, one wins. The claim counts at once for recency, cooling and limits, and lapses by itself. Commit it, then call lp_touch_dispatch right before the wire. With campaign_id and step a retry gets the first claim back.
Arguments: lead_id; client_id; channel; sender; campaign_id and step (optional names of the message, step at most 320 bytes); ttl (how long the claim holds, above 0 and at most leadpool.claim_ttl_max).
Result: touch_id (null if refused), allowed, blocked_by, failed, retry_at as in lp_jit_check; already_claimed if the step was claimed before and is no longer an open claim (touch_id is then the first). Every answer is kept in lead_decisions.
Errors: 22004 (lead_id, client_id, channel or ttl is null), 22023 (ttl out of range, step too long), LP008 (bans cannot be read), 25006 (read-only or standby), 0A000 (PREPARE TRANSACTION afterwards).
Example: SELECT * FROM lp_jit_claim('01920000-0000-7000-8000-000000000001', '01920000-0000-7000-8000-000000000002', 'email', 'ann@agency.example', ttl => '10 minutes');$$;

CREATE FUNCTION @extschema@.lp_jit_claim_batch(client_id uuid, channel @extschema@.lp_channel, lead_ids uuid[], sender text DEFAULT NULL,
                                               campaign_id uuid DEFAULT NULL, step text DEFAULT NULL, ttl interval DEFAULT '15 minutes')
    RETURNS TABLE (lead_id uuid, touch_id uuid, allowed boolean, blocked_by text, failed text[], retry_at timestamptz)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_jit_claim_batch';
COMMENT ON FUNCTION @extschema@.lp_jit_claim_batch(uuid, @extschema@.lp_channel, uuid[], text, uuid, text, interval) IS
$$The same as lp_jit_claim for many leads in one transaction; each claim that is granted counts for the leads after it.
Arguments: client_id; channel; lead_ids (at most 10,000; nulls are skipped, an id given twice is answered once); sender; campaign_id; step; ttl.
Result: one row a lead, in the order given: lead_id (as given), and the columns of lp_jit_claim.
Errors: as for lp_jit_claim, and LP009 (more than 10,000 ids).
Example: SELECT * FROM lp_jit_claim_batch('01920000-0000-7000-8000-000000000002', 'email', ARRAY['01920000-0000-7000-8000-000000000001']::uuid[], 'ann@agency.example');$$;

CREATE FUNCTION @extschema@.lp_touch_dispatch(touch_id uuid) RETURNS boolean
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_touch_dispatch';
COMMENT ON FUNCTION @extschema@.lp_touch_dispatch(uuid) IS
$$The last step before the wire: reads again whether the claim still holds (no ban, no reply, the same owner, an active client, a lawful hour, not lapsed). Commit the answer before sending.
Arguments: touch_id (of lp_jit_claim).
Result: true once: send now. False: do not send; the claim is fenced or had lapsed, was dispatched before, or there is none of that id.
Errors: 22004 (touch_id is null), LP008 (bans cannot be read), 25006 (read-only or standby).
Example: SELECT lp_touch_dispatch('01920000-0000-7000-8000-000000000003');$$;

CREATE FUNCTION @extschema@.lp_touch_confirm(touch_id uuid, provider_message_id text DEFAULT NULL, sent_at timestamptz DEFAULT NULL)
    RETURNS @extschema@.lead_touches
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_touch_confirm';
COMMENT ON FUNCTION @extschema@.lp_touch_confirm(uuid, text, timestamptz) IS
$$Reports that the message was sent. A fact is never refused: what contradicts is kept in flags (undispatched, late, after_fence, repeated, other_message_id, in_flight); a repeat changes no counter.
Arguments: touch_id; provider_message_id (the provider's id of the message); sent_at (default, and for a time ahead, the clock now).
Result: the row of lead_touches.
Errors: 22004 (touch_id is null), 42704 (no such touch), 25006 (read-only or standby).
Example: SELECT state, flags FROM lp_touch_confirm('01920000-0000-7000-8000-000000000003', 'msg-1');$$;

CREATE FUNCTION @extschema@.lp_touch_fail(touch_id uuid, error text) RETURNS @extschema@.lead_touches
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_touch_fail';
COMMENT ON FUNCTION @extschema@.lp_touch_fail(uuid, text) IS
$$Reports that the message was not sent; the touch then counts nowhere. Never refused: after a confirmation the touch stays sent with the flag fail_after_sent, after the end of the claim it gets late or after_fence.
Arguments: touch_id; error (why, for people; may be null).
Result: the row of lead_touches.
Errors: 22004 (touch_id is null), 42704 (no such touch), 25006 (read-only or standby).
Example: SELECT state FROM lp_touch_fail('01920000-0000-7000-8000-000000000003', 'mailbox full');$$;

CREATE FUNCTION @extschema@.lp_touch_record(lead_id uuid, client_id uuid, channel @extschema@.lp_channel, sender text DEFAULT NULL,
                                            campaign_id uuid DEFAULT NULL, step text DEFAULT NULL, provider_message_id text DEFAULT NULL,
                                            sent_at timestamptz DEFAULT NULL)
    RETURNS @extschema@.lead_touches
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_touch_record';
COMMENT ON FUNCTION @extschema@.lp_touch_record(uuid, uuid, @extschema@.lp_channel, text, uuid, text, text, timestamptz) IS
$$Records a send that nobody claimed: it counts in every limit and shows in lead_proof_unclaimed_sends. Also for a lead that is not the client's: it is a fact.
Arguments: lead_id; client_id; channel; sender; campaign_id; step; provider_message_id; sent_at (default, and for a time ahead, the clock now).
Result: the row of lead_touches, state sent, claimed_at null.
Errors: 22004 (lead_id, client_id or channel is null), 22023 (step or sender longer than 320 bytes), LP001 (no such lead), 42704 (no such client), 25006 (read-only or standby).
Example: SELECT id FROM lp_touch_record('01920000-0000-7000-8000-000000000001', '01920000-0000-7000-8000-000000000002', 'email', 'ann@agency.example', sent_at => '2026-03-01 12:00+00');$$;

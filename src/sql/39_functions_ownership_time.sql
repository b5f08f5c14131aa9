/* Ownership over time, and why a lead is handed out or not. */

CREATE FUNCTION @extschema@.lp_client_cancel(client_id uuid, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_client_cancel';
COMMENT ON FUNCTION @extschema@.lp_client_cancel(uuid, text) IS
$$Cancels a client. From the commit on it is given no lead, its claims are refused and nothing that it claimed goes out. Its leads go back under the rule of lp_release: those never contacted return to the pool, contacted ones are kept from every other client for the time that release_contacted says, converted ones stay. A call takes at most 20,000 leads, fewer where that would take long; call again while remaining is above 0. Only settings {"status": "active"} of lp_client_set bring the client back.
Arguments: client_id: the client; reason: kept as end_reason of the assignments.
Result: an object: freed (back in the pool), quarantined (contacted, kept from others), remaining (still to be freed: call again), and in the first call kept (converted, still assigned) and claims_voided (claims that were open); 0 for what this call had nothing to do with.
Errors: 22004 (client_id is null), 42704 (no such client).
Example: SELECT lp_client_cancel('018f0000-0000-7000-8000-000000000001', 'contract ended');$$;

CREATE FUNCTION @extschema@.lp_transfer(lead_id uuid, to_client uuid, reason text)
    RETURNS @extschema@.lead_assignments
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_transfer';
COMMENT ON FUNCTION @extschema@.lp_transfer(uuid, uuid, text) IS
$$Moves a lead from the client that owns it to another one. The old assignment ends as transferred, a new one begins, open claims are void. Refused if the owner or another client ever contacted the lead, unless release_contacted sets it free. To the client that owns it already: nothing changes. Operators only.
Arguments: lead_id: the lead; to_client: who gets it; reason: kept with both assignments.
Result: the new row of lead_assignments.
Errors: 22004 (null argument), 42501 (the caller is no operator), LP001 (no such lead), 42704 (no such client), LP006 (to_client is paused or cancelled), LP003 (nobody owns the lead, or it has converted, has replied or is cooling), LP004 (the person is banned, or the client's exclude_domains cover it), LP005 (a client contacted it, or another one has its company to itself), LP007 (capacity of to_client used up), LP008 (bans cannot be read), 40001 (changed hands meanwhile: try again).
Example: SELECT lp_transfer('018f0000-0000-7000-8000-00000000000a', '018f0000-0000-7000-8000-000000000002', 'agreed by both');$$;

CREATE FUNCTION @extschema@.lp_explain_allocation(lead_id uuid, client_id uuid, criteria jsonb DEFAULT '{}')
    RETURNS TABLE (rule text, passed boolean, detail text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_explain_allocation';
COMMENT ON FUNCTION @extschema@.lp_explain_allocation(uuid, uuid, jsonb) IS
$$Shows why lp_allocate would or would not hand out a lead to a client: each rule that it applies, then each criterion given. Nothing is changed, and whose a lead is, is never told.
Arguments: lead_id: the lead; client_id: the client; criteria: as for lp_allocate.
Result: one row a rule, in this order: known, not_banned, reachable (by one of the channels asked for), not_owned, not_kept, not_replied, not_cooling, client_active, exclude_domains, company_exclusive, max_active_leads, daily_allocation, then one row for each criterion by its key; passed (null: not evaluated, since there is no such lead); detail. lp_allocate hands out the lead if all passed, and no better ones come first.
Errors: 22004 (lead_id or client_id is null), 22023 (unknown or wrong key), 22032 (criteria is not an object), 42704 (no such client), LP008 (bans cannot be read).
Example: SELECT rule, detail FROM lp_explain_allocation('018f0000-0000-7000-8000-00000000000a', '018f0000-0000-7000-8000-000000000001', '{"countries": ["US"]}') WHERE NOT passed;$$;

CREATE FUNCTION @extschema@.lp_state_move(relation text, from_state text, to_state text, undo boolean DEFAULT false)
    RETURNS text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_state_move';
COMMENT ON FUNCTION @extschema@.lp_state_move(text, text, text, boolean) IS
$$Asks the functions through which every touch and every assignment changes its state whether there is a move. It reads and changes no row, and is granted to nobody.
Arguments: relation (lead_touches or lead_assignments); from_state (null: a touch that begins); to_state; undo (true: the move of a merge that is undone).
Result: to_state.
Errors: LP003 (there is no such move; message and detail name both states), 22004 (an argument is null), 22023 (an unknown relation or state).
Example: SELECT lp_state_move('lead_touches', 'claimed', 'dispatched');$$;

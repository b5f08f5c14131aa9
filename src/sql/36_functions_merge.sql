/* One person known as two: merging and parting them again. */

CREATE FUNCTION @extschema@.lp_merge(survivor uuid, duplicate uuid, reason text) RETURNS uuid
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_merge';
COMMENT ON FUNCTION @extschema@.lp_merge(uuid, uuid, text) IS
$$Merges two leads that are one person. Captures, keys, touches and events of both count for the survivor, which is shown as the fold of all captures of both; a ban on either covers every key of both. The owner is who converted, else the client that is not cancelled, else who got a positive reply, else who contacted first, else who was assigned first, else the lower lead id; an assigned side keeps its assignment over an unassigned one. The other client's assignment ends as merged_away, its open claims are void, and a row of lead_conflicts says so, and that it is owed a replacement unless it has left. The duplicate stays as an alias that every function follows; no row is deleted. Operators only.
Arguments: survivor - the lead that stays; duplicate - the lead that becomes its alias; reason - why, for the journal. Ids that were merged away before are followed.
Result: id of the merge, for lp_unmerge.
Errors: 22004 (an argument is null), 22023 (both are the same lead), 42501 (the caller is no operator), LP001 (no such lead), LP003 (both were converted, by different clients), LP008 (the suppression key is missing or is another one).
Example: SELECT lp_merge('0190f3a0-0000-7000-8000-000000000001', '0190f3a0-0000-7000-8000-000000000002', 'same person, new job');$$;

CREATE FUNCTION @extschema@.lp_unmerge(merge_id uuid) RETURNS uuid
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_unmerge';
COMMENT ON FUNCTION @extschema@.lp_unmerge(uuid) IS
$$Undoes a merge. If nothing has happened to the person since, every row of both leads is put back byte for byte. Otherwise captures made since go to the lead whose key they carry, touches and events since follow the address that they used, what has no address stays with the survivor, as do pins set since, bans stay on both, and an assignment that the merge ended comes back unless its client has left, the lead has been another client's since, another client is by now the first that contacted it, or has its company to itself. The conflict row of the merge is settled unless a client that is still there got nothing back: it is owed a replacement. Operators only.
Arguments: merge_id - what lp_merge returned, or lead_merges.id.
Result: id of the lead that is restored.
Errors: 22004 (merge_id is null), 42501 (the caller is no operator), 42704 (no such merge), LP003 (it was undone already, a later merge has to be undone first, or one of the two was erased), LP008 (the suppression key is missing or is another one).
Example: SELECT lp_unmerge('0190f3a0-0000-7000-8000-00000000000a');$$;

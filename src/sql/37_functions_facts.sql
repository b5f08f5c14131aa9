/* Where a value comes from, and what an operator says it is. */

CREATE FUNCTION @extschema@.lp_provenance(lead_id uuid, column_name text DEFAULT NULL)
    RETURNS TABLE (column_name text, value jsonb, source text, captured_at timestamptz, shown boolean)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
    AS 'MODULE_PATHNAME', 'lp_provenance';
COMMENT ON FUNCTION @extschema@.lp_provenance(uuid, text) IS
$$Where the values of a lead come from: for each column that captures fill, every value that any capture of the lead told, what answers about its company told, and what an operator pinned. It is read from the archive, so it says what was paid for, also where another value is shown.
Arguments: lead_id; column_name - one column of lead_pool, null for all.
Result: a row for each value and capture, newest first within a column: column_name, value as JSON (times in UTC), source (apollo, the source of a list, operator for a pin), captured_at, shown - true for the one row whose value the lead shows.
Errors: 22004 (lead_id is null), 22023 (a column that captures do not fill), LP001 (no such lead).
Example: SELECT value, source, captured_at, shown FROM lp_provenance('0198c2a4-5f10-7cc1-8a2e-3f60d1b7e9aa', 'title');$$;

CREATE FUNCTION @extschema@.lp_pin(lead_id uuid, column_name text, value jsonb) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_pin';
COMMENT ON FUNCTION @extschema@.lp_pin(uuid, text, jsonb) IS
$$Says what a column of a lead shows, whatever is captured before or later. An address, number or profile becomes a key of the lead, as a capture would have made it; an address whose status nobody told is not verified until email_status is pinned too. A key of another lead is shown and written to lead_conflicts, and moves nobody. Operators only.
Arguments: lead_id; column_name - a column that captures fill; value - JSON of the column's kind, or JSON null to show nothing.
Result: nothing; lead_pins has the pin, lp_provenance shows it with source operator.
Errors: 22004 (an argument is null), 22023 (a column that captures do not fill, a value that does not fit it), 42501 (the caller is no operator), LP001 (no such lead), LP004 (the value belongs to a person who was erased), LP008 (the ban key is missing).
Example: SELECT lp_pin('0198c2a4-5f10-7cc1-8a2e-3f60d1b7e9aa', 'title', '"Head of Operations"');$$;

CREATE FUNCTION @extschema@.lp_unpin(lead_id uuid, column_name text) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_unpin';
COMMENT ON FUNCTION @extschema@.lp_unpin(uuid, text) IS
$$Takes a pin back: the column shows again what the captures say. Keys that the pin gave the lead stay known, as past ones. Operators only.
Arguments: lead_id; column_name - the column that was pinned.
Result: nothing, also where nothing was pinned.
Errors: 22004 (an argument is null), 22023 (a column that captures do not fill), 42501 (the caller is no operator), LP001 (no such lead), LP008 (the ban key is missing).
Example: SELECT lp_unpin('0198c2a4-5f10-7cc1-8a2e-3f60d1b7e9aa', 'title');$$;

CREATE FUNCTION @extschema@.lp_drop_source(lead_id uuid, source text) RETURNS integer
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_drop_source';
COMMENT ON FUNCTION @extschema@.lp_drop_source(uuid, text) IS
$$Drops what one source told of a lead: its captures of the lead go, and what the lead shows is worked out anew from the other sources and the pins. Keys that the source gave stay known, as past ones, for deduplication and bans; bans that it brought stay. The same body may be captured again. Operators only.
Arguments: lead_id; source - as lp_provenance names it (apollo, the source of a list); a pin is taken back by lp_unpin.
Result: how many captures were dropped.
Errors: 22004 (an argument is null), 42501 (the caller is no operator), LP001 (no such lead), LP008 (the ban key is missing).
Example: SELECT lp_drop_source('0198c2a4-5f10-7cc1-8a2e-3f60d1b7e9aa', 'trade_fair');$$;

/* Starting, stopping and asking the worker. */

CREATE FUNCTION @extschema@.lp_worker_start() RETURNS integer
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_worker_start';
COMMENT ON FUNCTION @extschema@.lp_worker_start() IS
$$Starts the worker of this database, and says that this database may send and spend: a copy of another one does neither before. It takes back lp_worker_stop(). The process starts at once; the permission to spend holds when the transaction commits. Operators only.
Result: the worker's pid, also when it ran already.
Errors: 25006 (a standby, a read-only transaction), 42501 (the caller is no operator), LP010 (no background worker is free, or it did not start).
Example: SELECT lp_worker_start();$$;

CREATE FUNCTION @extschema@.lp_worker_stop() RETURNS boolean
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_worker_stop';
COMMENT ON FUNCTION @extschema@.lp_worker_stop() IS
$$Asks the worker of this database to finish what is under way and to go, and waits for at most 5 seconds until it has gone. It stays stopped until lp_worker_start() or a restart of the server, listed in leadpool.databases or not. It happens at once, whatever becomes of the transaction. Operators only.
Result: true if a worker ran.
Errors: 25006 (a standby), 42501 (the caller is no operator).
Example: SELECT lp_worker_stop();$$;

CREATE FUNCTION @extschema@.lp_worker_status()
    RETURNS TABLE (database text, pid integer, state text, reason text, started_at timestamptz, last_turn_at timestamptz, in_flight integer, queued bigint, oldest_queued_at timestamptz)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_worker_status';
COMMENT ON FUNCTION @extschema@.lp_worker_status() IS
$$The row of lead_worker_status: it is read from shared memory.
Result: one row, as in the view.
Errors: none.
Example: SELECT * FROM lead_worker_status;$$;

CREATE FUNCTION @extschema@.lp_provider_check(provider text)
    RETURNS TABLE (ok boolean, http_status integer, detail text, checked_at timestamptz)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_provider_check';
COMMENT ON FUNCTION @extschema@.lp_provider_check(text) IS
$$Has the worker of this database make a call to a provider that costs nothing, and waits for its answer for at most 6 seconds. Two checks at once are made one after the other.
Arguments: provider: apollo, lookup, dnc, segment, segment_public or storage.
Result: one row: ok (the provider answered and knows our key), http_status (null: no answer came), detail (why not ok), checked_at.
Errors: 22004, 22023 (no such provider), 25006 (a standby), LP010 (no worker runs, it is paused, or the worker did not answer in time; a provider that does not is told in a row).
Example: SELECT ok, http_status, detail FROM lp_provider_check('apollo');$$;

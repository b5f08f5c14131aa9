/* Types and the id generator that column defaults name. */

CREATE TYPE @extschema@.lp_channel AS ENUM ('email', 'linkedin', 'sms', 'voice', 'mail');
COMMENT ON TYPE @extschema@.lp_channel IS 'How a person is contacted; values are only ever added, at the end.';

CREATE TYPE @extschema@.lp_jit_verdict AS (
    allowed boolean,
    blocked_by text,
    failed text[],
    retry_at timestamptz
);
COMMENT ON TYPE @extschema@.lp_jit_verdict IS
    'Answer of lp_jit_check: the first check that failed, all that failed, and the moment at which the same call would pass if nothing else happens (null: not by waiting).';

CREATE FUNCTION @extschema@.lp_new_id() RETURNS uuid
    LANGUAGE C VOLATILE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'lp_new_id';
COMMENT ON FUNCTION @extschema@.lp_new_id() IS
$$A new time-ordered id (UUID version 7).
Result: uuid, unique; ids made later sort later, to the millisecond.
Errors: none.
Example: SELECT lp_new_id();$$;

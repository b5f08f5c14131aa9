-- What holds for every object of the extension, asked of the catalogs.  A new
-- object that is forgotten somewhere shows up as a row here.  Unless a comment
-- says otherwise every query returns no row.
\set VERBOSITY terse

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid,
       coalesce(c.relname, p.proname, t.typname) AS name,
       CASE WHEN c.relkind IN ('r', 'p') THEN 'table' WHEN c.relkind = 'v' THEN 'view' WHEN c.relkind = 'S' THEN 'sequence'
            WHEN c.relkind IS NOT NULL THEN 'relation ' || c.relkind::text
            WHEN p.oid IS NOT NULL THEN 'function' ELSE 'type' END AS kind
FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'leadpool'
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
WHERE d.deptype = 'e'
  -- a table's row type and an array type stand and fall with their owner
  AND (t.oid IS NULL OR t.typrelid <> 0 AND EXISTS (SELECT FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind = 'c')
       OR t.typrelid = 0 AND t.typelem = 0);

-- The view above sees something of each kind (true four times).
SELECT kind, count(*) > 0 AS some FROM member GROUP BY kind ORDER BY kind;

-- No COMMENT.
SELECT kind, name FROM member
WHERE coalesce(obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)), '') = ''
ORDER BY kind, name;

-- Names: lp_ for functions and types, lead_ for tables and views.
SELECT kind, name FROM member
WHERE name !~ CASE WHEN kind IN ('function', 'type') THEN '^lp_[a-z0-9_]+$' ELSE '^(lead_[a-z0-9_]+|carrier_breakouts)$' END
ORDER BY kind, name;

-- One schema for all.
SELECT m.kind, m.name FROM member m
LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
LEFT JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
WHERE coalesce(c.relnamespace, p.pronamespace, t.typnamespace) <>
      (SELECT extnamespace FROM pg_extension WHERE extname = 'leadpool')
ORDER BY m.kind, m.name;

-- Not owned by leadpool_owner.
SELECT m.kind, m.name FROM member m
LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
LEFT JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
WHERE coalesce(c.relowner, p.proowner, t.typowner) <> 'leadpool_owner'::regrole
ORDER BY m.kind, m.name;

-- A foreign key, a trigger or a rule of a table: pg_restore -j could lose rows.
SELECT conrelid::regclass, conname FROM pg_constraint
WHERE contype = 'f' AND (conrelid IN (SELECT objid FROM member) OR confrelid IN (SELECT objid FROM member))
ORDER BY 1, 2;
SELECT tgrelid::regclass, tgname FROM pg_trigger
WHERE tgrelid IN (SELECT objid FROM member) AND NOT tgisinternal ORDER BY 1, 2;
SELECT ev_class::regclass, rulename FROM pg_rewrite
WHERE ev_class IN (SELECT objid FROM member WHERE kind = 'table') ORDER BY 1, 2;

-- A table without a primary key.
SELECT m.name FROM member m
WHERE m.kind = 'table'
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = m.objid AND k.contype = 'p')
ORDER BY m.name;

-- A table or sequence that a dump would leave out.
SELECT m.kind, m.name FROM member m
WHERE m.kind IN ('table', 'sequence')
  AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'leadpool' AND m.objid = ANY (e.extconfig))
ORDER BY m.name;

-- What is dumped only in part (derived tables, rows that the script ships).
SELECT e.oid::regclass AS name, e.condition
FROM pg_extension, unnest(extconfig, extcondition) AS e (oid, condition)
WHERE extname = 'leadpool' AND e.condition <> ''
ORDER BY e.oid::regclass::text COLLATE "C";

-- Rows that the script made carry shipped = true where a table has the column.
DO $$
DECLARE
    item record;
    n bigint;
BEGIN
    FOR item IN SELECT m.objid::regclass AS name,
                       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = m.objid AND a.attname = 'shipped') AS has
                FROM member m WHERE m.kind = 'table' ORDER BY m.name
    LOOP
        EXECUTE format('SELECT count(*) FROM %s %s', item.name, CASE WHEN item.has THEN 'WHERE NOT shipped' END) INTO n;
        IF n > 0 THEN
            RAISE WARNING 'table % has % rows of its own right after CREATE EXTENSION', item.name, n;
        END IF;
    END LOOP;
END
$$;

-- A function that runs as the owner without a fixed search_path.
SELECT p.oid::regprocedure FROM pg_proc p JOIN member m ON m.objid = p.oid AND m.kind = 'function'
WHERE p.prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
ORDER BY 1;

-- A function not in C or plpgsql, or one that follows the caller's path.
SELECT p.oid::regprocedure, l.lanname FROM pg_proc p JOIN member m ON m.objid = p.oid AND m.kind = 'function'
JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname NOT IN ('c', 'plpgsql', 'sql')
   OR l.lanname <> 'c' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
ORDER BY 1;

-- A strict function: null arguments are refused or have a meaning, never
-- skipped (but by functions of values alone).
SELECT p.oid::regprocedure FROM pg_proc p JOIN member m ON m.objid = p.oid AND m.kind = 'function'
WHERE p.proisstrict AND p.provolatile <> 'i' ORDER BY 1;

-- Functions that are not VOLATILE PARALLEL UNSAFE SECURITY DEFINER, each for a
-- reason (not empty): they read no table.
SELECT p.proname, p.provolatile, p.proparallel, p.prosecdef
FROM pg_proc p JOIN member m ON m.objid = p.oid AND m.kind = 'function'
WHERE (p.provolatile, p.proparallel, p.prosecdef) IS DISTINCT FROM ('v', 'u', true)
ORDER BY p.proname;

-- An indexed text column whose length nothing bounds (a btree refuses a value
-- over 2,704 bytes): no CHECK on its length, pattern or vocabulary, and not in
-- the list of those that leadpool computes itself or an operator writes.
WITH indexed AS (
    SELECT DISTINCT a.attrelid, a.attnum, c.relname, a.attname
    FROM pg_index i
    JOIN pg_class ic ON ic.oid = i.indexrelid
    JOIN pg_am am ON am.oid = ic.relam AND am.amname = 'btree'
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) AS k (attnum)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND a.atttypid = 'text'::regtype
    JOIN pg_class c ON c.oid = i.indrelid
    WHERE i.indrelid IN (SELECT objid FROM member)
)
SELECT x.relname, x.attname FROM indexed x
WHERE NOT EXISTS (
    SELECT FROM pg_constraint k
    WHERE k.conrelid = x.attrelid AND k.contype = 'c' AND x.attnum = ANY (k.conkey)
      AND pg_get_constraintdef(k.oid) ~ '(length\(|= ANY \(|~ ''\^)')
AND (x.relname, x.attname) NOT IN (VALUES
    -- the source of a capture, bounded by lead_captures_source
    ('lead_unmapped', 'provider'),
    -- hexadecimal, made from the key
    ('lead_keys', 'key_id'),
    -- the compared form of sender, which has a length CHECK
    ('lead_senders', 'sender_match'),
    ('lead_touches', 'sender_match'),
    -- one of the words that lp_record_event takes
    ('lead_events', 'event'),
    -- derived: longer than 250 bytes is left out (src/store/available.c)
    ('lead_available', 'country_code'),
    ('lead_available', 'industry'),
    ('lead_available', 'domain'),
    -- rules that operators write by hand
    ('lead_quiet_hours', 'state'),
    ('lead_holidays', 'country_code'),
    ('lead_holidays', 'state'),
    ('lead_zones', 'country_code'),
    ('lead_zones', 'state'),
    ('lead_score_weights', 'part'),
    ('lead_score_weights', 'value'))
ORDER BY 1, 2;

-- A default, constraint, index or view that names a value of lp_channel: a
-- value added by ALTER TYPE could then not be used in the same transaction.
SELECT 'constraint' AS what, conname AS name FROM pg_constraint
WHERE conrelid IN (SELECT objid FROM member) AND pg_get_constraintdef(oid) ~ '''::("?\w+"?\.)?lp_channel'
UNION ALL
SELECT 'index', indexrelid::regclass::text FROM pg_index
WHERE indrelid IN (SELECT objid FROM member) AND pg_get_indexdef(indexrelid) ~ '''::("?\w+"?\.)?lp_channel'
UNION ALL
SELECT 'default', adrelid::regclass || '.' || adnum FROM pg_attrdef
WHERE adrelid IN (SELECT objid FROM member) AND pg_get_expr(adbin, adrelid) ~ '''::("?\w+"?\.)?lp_channel'
UNION ALL
SELECT 'function', p.proname FROM pg_proc p JOIN member m ON m.objid = p.oid
WHERE pg_get_function_arguments(p.oid) ~ '''::("?\w+"?\.)?lp_channel'
ORDER BY 1, 2;

-- The values of lp_channel, in order (not empty).
SELECT enum_range(NULL::lp_channel);

-- Clear identity must not show in pg_stats: columns named like one have
-- statistics target 0 or hold a keyed hash.
SELECT c.relname, a.attname
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN member m ON m.objid = c.oid AND m.kind = 'table'
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND a.attname ~ '^(email|email_match|phone|mobile_phone|sanitized_phone|first_name|last_name|full_name|linkedin_url|linkedin_slug|apollo_id|part|sample|personal_emails|contact|phone_numbers|formatted_address|street_address)$'
  AND a.attstattarget IS DISTINCT FROM 0
  AND (c.relname, a.attname) NOT IN (VALUES
      ('lead_companies', 'apollo_id'),   -- a company
      ('lead_score_weights', 'part'))    -- a rule
ORDER BY 1, 2;

-- Every setting is described and out of reach of an ordinary session.
SELECT name FROM pg_settings
WHERE name LIKE 'leadpool.%' AND (coalesce(short_desc, '') = '' OR context NOT IN ('superuser', 'sighup', 'postmaster'))
ORDER BY name;

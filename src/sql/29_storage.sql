/*
 * Payloads are compressed with LZ4 where the server was built with it: pglz
 * takes as long as everything else that a capture does.
 */
DO $leadpool$
DECLARE
    item record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_settings
                   WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        RETURN;
    END IF;
    FOR item IN
        SELECT c.oid::regclass AS name,
               pg_catalog.string_agg(pg_catalog.format('ALTER COLUMN %I SET COMPRESSION lz4', a.attname), ', ' ORDER BY a.attnum) AS columns
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND e.oid = d.refobjid
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstorage IN ('x', 'm')
        WHERE e.extname = 'leadpool' AND c.relkind = 'r'
        GROUP BY c.oid
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s %s', item.name, item.columns);
    END LOOP;
END
$leadpool$;

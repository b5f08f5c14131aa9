/*
 * What a dump carries: every row of the site, none that the script ships,
 * nothing that is derived.
 */
DO $leadpool$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT c.oid::regclass AS name,
               CASE WHEN c.relname IN ('lead_available', 'lead_available_built', 'lead_terms') THEN 'WHERE false'
                    WHEN EXISTS (SELECT FROM pg_catalog.pg_attribute a
                                 WHERE a.attrelid = c.oid AND a.attname = 'shipped') THEN 'WHERE NOT shipped'
                    ELSE '' END AS filter
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND e.oid = d.refobjid
        WHERE e.extname = 'leadpool' AND c.relkind IN ('r', 'S')
    LOOP
        PERFORM pg_catalog.pg_extension_config_dump(item.name, item.filter);
    END LOOP;
END
$leadpool$;

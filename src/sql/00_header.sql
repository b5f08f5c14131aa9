/* leadpool--1.0.sql: assembled from src/sql/, do not edit */

\echo Use "CREATE EXTENSION leadpool" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;

DO $leadpool$
BEGIN
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'leadpool needs a database with encoding UTF8, not %', pg_catalog.getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Create the database with ENCODING ''UTF8''.';
    END IF;
    /* Owner of the tables and of the functions that reach them. */
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'leadpool_owner') THEN
        CREATE ROLE leadpool_owner NOLOGIN;
    END IF;
    /* lp_grant runs as that role and passes USAGE on. */
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %s TO leadpool_owner WITH GRANT OPTION', '@extschema@');
END
$leadpool$;

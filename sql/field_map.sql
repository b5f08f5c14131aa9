-- The field map: the one list of what is taken where.
BEGIN;
CREATE TEMP TABLE map AS SELECT * FROM lp_field_map();
SELECT provider, count(*) > 1000 AS nested_keys_too, count(*) = count(DISTINCT json_path) AS each_once FROM map GROUP BY 1;
-- each column is there, of that type
SELECT m.* FROM map m LEFT JOIN pg_attribute a ON a.attrelid = 'lead_pool'::regclass AND a.attname = m.column_name AND NOT a.attisdropped
WHERE a.attname IS NULL OR m.column_type <> format_type(a.atttypid, a.atttypmod) OR m.column_type::regtype <> a.atttypid;
-- a person has 56 keys (organization has no column of its own), a company 87
SELECT count(*) FROM map WHERE json_path !~ '[.\[]';
SELECT count(*) FROM map WHERE json_path ~ '^organization\.[^.\[]+$';
SELECT count(*) FROM map WHERE json_path ~ '^contact\.[^.\[]+$';
SELECT count(*) FROM map WHERE json_path ~ '^account\.[^.\[]+$';
SELECT json_path, column_name, column_type FROM map WHERE json_path !~ '[.]' ORDER BY json_path COLLATE "C";
SELECT json_path, column_name, column_type FROM map WHERE json_path ~ '^organization\.[^.]+$' ORDER BY json_path COLLATE "C";
-- columns that no field of Apollo's fills are leadpool's own
SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'lead_pool'::regclass AND attnum > 0
AND attname NOT IN (SELECT column_name FROM map);
ROLLBACK;

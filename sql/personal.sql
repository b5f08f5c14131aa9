-- Every column of every table is decided on: what an erasure does with it.
\set VERBOSITY terse
BEGIN;
CREATE TEMP VIEW columns AS
SELECT c.relname AS table_name, a.attname AS column_name, a.attnum, a.attnotnull, a.atthasdef, a.attstattarget, a.attrelid
FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'leadpool'
JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind IN ('r', 'p')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE d.deptype = 'e';

-- Not decided on, decided twice, or not there any more (no row).
SELECT table_name, column_name FROM columns EXCEPT SELECT table_name, column_name FROM lead_personal_data ORDER BY 1, 2;
SELECT table_name, column_name FROM lead_personal_data EXCEPT SELECT table_name, column_name FROM columns ORDER BY 1, 2;
SELECT table_name, column_name, count(*) FROM lead_personal_data GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1, 2;

-- A word that nothing acts on, rows that nobody finds, a column that cannot be cleared (no row).
SELECT table_name, column_name, what, found_by FROM lead_personal_data
WHERE what NOT IN ('keep', 'clear', 'delete', 'clean', 'hash') OR (what IN ('clear', 'delete')) <> (found_by IS NOT NULL) ORDER BY 1, 2;
SELECT p.table_name, f.found_by FROM lead_personal_data p, string_to_table(p.found_by, ' ') f(found_by)
WHERE NOT EXISTS (SELECT FROM columns c WHERE (c.table_name, c.column_name) = (p.table_name, f.found_by)) ORDER BY 1, 2;
SELECT p.table_name, p.column_name FROM lead_personal_data p JOIN columns c USING (table_name, column_name)
WHERE p.what = 'clear' AND c.attnotnull AND NOT c.atthasdef ORDER BY 1, 2;
SELECT table_name FROM lead_personal_data GROUP BY table_name
HAVING bool_or(what = 'delete') AND NOT bool_and(what = 'delete') ORDER BY 1;

-- Free text: what is read through for mentions of a person, and what is not although it could be.
SELECT p.table_name, p.column_name FROM lead_personal_data p JOIN columns c USING (table_name, column_name) JOIN pg_attribute a ON a.attrelid = c.attrelid AND a.attnum = c.attnum
WHERE p.searched AND (p.what NOT IN ('clear', 'clean', 'delete') OR c.attstattarget IS DISTINCT FROM 0 OR a.atttypid NOT IN ('text'::regtype, 'jsonb'::regtype)) ORDER BY 1, 2;
SELECT p.table_name, p.column_name, p.what FROM lead_personal_data p JOIN columns c USING (table_name, column_name) JOIN pg_attribute a ON a.attrelid = c.attrelid AND a.attnum = c.attnum
WHERE NOT p.searched AND a.atttypid = 'jsonb'::regtype AND p.table_name <> 'lead_pool' ORDER BY 1, 2;

-- What may name a person shows in no statistics (no row).
SELECT c.table_name, c.column_name FROM columns c JOIN lead_personal_data p USING (table_name, column_name)
WHERE c.attstattarget IS DISTINCT FROM 0 AND (p.what = 'clean' OR c.column_name IN ('email', 'email_match', 'phone', 'linkedin_url', 'linkedin_slug',
      'apollo_id', 'first_name', 'last_name', 'full_name', 'title', 'contact', 'detail', 'error', 'provider_message_id', 'step', 'note', 'reason', 'end_reason')
      AND p.what IN ('clear', 'delete')) ORDER BY 1, 2;

-- The test sees a column that is new.
ALTER TABLE lead_touches ADD COLUMN mood text;
SELECT table_name, column_name FROM columns EXCEPT SELECT table_name, column_name FROM lead_personal_data ORDER BY 1, 2;
ROLLBACK;

-- The policy of lead_grants is complete, and the catalogs agree with it.
\set VERBOSITY terse
BEGIN;

CREATE ROLE anon;
CREATE ROLE authenticated;
CREATE ROLE service_role;
CREATE ROLE leadpool_operator;
-- What Supabase does to every new object of the schema.
GRANT ALL ON ALL TABLES IN SCHEMA public TO anon, authenticated, service_role;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC, anon, authenticated, service_role;
SELECT lp_grant();

CREATE TEMP VIEW member AS
SELECT d.objid,
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
  AND (t.oid IS NULL OR t.typrelid <> 0 AND EXISTS (SELECT FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind = 'c')
       OR t.typrelid = 0 AND t.typelem = 0);

-- No stated grant (no row).
SELECT m.kind, m.name FROM member m
WHERE NOT EXISTS (SELECT FROM lead_grants g WHERE (g.object, g.kind) = (m.name, m.kind))
ORDER BY 1, 2;

-- A grant for nothing, or stated twice, or in words that lp_grant does not know (no row).
SELECT g.kind, g.object FROM lead_grants g
WHERE NOT EXISTS (SELECT FROM member m WHERE (g.object, g.kind) = (m.name, m.kind))
   OR g.who NOT IN ('service', 'operator', 'read', 'rules', 'owner')
   OR g.who <> 'owner' AND (g.who IN ('service', 'operator')) <> (g.kind IN ('function', 'type'))
ORDER BY 1, 2;
SELECT object, kind, count(*) FROM lead_grants GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1, 2;

-- Who has what, of the catalogs.
CREATE TEMP VIEW privilege AS
SELECT m.kind, m.name, CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END AS grantee,
       a.privilege_type, a.is_grantable
FROM member m
LEFT JOIN pg_class c ON m.kind IN ('table', 'view') AND c.oid = m.objid
LEFT JOIN pg_proc p ON m.kind = 'function' AND p.oid = m.objid
LEFT JOIN pg_type t ON m.kind = 'type' AND t.oid = m.objid
CROSS JOIN LATERAL aclexplode(
    CASE m.kind WHEN 'function' THEN coalesce(p.proacl, acldefault('f', p.proowner))
                WHEN 'type' THEN coalesce(t.typacl, acldefault('T', t.typowner))
                ELSE coalesce(c.relacl, acldefault('r', c.relowner)) END) a
WHERE a.grantee <> (SELECT oid FROM pg_roles WHERE rolname = 'leadpool_owner')
UNION ALL
SELECT m.kind, m.name || '.' || col.attname, CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END,
       a.privilege_type, a.is_grantable
FROM member m JOIN pg_attribute col ON col.attrelid = m.objid AND m.kind IN ('table', 'view') AND col.attacl IS NOT NULL
CROSS JOIN LATERAL aclexplode(col.attacl) a;

-- Anybody but the two roles, or a grant that can be passed on (no row).
SELECT * FROM privilege
WHERE grantee NOT IN ('service_role', 'leadpool_operator') OR is_grantable
ORDER BY 1, 2, 3, 4;

-- What the policy says and the catalogs do not, and the reverse (no row).
CREATE TEMP VIEW policy AS
SELECT g.kind, g.object AS name, r.rolname AS grantee, w.privilege_type
FROM lead_grants g
CROSS JOIN (VALUES ('service_role'), ('leadpool_operator')) r (rolname)
CROSS JOIN (VALUES ('function', 'EXECUTE'), ('type', 'USAGE'), ('table', 'SELECT'), ('view', 'SELECT'),
                   ('table', 'INSERT'), ('table', 'UPDATE'), ('table', 'DELETE')) w (kind, privilege_type)
WHERE w.kind = g.kind
  AND (g.who IN ('service', 'read') AND w.privilege_type IN ('EXECUTE', 'USAGE', 'SELECT')
       OR g.who = 'operator' AND r.rolname = 'leadpool_operator'
       OR g.who = 'rules' AND (r.rolname = 'leadpool_operator' OR w.privilege_type = 'SELECT'));
(SELECT 'missing' AS what, * FROM policy EXCEPT SELECT 'missing', kind, name, grantee, privilege_type FROM privilege)
UNION ALL
(SELECT 'too much', kind, name, grantee, privilege_type FROM privilege EXCEPT SELECT 'too much', * FROM policy)
ORDER BY 1, 2, 3, 4, 5;

-- The contract's list of what operators alone may call (what exists of it).
SELECT object FROM lead_grants WHERE kind = 'function' AND who = 'operator' ORDER BY object;

ROLLBACK;

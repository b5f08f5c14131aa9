-- What happened, on one screen.
\pset footer off
\pset border 0
\pset null ''
SET leadpool.now = '2026-03-09 20:00+00';

SELECT format('leadpool %s on PostgreSQL %s: %s answers of Apollo, two agencies, three days', (SELECT extversion FROM pg_extension WHERE extname = 'leadpool'),
              split_part(current_setting('server_version'), ' ', 1), (SELECT count(*) FROM demo.body)) AS title \gset
\echo :title
\echo
\echo 'CAPTURE'
SELECT count(*) FILTER (WHERE outcome = 'inserted') AS inserted, count(*) FILTER (WHERE outcome = 'updated') AS updated,
       count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged, count(*) FILTER (WHERE outcome = 'merged') AS merged,
       count(*) FILTER (WHERE outcome = 'rejected') AS "no match", count(*) FILTER (WHERE detail = 'banned') AS "of these banned",
       count(*) FILTER (WHERE lead_id IS NULL AND outcome <> 'rejected') AS companies, count(*) AS elements
FROM demo.captured;

-- Leaf paths of every part that was archived, and which of them no column holds.
WITH RECURSIVE leaf AS (
    SELECT c.id, ''::text AS path, replace(replace(c.part, '\u0000', ''), '\udc00', '')::jsonb AS value
    FROM lead_captures c WHERE c.envelope_id IS NOT NULL
    UNION ALL
    SELECT l.id, l.path || x.step, x.value
    FROM leaf l CROSS JOIN LATERAL (
        SELECT CASE l.path WHEN '' THEN '' ELSE '.' END || o.key AS step, o.value
        FROM jsonb_each(CASE jsonb_typeof(l.value) WHEN 'object' THEN l.value ELSE '{}' END) o
        UNION ALL
        SELECT '[]', a.value FROM jsonb_array_elements(CASE jsonb_typeof(l.value) WHEN 'array' THEN l.value ELSE '[]' END) a) x
), received AS (
    SELECT DISTINCT id, path FROM leaf WHERE jsonb_typeof(value) NOT IN ('object', 'array')
)
SELECT count(*) AS "leaf paths received", count(*) FILTER (WHERE u.capture_id IS NULL) AS "with a column",
       round(100.0 * count(*) FILTER (WHERE u.capture_id IS NULL) / count(*), 2) AS "capture rate %",
       (SELECT string_agg(DISTINCT json_path, ', ') FROM lead_unmapped) AS "kept, and listed as unmapped"
FROM received r LEFT JOIN lead_unmapped u ON u.capture_id = r.id AND u.json_path = r.path;

-- The proof: values that are mapped, the newest, and yet not in their column.
SELECT u.json_path AS "not in its column", count(*) AS times, u.column_name AS "column",
       min(replace(c.part, '\u0000', '')::jsonb #>> string_to_array(replace(u.json_path, '[]', ''), '.')) AS "told (kept in the archive)"
FROM lead_proof_uncaptured_fields u JOIN lead_captures c ON c.id = u.capture_id
GROUP BY u.json_path, u.column_name ORDER BY count(*) DESC, u.json_path;


\echo 'POOL'
SELECT count(*) AS leads, count(*) FILTER (WHERE p.email_status = 'verified' AND NOT p.email_locked) AS verified,
       count(*) FILTER (WHERE p.phone IS NOT NULL) AS "with phone", count(DISTINCT p.company_apollo_id) AS companies,
       (SELECT count(*) FROM lead_available) AS available, count(a.id) AS assigned,
       (SELECT count(DISTINCT ban_id) FROM lead_suppressions WHERE lifted_at IS NULL) AS bans,
       (SELECT count(*) FROM lead_requests WHERE status = 'open') AS "open requests"
FROM lead_pool p LEFT JOIN lead_assignments a ON a.lead_id = p.id AND a.status = 'active' WHERE p.state = 'active';

\echo 'TWO AGENCIES AT THE SAME TIME'
SELECT max(c) FILTER (WHERE n = 1) AS "Northwind", max(c) FILTER (WHERE n = 2) AS "Southgate",
       (SELECT count(*) FROM (SELECT lead_id FROM lead_assignments GROUP BY lead_id HAVING count(DISTINCT client_id) > 1) x) AS "given to both",
       (SELECT count(*) FROM (SELECT lead_id FROM lead_touches WHERE sent_at IS NOT NULL GROUP BY lead_id HAVING count(DISTINCT client_id) > 1) x)
           AS "collisions (written to by both)"
FROM (SELECT g.n, count(a.id) AS c FROM demo.agency g JOIN lead_assignments a ON a.client_id = g.id GROUP BY g.n) x;

\echo 'THREE DAYS'
SELECT to_char(date '2026-03-02' + d.offs, 'Dy DD Mon') AS day, count(*) AS claims, count(*) FILTER (WHERE c.allowed) AS granted,
       count(t.id) FILTER (WHERE t.state = 'sent') AS sent, count(t.id) FILTER (WHERE t.state = 'failed') AS failed,
       count(t.id) FILTER (WHERE t.state = 'fenced') AS fenced, count(t.id) FILTER (WHERE t.state IN ('dispatched', 'unknown')) AS "never heard of",
       count(*) FILTER (WHERE t.channel = 'email') AS email, count(*) FILTER (WHERE t.channel = 'linkedin') AS linkedin,
       count(*) FILTER (WHERE t.channel = 'sms') AS sms, count(*) FILTER (WHERE t.channel = 'voice') AS voice,
       max(e.events) AS events, max(e.duplicates) AS "told twice"
FROM demo.claim c
JOIN (VALUES (1, 1), (2, 4), (3, 7)) d (day, offs) ON d.day = c.day
LEFT JOIN lead_touches t ON t.id = c.touch_id AND c.allowed
LEFT JOIN (SELECT day, count(*) FILTER (WHERE effect <> 'duplicate') AS events, count(*) FILTER (WHERE effect = 'duplicate') AS duplicates
           FROM demo.event GROUP BY day) e ON e.day = c.day
GROUP BY d.offs ORDER BY d.offs;

\echo 'REFUSALS BY CHECK (the first that failed)'
WITH checks AS (
    SELECT * FROM unnest(ARRAY['pool_bounced', 'pool_unsubscribed', 'pool_suppressed', 'pool_email_status', 'pool_address', 'assignment_active',
        'client_active', 'assignment_replied', 'assignment_cooling', 'assignment_recent', 'channel_cooling', 'rate_limit',
        'warmup_ready', 'quiet_hours']) WITH ORDINALITY c (name, n)
), counted AS (
    SELECT k.n, k.name, count(c.blocked_by) AS refused FROM checks k
    LEFT JOIN demo.claim c ON c.blocked_by = k.name GROUP BY k.n, k.name
)
SELECT a.name AS "check", a.refused, '  ' AS " ", b.name AS "check ", b.refused AS "refused "
FROM counted a JOIN counted b ON b.n = a.n + 7 ORDER BY a.n;

\echo 'WHY WAS NOTHING SENT? lp_jit_explain for one lead (checks that fail)'
SELECT e."position" AS no, e.check_name, left(e.detail, 70) AS detail, to_char(e.retry_at AT TIME ZONE 'UTC', 'DD Mon HH24:MI') AS "retry at (UTC)"
FROM (SELECT c.lead_id, c.agency, c.channel FROM demo.claim c WHERE c.day = 3 AND NOT c.allowed AND c.blocked_by <> 'assignment_active'
      ORDER BY cardinality(c.failed) DESC, c.lead_id LIMIT 1) w
JOIN demo.agency g ON g.n = w.agency
CROSS JOIN LATERAL lp_jit_explain(w.lead_id, g.id, w.channel, CASE w.channel WHEN 'email' THEN g.mailbox WHEN 'linkedin' THEN g.profile ELSE g.number END) e
WHERE NOT e.passed ORDER BY e."position";

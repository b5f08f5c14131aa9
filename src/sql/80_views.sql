/* Views for people: what to look at. */

CREATE VIEW @extschema@.lead_unmapped_paths (provider, json_path, seen, first_seen, last_seen, sample) AS
SELECT u.provider, u.json_path, count(*), min(u.seen_at), max(u.seen_at),
       (array_agg(u.sample ORDER BY u.seen_at DESC, u.capture_id DESC) FILTER (WHERE u.sample IS NOT NULL))[1]
FROM @extschema@.lead_unmapped u
GROUP BY u.provider, u.json_path;
COMMENT ON VIEW @extschema@.lead_unmapped_paths IS
    'Paths in captured payloads that no column takes (lp_field_map): how many captures had one, when, and an example. The value itself is in the archive; a path here asks for a new column.';

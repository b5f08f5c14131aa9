/* Proofs: each view is empty while its promise holds. */

CREATE VIEW @extschema@.lead_proof_collisions (lead_id, assignment_id, other_assignment_id, clients, overlap) AS
SELECT a.lead_id, a.id, b.id, ARRAY[a.client_id, b.client_id],
       tstzrange(greatest(a.assigned_at, b.assigned_at),
                 nullif(least(coalesce(a.ended_at, 'infinity'), coalesce(b.ended_at, 'infinity')), 'infinity'))
FROM @extschema@.lead_assignments a
JOIN @extschema@.lead_assignments b ON b.lead_id = a.lead_id AND b.client_id <> a.client_id
    AND (a.assigned_at, a.id) < (b.assigned_at, b.id)
    AND b.assigned_at < coalesce(a.ended_at, 'infinity')
    AND a.assigned_at < coalesce(b.ended_at, 'infinity')
/* two people who turned out to be one had an owner each until then */
WHERE NOT EXISTS (SELECT FROM @extschema@.lead_merge_rows x
                  JOIN @extschema@.lead_merge_rows y ON y.merge_id = x.merge_id
                      AND y.relation = 'lead_assignments' AND y.key = b.id::text
                  WHERE x.relation = 'lead_assignments' AND x.key = a.id::text
                    AND x.before ->> 'lead_id' <> y.before ->> 'lead_id')
UNION ALL
/* one pair of clients a row: the one that contacted first, and the one that came while the lead was kept */
SELECT d.lead_id,
       (SELECT x.id FROM @extschema@.lead_assignments x WHERE x.lead_id = d.lead_id AND x.client_id = d.client_id
        ORDER BY x.assigned_at DESC, x.id DESC LIMIT 1),
       (SELECT x.id FROM @extschema@.lead_assignments x WHERE x.lead_id = d.lead_id AND x.client_id = d.other_id
        ORDER BY x.assigned_at DESC, x.id DESC LIMIT 1),
       ARRAY[d.client_id, d.other_id], NULL::tstzrange
FROM (
    SELECT DISTINCT ON (c.lead_id, least(c.client_id, o.client_id), greatest(c.client_id, o.client_id))
           c.lead_id, c.client_id, o.client_id AS other_id
    FROM (
        SELECT t.lead_id, t.client_id, min(t.at) AS at
        FROM (SELECT k.lead_id, k.client_id, k.counted_at AS at FROM @extschema@.lead_touches k
              WHERE k.state IN ('dispatched', 'sent', 'unknown')
              UNION ALL
              SELECT s.lead_id, s.client_id, s.first_contacted_at FROM @extschema@.lead_assignments s
              WHERE s.first_contacted_at IS NOT NULL) t
        GROUP BY t.lead_id, t.client_id) c
    JOIN (SELECT k.lead_id, k.client_id, k.counted_at AS at FROM @extschema@.lead_touches k
          WHERE k.state IN ('dispatched', 'sent', 'unknown')
          UNION ALL
          SELECT s.lead_id, s.client_id, s.first_contacted_at FROM @extschema@.lead_assignments s
          WHERE s.first_contacted_at IS NOT NULL) o
        ON o.lead_id = c.lead_id AND o.client_id <> c.client_id AND (o.at, o.client_id) > (c.at, c.client_id)
    WHERE NOT EXISTS (SELECT FROM @extschema@.lead_assignments f
                      WHERE f.lead_id = c.lead_id AND f.client_id = c.client_id AND f.kept_until <= o.at)
    ORDER BY c.lead_id, least(c.client_id, o.client_id), greatest(c.client_id, o.client_id), c.at) d;
COMMENT ON VIEW @extschema@.lead_proof_collisions IS
    'Leads that two clients had at once (overlap says when), and leads that more than one client has contacted; a contact after release_contacted had freed the lead is none. Empty, but for merges of two people whom different clients had contacted already: those stay for ever.';

CREATE VIEW @extschema@.lead_proof_unclaimed_sends (touch_id, lead_id, client_id, channel, sent_at) AS
SELECT t.id, t.lead_id, t.client_id, t.channel, t.sent_at
FROM @extschema@.lead_touches t
WHERE t.state = 'sent' AND t.claimed_at IS NULL;
COMMENT ON VIEW @extschema@.lead_proof_unclaimed_sends IS
    'Messages that were sent without a claim (lp_touch_record, the event "sent").';

CREATE FUNCTION @extschema@.lp_proof_banned_contacts()
    RETURNS TABLE (touch_id uuid, lead_id uuid, suppression_id uuid, banned_at timestamptz, sent_at timestamptz)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_proof_banned_contacts';
COMMENT ON FUNCTION @extschema@.lp_proof_banned_contacts() IS
$$The rows of lead_proof_banned_contacts: it takes the ban key to tell whom a ban means.
Result: one row a touch, as in the view.
Errors: LP008 (bans cannot be read).
Example: SELECT * FROM lead_proof_banned_contacts;$$;

CREATE VIEW @extschema@.lead_proof_banned_contacts (touch_id, lead_id, suppression_id, banned_at, sent_at) AS
SELECT b.touch_id, b.lead_id, b.suppression_id, b.banned_at, b.sent_at
FROM @extschema@.lp_proof_banned_contacts() b;
COMMENT ON VIEW @extschema@.lead_proof_banned_contacts IS
    'Messages that were dispatched (or, without a dispatch, sent) after a ban that still stands had forbidden them; sent_at is that moment. What was dispatched before the ban is in flight, and no violation.';

CREATE VIEW @extschema@.lead_proof_double_spend (provider, subject, first_call_id, second_call_id, apart) AS
SELECT d.provider, d.subject, d.first_id, d.id, d.started_at - d.first_started
FROM (
    SELECT c.provider, s.subject, c.id, c.started_at,
           lag(c.id) OVER w AS first_id, lag(c.started_at) OVER w AS first_started, lag(c.outcome) OVER w AS first_outcome
    FROM @extschema@.lead_provider_calls c, unnest(c.subjects) s(subject)
    WHERE (c.credits > 0 OR c.cost > 0)
      /* of a batch, whom the provider did not know was not paid for */
      AND NOT EXISTS (SELECT FROM @extschema@.lead_jobs j
                      WHERE j.call_id = c.id AND j.subject = s.subject AND NOT j.found)
    WINDOW w AS (PARTITION BY c.provider, c.endpoint, s.subject ORDER BY c.started_at, c.id)) d
WHERE d.started_at < d.first_started + CASE
        WHEN d.provider = 'lookup' THEN coalesce(nullif(current_setting('leadpool.lookup_ttl', true), ''), '30 days')
        WHEN d.first_outcome = 'not_found' THEN coalesce(nullif(current_setting('leadpool.not_found_ttl', true), ''), '30 days')
        ELSE coalesce(nullif(current_setting('leadpool.enrich_ttl', true), ''), '90 days') END::interval;
COMMENT ON VIEW @extschema@.lead_proof_double_spend IS
    'Two paid calls to the same endpoint about one subject within its time to live.';

CREATE FUNCTION @extschema@.lp_proof_uncaptured_fields()
    RETURNS TABLE (capture_id uuid, lead_id uuid, json_path text, column_name text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_proof_uncaptured_fields';
COMMENT ON FUNCTION @extschema@.lp_proof_uncaptured_fields() IS
$$The rows of lead_proof_uncaptured_fields. It reads the whole archive, 200 leads at a time: about 1.7 ms for a lead with one full payload of Apollo (30 kB), half of it for reading the payload, 34 s for 20,000 such leads; too long for a call over RPC. It changes and locks nothing, and runs on a standby too. A lead that is captured meanwhile is looked at again.
Result: one row a value, as in the view.
Errors: none of its own.
Example: SELECT json_path, count(*) FROM lead_proof_uncaptured_fields GROUP BY 1 ORDER BY 2 DESC;$$;

CREATE VIEW @extschema@.lead_proof_uncaptured_fields (capture_id, lead_id, json_path, column_name) AS
SELECT u.capture_id, u.lead_id, u.json_path, u.column_name
FROM @extschema@.lp_proof_uncaptured_fields() u;
COMMENT ON VIEW @extschema@.lead_proof_uncaptured_fields IS
    'Values of payloads that a column should show (the newest that is not null) and does not: the column holds nothing, an older value, or part of the list or object, or the value did not fit it (a word where a number is expected; the archive has it). A column of the company may be told by an answer about the company. No rows: the placeholder of an address that was not bought, pinned columns, blank texts, and what an older address or number rightly shows.';

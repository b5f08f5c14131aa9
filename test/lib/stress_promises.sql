-- one active owner a lead
SELECT lead_id FROM lead_assignments WHERE status = 'active' GROUP BY lead_id HAVING count(*) > 1;
-- no two owners at one time in history
SELECT a.id, b.id FROM lead_assignments a JOIN lead_assignments b ON b.lead_id = a.lead_id AND b.id > a.id
WHERE tstzrange(a.assigned_at, a.ended_at) && tstzrange(b.assigned_at, b.ended_at)
  AND a.client_id <> b.client_id
  AND NOT EXISTS (SELECT FROM lead_merges m WHERE a.lead_id IN (m.survivor, m.duplicate));
-- nobody was contacted by two clients but where two people turned out to be one
SELECT t.lead_id FROM lead_touches t WHERE t.state IN ('dispatched', 'unknown', 'sent')
  AND NOT EXISTS (SELECT FROM lead_merges m WHERE t.lead_id IN (m.survivor, m.duplicate))
GROUP BY 1 HAVING count(DISTINCT t.client_id) > 1;
-- no sender above its limit but by a send that was told of after its place was free again
SELECT sender_match, count(*) FROM lead_touches WHERE counted_at IS NOT NULL AND channel = 'email' AND NOT flags && '{late,after_fence}'
GROUP BY sender_match, counted_at AT TIME ZONE 'UTC' > date_trunc('day', now() AT TIME ZONE 'UTC') HAVING count(*) > 12;
-- no client above its limit but by such a send
SELECT client_id, count(*) FROM lead_touches WHERE counted_at IS NOT NULL AND NOT flags && '{late,after_fence}'
  AND client_id IN (stress_client(3), stress_client(4))
GROUP BY client_id, counted_at AT TIME ZONE 'UTC' > date_trunc('day', now() AT TIME ZONE 'UTC') HAVING count(*) > 18;
-- no client above its capacity
SELECT client_id FROM lead_assignments WHERE status = 'active' AND client_id IN (stress_client(1), stress_client(2))
GROUP BY 1 HAVING count(*) > 900;
-- nobody contacted twice within 72 hours by a client that keeps the period but by such a send
SELECT a.id, b.id FROM lead_touches a JOIN lead_touches b ON b.lead_id = a.lead_id AND b.claimed_at > a.claimed_at
WHERE NOT (a.flags || b.flags) && '{late,after_fence}' AND a.counted_at IS NOT NULL AND b.counted_at IS NOT NULL AND b.client_id IN (stress_client(1), stress_client(2))
  AND NOT EXISTS (SELECT FROM lead_merges m WHERE a.lead_id IN (m.survivor, m.duplicate));
-- a company is held for a client that has companies to itself and owns someone there
SELECT h.company FROM lead_company_holds h JOIN lead_clients c ON c.id = h.client_id
WHERE NOT coalesce((c.settings->>'company_exclusive')::boolean, false)
   OR NOT EXISTS (SELECT FROM lead_assignments a JOIN lead_state s ON s.lead_id = a.lead_id
                  WHERE a.client_id = h.client_id AND a.status = 'active'
                    AND h.company IN ('domain:' || s.company_domain, 'apollo:' || s.company_org));
-- every assignment and touch has its lead, every lead its slim row
SELECT a.id FROM lead_assignments a LEFT JOIN lead_pool p ON p.id = a.lead_id WHERE p.id IS NULL
UNION ALL SELECT t.id FROM lead_touches t LEFT JOIN lead_pool p ON p.id = t.lead_id WHERE p.id IS NULL
UNION ALL SELECT p.id FROM lead_pool p LEFT JOIN lead_state s ON s.lead_id = p.id
WHERE s.lead_id IS NULL OR s.state <> p.state;
-- nobody who opted out has an open claim
SELECT t.id FROM lead_touches t JOIN lead_pool p ON p.id = t.lead_id
WHERE t.state = 'claimed' AND p.unsubscribed_at < t.claimed_at;
-- a call that committed left what it says behind, one that was killed nothing
SELECT op, logged, kept FROM (
    SELECT 'claim', (SELECT count(*) FROM stress_log WHERE op = 'claim'), (SELECT count(*) FROM lead_decisions)
    UNION ALL SELECT 'granted', (SELECT count(*) FROM stress_log WHERE op = 'claim' AND ok), (SELECT count(*) FROM lead_touches)
    UNION ALL SELECT 'dispatch', (SELECT count(*) FROM stress_log WHERE op = 'dispatch' AND ok),
        (SELECT count(*) FROM lead_touches WHERE dispatched_at IS NOT NULL)
    UNION ALL SELECT 'event', (SELECT count(*) FROM stress_log WHERE op = 'event'), (SELECT count(*) FROM lead_events)
    UNION ALL SELECT 'merge', (SELECT count(*) FROM stress_log WHERE op = 'merge' AND ok), (SELECT count(*) FROM lead_merges)
    UNION ALL SELECT 'allocate', (SELECT sum(got) FROM stress_log WHERE op = 'allocated'),
        /* a merge makes the origin of what it moves its own */
        (SELECT count(*) FROM lead_assignments a WHERE coalesce((SELECT x.before ->> 'origin' FROM lead_merge_rows x
            WHERE x.relation = 'lead_assignments' AND x.key = a.id::text AND x.before ->> 'origin' <> 'merge' LIMIT 1),
            a.origin) = 'allocate')) c(op, logged, kept)
WHERE logged <> kept;
-- every touch was decided, once, and a decision names its touch
SELECT t.id FROM lead_touches t LEFT JOIN lead_decisions d ON d.touch_id = t.id
WHERE d.allowed IS NOT TRUE OR d.client_id <> t.client_id OR d.failed <> '{}'
UNION ALL SELECT d.id FROM lead_decisions d WHERE d.allowed <> (d.failed = '{}') OR d.allowed <> (d.touch_id IS NOT NULL);
-- a touch counts from its claim, dispatch or send, by state
SELECT id FROM lead_touches WHERE counted_at IS DISTINCT FROM CASE state WHEN 'claimed' THEN claimed_at
    WHEN 'dispatched' THEN dispatched_at WHEN 'unknown' THEN dispatched_at WHEN 'sent' THEN least(sent_at, ended_at) END;
-- the first contact of a person, and whose it was
SELECT s.lead_id FROM lead_state s LEFT JOIN LATERAL (SELECT t.sent_at, t.client_id FROM lead_touches t
    WHERE t.lead_id = s.lead_id AND t.state = 'sent' ORDER BY t.sent_at LIMIT 1) f ON true
WHERE s.state = 'active' AND (s.contacted_at, s.contacted_by) IS DISTINCT FROM (f.sent_at, f.client_id);
-- first and last contact of an assignment
SELECT a.id FROM lead_assignments a LEFT JOIN LATERAL (SELECT min(t.sent_at) AS first, max(t.sent_at) AS last
    FROM lead_touches t WHERE t.assignment_id = a.id AND t.state = 'sent') f ON true
WHERE (a.first_contacted_at, a.last_contacted_at) IS DISTINCT FROM (f.first, f.last);
-- last contact by channel, as a check tells it
SELECT a.lead_id, e.check_name, e.retry_at, r.until FROM lead_assignments a
CROSS JOIN unnest('{email,linkedin}'::lp_channel[]) c(channel)
CROSS JOIN LATERAL lp_jit_explain(a.lead_id, a.client_id, c.channel) e
CROSS JOIN LATERAL (SELECT max(CASE t.state WHEN 'claimed' THEN least(t.expires_at, t.counted_at + p.period) ELSE t.counted_at + p.period END) AS until
    FROM (VALUES ('assignment_recent', interval '72 hours'), ('channel_cooling', '168 hours')) p(name, period)
    JOIN lead_touches t ON t.lead_id = a.lead_id AND t.counted_at IS NOT NULL
        AND (t.state <> 'claimed' OR t.expires_at > now()) AND (p.name = 'assignment_recent' OR t.channel = c.channel)
    WHERE p.name = e.check_name) r
WHERE a.status = 'active' AND a.client_id IN (stress_client(1), stress_client(2))
  AND e.check_name IN ('assignment_recent', 'channel_cooling') AND e.retry_at IS DISTINCT FROM r.until;
-- what a sender and a client have used of their day, as a check tells it
SELECT n, e.detail, r.sender, r.client FROM generate_series(1, 4) n
CROSS JOIN LATERAL (SELECT lead_id FROM lead_assignments WHERE client_id = stress_client(n) AND status = 'active' LIMIT 1) a
CROSS JOIN LATERAL lp_jit_explain(a.lead_id, stress_client(n), 'email', 'out' || n || '@agency.example') e
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE channel = 'email') AS sender, count(*) AS client FROM lead_touches t
    WHERE t.client_id = stress_client(n) AND t.counted_at >= date_trunc('day', now(), 'UTC')
      AND (t.state <> 'claimed' OR t.expires_at > now())) r
WHERE e.check_name = 'rate_limit' AND NOT EXISTS (SELECT FROM lead_senders s WHERE s.client_id = stress_client(n) AND s.status = 'paused')
  AND e.detail NOT LIKE ALL (CASE
    WHEN r.sender >= 12 AND n > 2 AND r.client >= 18 THEN '{12 of 12%(sender); 18 of 18%(client)}'::text[]
    WHEN r.sender >= 12 THEN '{12 of 12 a day used up (sender)}'
    WHEN n > 2 AND r.client >= 18 THEN '{18 of 18 a day used up (client)}'
    ELSE ARRAY[format('sender: %s used today; client: %s', r.sender, CASE WHEN n > 2 THEN r.client || ' used today' ELSE 'no limit' END)] END);
-- how many leads a client has and was given today, as a check tells it
SELECT n, e.rule, e.detail FROM generate_series(1, 2) n
CROSS JOIN LATERAL lp_explain_allocation(lp_find_lead(apollo_id => 'apollo-1'), stress_client(n)) e
WHERE (e.rule = 'max_active_leads' AND e.detail <> format('room for %s of 900',
        900 - (SELECT count(*) FROM lead_assignments WHERE client_id = stress_client(n) AND status = 'active')))
   OR (e.rule = 'daily_allocation' AND e.detail <> format('room for %s of 1500 today',
        1500 - (SELECT count(*) FROM lead_assignments WHERE client_id = stress_client(n) AND assigned_at >= date_trunc('day', now(), 'UTC'))));
-- what people said: the first reply, the last refusal, who won them
SELECT s.lead_id FROM lead_state s LEFT JOIN LATERAL (
    SELECT min(e.occurred_at) FILTER (WHERE e.event IN ('replied', 'interested', 'not_interested')) AS replied,
           max(e.occurred_at) FILTER (WHERE e.event = 'not_interested') AS refused,
           array_agg(e.occurred_at) FILTER (WHERE e.event = 'converted') AS won
    FROM lead_events e WHERE e.lead_id = s.lead_id) v ON true
WHERE s.state = 'active' AND ((s.replied_at, s.not_interested_at) IS DISTINCT FROM (v.replied, v.refused)
    OR (s.converted_at IS NULL) <> (v.won IS NULL) OR s.converted_at <> ALL (v.won));
-- who opted out or bounced is marked, and nobody else
SELECT p.id FROM lead_pool p WHERE p.state = 'active'
  AND ((p.unsubscribed_at IS NOT NULL) <> EXISTS (SELECT FROM lead_events e WHERE e.lead_id = p.id AND e.event = 'unsubscribed')
    OR (p.email_bounced_at IS NOT NULL) <> EXISTS (SELECT FROM lead_events e JOIN lead_suppressions b ON b.kind = 'email'
        AND b.value_hash = e.address_hash AND b.reason = 'bounced'
        JOIN lead_identities i ON i.lead_id = p.id AND i.kind = 'email' AND i.value = p.email_match AND i.key_hash = e.address_hash));
-- demand that was not met: what the last call that fell short asked for and did not get
SELECT l.client, l.criteria, r.wanted, l.wanted - l.got AS missing FROM (
    SELECT DISTINCT ON (client, criteria) * FROM stress_log WHERE op = 'allocated' AND got < wanted
      AND client IN (stress_client(3), stress_client(4)) ORDER BY client, criteria, at DESC) l
LEFT JOIN lead_requests r ON r.client_id = l.client AND r.criteria = l.criteria AND r.campaign_id IS NULL
LEFT JOIN lead_clients c ON c.id = l.client
WHERE r.status IS DISTINCT FROM CASE c.status WHEN 'active' THEN 'open' ELSE 'stopped' END OR r.wanted <> l.wanted - l.got
UNION ALL SELECT r.client_id, r.criteria, r.wanted, NULL FROM lead_requests r
WHERE NOT EXISTS (SELECT FROM stress_log l WHERE l.client = r.client_id AND l.criteria = r.criteria AND l.got < l.wanted);
-- and no other company where such a client owns someone is free
SELECT a.id, k.company FROM lead_assignments a JOIN lead_state s ON s.lead_id = a.lead_id
JOIN lead_clients c ON c.id = a.client_id AND (c.settings->>'company_exclusive')::boolean
CROSS JOIN LATERAL (VALUES ('domain:' || s.company_domain), ('apollo:' || s.company_org)) k(company)
WHERE a.status = 'active' AND k.company IS NOT NULL
  AND NOT EXISTS (SELECT FROM lead_company_holds h WHERE h.company = k.company);
-- whom a client gave back after a contact is kept from all others
SELECT a.id FROM lead_assignments a WHERE a.status IN ('released', 'cancelled') AND CASE WHEN a.kept_until IS NULL
    THEN EXISTS (SELECT FROM lead_touches t WHERE t.assignment_id = a.id AND t.state IN ('dispatched', 'unknown', 'sent'))
    ELSE NOT EXISTS (SELECT FROM lead_touches t WHERE t.client_id = a.client_id AND t.lead_id = a.lead_id
                     AND coalesce(t.dispatched_at, t.sent_at) IS NOT NULL) END
UNION ALL SELECT a.id FROM lead_assignments a JOIN lead_state s ON s.lead_id = a.lead_id
WHERE a.status IN ('released', 'cancelled') AND a.kept_until = 'infinity' AND s.kept_until IS DISTINCT FROM 'infinity';
-- nothing points at a lead that was merged away
SELECT m.duplicate FROM lead_merges m JOIN lead_pool p ON p.id = m.duplicate AND p.state = 'merged'
WHERE m.unmerged_at IS NULL AND (EXISTS (SELECT FROM lead_touches t WHERE t.lead_id = m.duplicate)
    OR EXISTS (SELECT FROM lead_assignments a WHERE a.lead_id = m.duplicate AND a.status = 'active')
    OR EXISTS (SELECT FROM lead_identities i WHERE i.lead_id = m.duplicate)
    OR EXISTS (SELECT FROM lead_available v WHERE v.lead_id = m.duplicate)
    OR EXISTS (SELECT FROM lead_events e WHERE e.lead_id = m.duplicate));
-- the days that limits are counted in never overlap
SELECT a.scope_id FROM lead_limit_days a JOIN lead_limit_days b ON b.scope = a.scope AND b.scope_id = a.scope_id
    AND b.starts_at > a.starts_at AND b.starts_at < a.ends_at;
-- what allocation reads is what a rebuild makes of the leads
CREATE TEMP TABLE before AS SELECT * FROM lead_available;
DO 'BEGIN PERFORM lp_rebuild_available(); END';
(TABLE before EXCEPT TABLE lead_available) UNION ALL (TABLE lead_available EXCEPT TABLE before);
-- every constraint is validated
SELECT conname FROM pg_constraint WHERE NOT convalidated AND connamespace = 'public'::regnamespace;
-- the proofs: every collision is a merge of two people of two clients, and each of these shows
CREATE TEMP TABLE collided AS SELECT t.lead_id FROM lead_touches t WHERE t.state IN ('dispatched', 'unknown', 'sent')
  GROUP BY 1 HAVING count(DISTINCT t.client_id) > 1;
(TABLE collided EXCEPT SELECT lead_id FROM lead_proof_collisions)
UNION ALL (SELECT lead_id FROM lead_proof_collisions EXCEPT TABLE collided)
UNION ALL SELECT lead_id FROM collided c WHERE NOT EXISTS (SELECT FROM lead_merges m WHERE m.survivor = c.lead_id);
-- the proofs: every send was claimed
TABLE lead_proof_unclaimed_sends;
-- the proofs: no field got lost
TABLE lead_proof_uncaptured_fields;
-- the proofs: nobody banned was contacted
TABLE lead_proof_banned_contacts;
-- the proofs: nothing was paid twice
TABLE lead_proof_double_spend;
-- no touch or assignment moved where there is no move
SELECT * FROM stress_moves EXCEPT VALUES
    ('lead_touches', 'claimed', 'dispatched'), ('lead_touches', 'claimed', 'sent'), ('lead_touches', 'claimed', 'failed'),
    ('lead_touches', 'claimed', 'expired'), ('lead_touches', 'claimed', 'fenced'),
    ('lead_touches', 'dispatched', 'sent'), ('lead_touches', 'dispatched', 'failed'), ('lead_touches', 'dispatched', 'unknown'),
    ('lead_touches', 'unknown', 'sent'), ('lead_touches', 'unknown', 'failed'),
    ('lead_touches', 'failed', 'sent'), ('lead_touches', 'expired', 'sent'), ('lead_touches', 'fenced', 'sent'),
    ('lead_assignments', 'active', 'released'), ('lead_assignments', 'active', 'cancelled'), ('lead_assignments', 'active', 'transferred'),
    ('lead_assignments', 'active', 'merged_away'), ('lead_assignments', 'active', 'erased');
-- and there were moves
SELECT 'none' WHERE NOT EXISTS (SELECT FROM stress_moves);

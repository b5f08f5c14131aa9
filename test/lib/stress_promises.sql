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
-- no sender above its limit
SELECT sender_match, count(*) FROM lead_touches WHERE counted_at IS NOT NULL AND channel = 'email'
GROUP BY sender_match, counted_at AT TIME ZONE 'UTC' > date_trunc('day', now() AT TIME ZONE 'UTC') HAVING count(*) > 12;
-- no client above its limit
SELECT client_id, count(*) FROM lead_touches WHERE counted_at IS NOT NULL
  AND client_id IN (stress_client(3), stress_client(4))
GROUP BY client_id, counted_at AT TIME ZONE 'UTC' > date_trunc('day', now() AT TIME ZONE 'UTC') HAVING count(*) > 18;
-- no client above its capacity
SELECT client_id FROM lead_assignments WHERE status = 'active' AND client_id IN (stress_client(1), stress_client(2))
GROUP BY 1 HAVING count(*) > 900;
-- nobody contacted twice within 72 hours by a client that keeps the period
SELECT a.id, b.id FROM lead_touches a JOIN lead_touches b ON b.lead_id = a.lead_id AND b.claimed_at > a.claimed_at
WHERE a.counted_at IS NOT NULL AND b.counted_at IS NOT NULL AND b.client_id IN (stress_client(1), stress_client(2))
  AND NOT EXISTS (SELECT FROM lead_merges m WHERE a.lead_id IN (m.survivor, m.duplicate));
-- no company is shared with a client that has it to itself
SELECT h.company FROM lead_company_holds h JOIN lead_clients c ON c.id = h.client_id
WHERE NOT EXISTS (SELECT FROM lead_assignments a JOIN lead_state s ON s.lead_id = a.lead_id
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
-- what allocation reads is what a rebuild makes of the leads
CREATE TEMP TABLE before AS SELECT * FROM lead_available;
DO 'BEGIN PERFORM lp_rebuild_available(); END';
(TABLE before EXCEPT TABLE lead_available) UNION ALL (TABLE lead_available EXCEPT TABLE before);
-- every constraint is validated
SELECT conname FROM pg_constraint WHERE NOT convalidated AND connamespace = 'public'::regnamespace;
-- the proofs: no collision but where two people turned out to be one
SELECT lead_id FROM lead_proof_collisions c
WHERE NOT EXISTS (SELECT FROM lead_merges m WHERE c.lead_id IN (m.survivor, m.duplicate));
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

-- One batch of claims: the first of the agency's leads (or, where own is false,
-- of the other's) in an order that depends on the channel and the day.
INSERT INTO demo.claim
SELECT :day, :agency, :'channel', c.*
FROM lp_jit_claim_batch(:'client', :'channel', ARRAY(
        SELECT a.lead_id FROM lead_assignments a JOIN lead_pool p ON p.id = a.lead_id
        WHERE a.status = 'active' AND (a.client_id = :'client') = :own
        ORDER BY md5(p.apollo_id || :'channel' || (:day % 2)) OFFSET :skip LIMIT :share),
    :'sender', :'campaign', 'day ' || :day || ' ' || :'channel') c;

-- What the worker did, beside what the stand-in counted (counted).
\pset footer off
\pset border 0
\pset null ''
\echo
\echo 'A POOL THAT RUNS DRY: the worker searches, buys what is needed, hands out in order'
SELECT format('asked for 40, given %s at once and %s by request; 30 people searched for and enriched; asked about again, %s of them are bought twice',
              (SELECT n FROM demo.note WHERE what = 'given'), (SELECT filled FROM lead_requests WHERE client_id = '10000000-0000-7000-8000-000000000003' ORDER BY created_at LIMIT 1), (SELECT n FROM demo.note WHERE what = 'again')) AS line \gset
\echo :line
SELECT c.name AS agency, r.wanted, r.searched AS found, r.enriched, r.credits, r.filled, r.status, r.stop_reason AS "because of"
FROM lead_requests r JOIN lead_clients c ON c.id = r.client_id ORDER BY r.created_at, r.id;
SELECT count(*) FILTER (WHERE k.credits > 0) AS "paid calls", sum(cardinality(k.subjects)) FILTER (WHERE k.credits > 0) AS people,
       sum(k.credits) AS "ledger, credits", (SELECT sum(spent) FROM lead_budgets) AS "spent today", :'counted'::numeric AS "counted by the stand-in",
       s.budget_left AS left, s.errors, s.p50_ms AS "p50 ms", s.p95_ms AS "p95 ms", s.breaker
FROM lead_provider_calls k JOIN lead_provider_stats s ON s.provider = k.provider GROUP BY s.budget_left, s.errors, s.p50_ms, s.p95_ms, s.breaker;

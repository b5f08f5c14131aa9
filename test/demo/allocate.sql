-- One agency's part; both run at the same time and want the same people.
SET leadpool.now = '2026-03-02 12:00+00';
SELECT id AS client, campaign FROM demo.agency WHERE n = :agency \gset
SELECT format('SELECT count(*) FROM lp_allocate(%L, %L, 40, %L)', :'client', :'campaign',
              '{"channels": ["email", "linkedin"], "min_score": 0}')
FROM generate_series(1, 8) \gexec

-- Values longer than an index can hold cost themselves only.
\set VERBOSITY terse
BEGIN;
-- Does not compress: 9,600 bytes.
SELECT string_agg(md5(n::text), '') AS long FROM generate_series(1, 300) n \gset

SELECT c.outcome, c.detail FROM lp_capture_apollo(jsonb_build_object('matches', jsonb_build_array(
    jsonb_build_object('id', 'long-1', 'email', 'one@tarn.example', 'email_status', 'verified', 'country', :'long'),
    jsonb_build_object('id', 'long-2', 'email', 'two@tarn.example', 'email_status', 'verified', 'title', :'long', 'city', :'long', 'state', :'long',
                       'organization', jsonb_build_object('id', :'long', 'name', :'long', 'industry', :'long', 'primary_domain', :'long',
                                                          'keywords', jsonb_build_array(:'long'), 'technology_names', jsonb_build_array(:'long'))),
    jsonb_build_object('id', :'long', 'email', 'three@tarn.example', 'email_status', 'verified', 'seniority', :'long', :'long', 1),
    jsonb_build_object('id', 'long-4', 'email', 'four@tarn.example', 'email_status', :'long', 'time_zone', :'long',
                       'linkedin_url', 'http://www.linkedin.com/in/' || :'long')))) c ORDER BY c.ordinal;

-- Kept in full where nothing is searched by them.
SELECT count(*) FILTER (WHERE country = :'long') AS country, count(*) FILTER (WHERE company_industry = :'long') AS industry,
       count(*) FILTER (WHERE title = :'long') AS title, count(*) AS leads
FROM lead_pool WHERE email LIKE '%@tarn.example';

SELECT count(*) FROM lp_client_set('10000000-0000-7000-8000-0000000000ff', 'Long values');
SELECT count(*) FROM lp_allocate('10000000-0000-7000-8000-0000000000ff', NULL, 10, '{"email_statuses": ["verified"]}');
SELECT count(*) FROM lp_record_event('delivered', email => 'one@tarn.example', external_id => left(:'long', 1000));
-- An id beyond what identities hold names nobody who could be found again.
SELECT outcome, detail FROM lp_capture_apollo(jsonb_build_object('person', jsonb_build_object('id', :'long', 'first_name', 'Kay')));
SELECT count(*) FROM lead_captures WHERE lead_id IS NULL AND part LIKE '%"Kay"%';
ROLLBACK;

-- The proof that no field got lost: each kind of loss is exactly its row, and what is rightly otherwise is none.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
CREATE VIEW lost AS SELECT coalesce(p.apollo_id, p.email) AS lead, c.source, c.captured_at AT TIME ZONE 'UTC' AS told, u.json_path, u.column_name
FROM lead_proof_uncaptured_fields u JOIN lead_captures c ON c.id = u.capture_id JOIN lead_pool p ON p.id = u.lead_id ORDER BY 1, 4, 5;
SAVEPOINT s;

-- every payload that Apollo is known to send
\getenv top PG_ABS_SRCDIR
CREATE TABLE body AS SELECT f, pg_read_file(:'top' || '/test/fixtures/apollo/' || f) AS body
FROM pg_ls_dir(:'top' || '/test/fixtures/apollo') f WHERE f LIKE '%.json' AND f <> 'manifest.json';
SELECT count(*) > 30 AS bodies, sum((SELECT count(*) FROM lp_capture_apollo_raw(b.body) r WHERE r.lead_id IS NOT NULL)) > 20 AS people
FROM body b WHERE b.body LIKE '{%';
TABLE lost;
-- twice, and out of order
SELECT count(*) FROM body b, LATERAL lp_capture_apollo_raw(b.body || ' ', '2025-01-01') r WHERE b.body LIKE '{%' AND r.outcome = 'inserted';
TABLE lost;
ROLLBACK TO s;

-- a person told by two payloads, a list and an answer about the company
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "name": "Ada Quill", "title": "CTO", "email": "ada@quillmere.example", "email_status": "verified",
    "country": "United States", "departments": ["it", "sales"], "last_refreshed_at": "2026-01-02T03:04:05Z", "show_intent": false,
    "extrapolated_email_confidence": 0.75,
    "employment_history": [{"_id": "e1", "title": "CTO", "current": true, "emails": null}, {"_id": "e2", "title": "Engineer", "hobby": "chess"}],
    "phone_numbers": [{"raw_number": "+1 303 555 0134", "type": "mobile", "dialer_flags": {"country_name": "US"}}],
    "contact": {"id": "c1", "typed_custom_fields": {"a": 1}},
    "organization": {"id": "o1", "name": "Quillmere", "estimated_num_employees": 40, "annual_revenue": 1000000.5, "technology_names": ["C", "SQL"],
      "current_technologies": [{"uid": "c", "name": "C"}], "persona_counts": {"ceo": 1}}}}', '2026-03-02 10:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "title": "Engineer", "city": "Denver", "organization": {"id": "o1", "estimated_num_employees": 35}}}', '2026-03-01 10:00+00');
SELECT outcome FROM lp_capture('fair', '{"apollo_id": "p1", "headline": "x", "linkedin_headline": "Builder", "carrier": "Tel"}', '2026-03-02 11:00+00');
SELECT outcome FROM lp_capture_apollo('{"organization": {"id": "o1", "industry": "cloth", "estimated_num_employees": 50, "founded_year": 1999}}', '2026-03-03 10:00+00');
TABLE lost;
SAVEPOINT sound;

-- nothing in the column, by type
UPDATE lead_pool SET title = NULL; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET company_estimated_num_employees = NULL; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET company_annual_revenue = NULL; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET last_refreshed_at = NULL, show_intent = NULL, extrapolated_email_confidence = NULL; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET departments = NULL; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET employment_history = NULL; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET email = NULL; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET email_status = NULL; TABLE lost; ROLLBACK TO sound;
-- an older value left in place, a wrong one, a number that is not the one
UPDATE lead_pool SET title = 'Engineer'; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET email = 'old@quillmere.example'; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET company_estimated_num_employees = 35; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET company_annual_revenue = 1000000.25; TABLE lost; ROLLBACK TO sound;
-- only the older capture told it, or only the list
UPDATE lead_pool SET city = NULL, linkedin_headline = 'Maker'; TABLE lost; ROLLBACK TO sound;
-- a list short of an entry; the same entries in another order
UPDATE lead_pool SET departments = '{it}'; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET departments = '{sales,it}'; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET company_technologies = '{SQL}'; TABLE lost; ROLLBACK TO sound;
-- inside lists and objects
UPDATE lead_pool SET employment_history = jsonb_set(employment_history, '{1,title}', '"Boss"'); TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET employment_history = employment_history - 1; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET employment_history = employment_history #- '{1,hobby}'; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET phone_numbers = phone_numbers #- '{0,dialer_flags,country_name}'; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET contact = contact #- '{typed_custom_fields,a}'; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET contact = contact - 'id'; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET company_current_technologies = jsonb_set(company_current_technologies, '{0,name}', 'null'); TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET company_persona_counts = '{}'; TABLE lost; ROLLBACK TO sound;
-- what the answer about the company told, also where its own row forgot it
UPDATE lead_pool SET company_industry = NULL; TABLE lost; ROLLBACK TO sound;
UPDATE lead_pool SET company_industry = NULL; UPDATE lead_companies SET facts = facts - 'industry'; TABLE lost; ROLLBACK TO sound;
-- whoever is not active shows nothing
UPDATE lead_pool SET title = NULL, state = 'erased'; TABLE lost; ROLLBACK TO sound;
-- it only reads
UPDATE lead_pool SET title = NULL;
SET TRANSACTION READ ONLY;
TABLE lost;
ROLLBACK TO sound;

-- a value that does not fit its column, the newest one
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "title": {"a": 1}, "departments": ["hr", {"x": 1}, null, true, ""], "last_refreshed_at": "yesterday", "show_intent": "perhaps",
    "email": "ada at quillmere", "functions": [null], "subdepartments": "", "city": true, "postal_code": 80202,
    "organization": {"id": "o1", "estimated_num_employees": "lots", "annual_revenue": "1e999", "founded_year": "", "num_languages": {}}}}', '2026-03-04 10:00+00');
TABLE lost;
-- a newer value that fits makes up for it
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "title": "CEO", "departments": ["hr"], "last_refreshed_at": "2026-03-04", "show_intent": true, "city": "Reno",
    "email": "ada@quillmere.example", "organization": {"id": "o1", "estimated_num_employees": 41, "annual_revenue": 2}}}', '2026-03-04 11:00+00');
TABLE lost;
-- an older one does not
SELECT outcome FROM lp_capture('old', '{"apollo_id": "p1", "company_founded_year": "long ago", "title": false}', '2026-01-01 10:00+00');
TABLE lost;
-- of an answer about the company, unless the person told otherwise
SELECT outcome FROM lp_capture_apollo('{"organization": {"id": "o1", "estimated_num_employees": "many", "alexa_ranking": "top"}}', '2026-03-04 12:00+00');
SELECT outcome FROM lp_capture('row', '{"apollo_id": "p1", "country_code": "Atlantis", "zone": "Mars/Olympus", "phone": "call me", "company_founded_year": 2001}', '2026-03-04 13:00+00');
TABLE lost;
ROLLBACK TO sound;

-- a placeholder is no address; a status without an address, and one of an older address
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "email": "email_not_unlocked@domain.com", "email_status": "unavailable"}}', '2026-03-04 10:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p2", "name": "Bo", "email": "email_not_unlocked@domain.com", "email_status": "unavailable"}}', '2026-03-04 10:00+00');
TABLE lost;
-- an address that was verified: nothing older or without a status changes it
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "email": "Ada@quillmere.example"}}', '2026-03-04 10:10+00');
SELECT outcome FROM lp_capture('old', '{"apollo_id": "p1", "email": "ada@elsewhere.example", "email_status": "guessed"}', '2026-01-01 10:00+00');
SELECT email, email_status FROM lead_pool WHERE apollo_id = 'p1';
TABLE lost;
-- a worse number, a number of the list, and a carrier of another number
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "phone_numbers": [{"raw_number": "+1 303 555 0199", "type": "home"}]}}', '2026-03-04 10:20+00');
SELECT outcome FROM lp_capture('fair', '{"apollo_id": "p1", "phone": "303-555-0143", "phone_type": "other"}', '2026-03-04 10:30+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "phone_numbers": [{"raw_number": "+1 303 555 0188", "type": "mobile"}]}}', '2026-03-04 10:40+00');
SELECT phone, phone_type, carrier FROM lead_pool WHERE apollo_id = 'p1';
TABLE lost;
-- worked out from others: revenue, country
SELECT outcome FROM lp_capture('fair', '{"apollo_id": "p1", "company_revenue": 5, "country_code": "GB"}', '2026-03-04 10:50+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "country": "United States", "organization": {"id": "o1", "organization_revenue": 7}}}', '2026-03-04 10:55+00');
SELECT company_revenue, country_code FROM lead_pool WHERE apollo_id = 'p1';
TABLE lost;
-- pins, also to nothing
SELECT lp_pin((SELECT id FROM lead_pool WHERE apollo_id = 'p1'), c, v) FROM (VALUES ('title', '"Boss"'::jsonb), ('departments', '[]'), ('city', 'null'), ('email', '"boss@quillmere.example"'), ('phone', 'null')) t(c, v);
TABLE lost;
-- another company: nothing of the first one stays
SELECT outcome FROM lp_capture_apollo('{"organization": {"id": "o2", "industry": "steel", "founded_year": 1888}}', '2026-03-04 11:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p3", "name": "Cy", "organization": {"id": "o1"}}}', '2026-03-04 11:10+00');
SELECT company_industry, company_founded_year FROM lead_pool WHERE apollo_id = 'p3';
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p3", "organization": {"id": "o2", "name": "Two"}}}', '2026-03-04 11:20+00');
SELECT company_industry, company_founded_year, company_name FROM lead_pool WHERE apollo_id = 'p3';
TABLE lost;
-- merged: the captures of both count for the one that is left
SELECT lp_merge((SELECT id FROM lead_pool WHERE apollo_id = 'p3'), (SELECT id FROM lead_pool WHERE apollo_id = 'p2'), 'same person') IS NOT NULL AS merged;
TABLE lost;
UPDATE lead_pool SET full_name = 'Cyril' WHERE state = 'active' AND full_name IN ('Bo', 'Cy');
TABLE lost;
ROLLBACK TO sound;
-- erased: nothing is left to compare
SELECT lp_forget(email => 'ada@quillmere.example') ->> 'found' AS found;
TABLE lost;
ROLLBACK;

-- Capture: what a payload leaves behind, and what it may not.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SET TIME ZONE 'UTC';
SET datestyle = 'ISO';

-- a person, in every wrapping, is one lead; the same payload changes nothing
SELECT ordinal, outcome, detail, lead_id IS NOT NULL AS lead FROM lp_capture_apollo(
    '{"person": {"id": "p1", "name": "Ada Quill", "title": "CTO", "email": "ada@quillmere.example", "email_status": "verified",
      "country": "United States", "state": "Colorado", "time_zone": "America/Denver", "linkedin_url": "http://www.linkedin.com/in/Ada-Quill/"},
      "request_id": -310482775560194228}');
CREATE TEMP VIEW versions AS
SELECT 'pool' AS t, ctid::text AS place, xmin::text AS writer FROM lead_pool UNION ALL SELECT 'state', ctid::text, xmin::text FROM lead_state
UNION ALL SELECT 'identity', ctid::text, xmin::text FROM lead_identities UNION ALL SELECT 'capture', ctid::text, xmin::text FROM lead_captures;
CREATE TEMP TABLE before AS TABLE versions;
SELECT outcome, detail FROM lp_capture_apollo(
    '{"person": {"id": "p1", "name": "Ada Quill", "title": "CTO", "email": "ada@quillmere.example", "email_status": "verified",
      "country": "United States", "state": "Colorado", "time_zone": "America/Denver", "linkedin_url": "http://www.linkedin.com/in/Ada-Quill/"},
      "request_id": -310482775560194228}', '2026-03-05 00:00+00');
SELECT outcome FROM lp_capture_apollo(
    '{"matches": [{"id": "p1", "name": "Ada Quill", "title": "CTO", "email": "ada@quillmere.example"}]}', '2026-03-04 15:00+00');
SELECT outcome FROM lp_capture_apollo(
    '{"id": "p1", "organization": null, "title": "CTO"}', '2026-03-04 15:00+00');
SELECT count(*) AS before, (SELECT count(*) FROM (TABLE before EXCEPT TABLE versions) x) AS changed FROM before;
SELECT count(*) FROM lead_pool;
SELECT state, score > 0 AS scored, email_match, email_locked, email_role, linkedin_slug, country_code, zone, sources, first_source,
       enriched_at, created_at, updated_at, person_state, full_name FROM lead_pool;
SELECT flags, email_key IS NOT NULL AS e, phone_key IS NOT NULL AS p, linkedin_key IS NOT NULL AS l, country_code, region, zone,
       email_domain, company_domain, company_org FROM lead_state;
SELECT kind, value, identifies, source, octet_length(key_hash) FROM lead_identities ORDER BY kind;
SELECT element, ordinal, envelope_id IS NULL AS envelope, left(part, 40) AS part FROM lead_captures ORDER BY first_seen_at, id LIMIT 2;

-- a wrong type costs that field only; numbers as strings, money over int32
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p2", "first_name": {"a": 1}, "last_name": 77, "departments": "sales", "functions": ["it", {"x": 1}, null, 5],
    "has_city": "perhaps", "show_intent": "true", "last_refreshed_at": "2026-02-30", "extrapolated_email_confidence": "1e400", "employment_history": "none",
    "organization": {"id": "o2", "name": "Two", "estimated_num_employees": "1600", "alexa_ranking": 99999999999, "founded_year": 2015.0, "num_languages": 1.5,
      "annual_revenue": "3187500000", "organization_revenue": 0.0, "total_funding": 9007199254740993, "market_cap": 12,
      "latest_funding_round_date": "2023-08-01T02:00:00.000+02:00", "organization_headcount_six_month_growth": "-0.25", "languages": []}}}');
SELECT first_name, last_name, departments, functions, has_city, show_intent, last_refreshed_at, extrapolated_email_confidence, employment_history,
       company_estimated_num_employees, company_alexa_ranking, company_founded_year, company_num_languages, company_annual_revenue, company_organization_revenue,
       company_revenue, company_total_funding, company_market_cap, company_latest_funding_round_date, company_headcount_growth_6m, company_languages
FROM lead_pool WHERE apollo_id = 'p2';

-- words nobody knows are kept, keys nobody knows are shown; replays count nothing
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p3", "email": "x@three.example", "email_status": "likely to bounce", "seniority": "wizard", "aura": {"colour": "blue", "shades": [1, 2]},
    "employment_history": [{"title": "x", "mood": "good"}, {"title": "y", "mood": "bad"}], "organization": {"name": "T", "industry_tag_hash": {"a.b": "1"}, "vibe": true}}, "novelty": 1}');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p3", "email": "x@three.example", "email_status": "likely to bounce", "seniority": "wizard", "aura": {"colour": "blue", "shades": [1, 2]},
    "employment_history": [{"title": "x", "mood": "good"}, {"title": "y", "mood": "bad"}], "organization": {"name": "T", "industry_tag_hash": {"a.b": "1"}, "vibe": true}}, "novelty": 1}');
SELECT email_status, seniority FROM lead_pool WHERE apollo_id = 'p3';
SELECT provider, json_path, seen, sample FROM lead_unmapped_paths ORDER BY json_path;

-- a long path is kept as far as it is shown; what nests too deep is refused as that
SELECT outcome FROM lp_capture_apollo(jsonb_build_object('id', 'long', repeat(U&'\00E9', 400000), (SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 3000) i)));
SELECT octet_length(json_path) AS bytes, seen, sample FROM lead_unmapped_paths WHERE json_path LIKE U&'\00E9%';
SELECT outcome FROM lp_capture_apollo(format('{"id": "deep", "deep": %s%s}', repeat('[', 498), repeat(']', 498))::jsonb);
SELECT outcome FROM lp_capture_apollo(format('{"id": "deep", "deep": %s%s}', repeat('[', 5000), repeat(']', 5000))::jsonb);

-- a body off the wire: an escaped NUL and half a pair cost one character each
SELECT outcome FROM lp_capture_apollo_raw('{"person": {"id": "p4", "headline": "a\u0000b", "title": "\ud83d!", "city": "\ud83d\ude00", "name": "\\u0000",
    "organization": {"id": "o4", "total_funding": 1e99999}}}');
SELECT linkedin_headline = 'a' || chr(65533) || 'b' AS nul, title = chr(65533) || '!' AS half, city = chr(128512) AS pair, full_name, company_total_funding, company_apollo_id
FROM lead_pool WHERE apollo_id = 'p4';
SELECT outcome, detail FROM lp_capture_apollo_raw('{"people": [{"id": "p41", "extrapolated_email_confidence": 1e-99999999999999999999}, {"id": "p42", "extrapolated_email_confidence": "1e-99999999999999999999"}]}');
SELECT part LIKE '%a\\u0000b%' AS verbatim FROM lead_captures WHERE lead_id = (SELECT id FROM lead_pool WHERE apollo_id = 'p4');

-- what is no object is refused, and nothing is stored
SELECT count(*) AS captures FROM lead_captures \gset
\set VERBOSITY sqlstate
SELECT * FROM lp_capture_apollo('[{"id": "p9"}]');
SELECT * FROM lp_capture_apollo('"p9"');
SELECT * FROM lp_capture_apollo('null');
SELECT * FROM lp_capture_apollo(NULL);
SELECT * FROM lp_capture_apollo_raw('{"person": {"id": "p9"}');
SELECT * FROM lp_capture_apollo_raw('');
SELECT * FROM lp_capture_apollo_raw('<html>');
SELECT * FROM lp_capture_apollo_raw(repeat('[', 100000));
SELECT * FROM lp_capture_apollo_raw('{"a": "' || repeat('x', 9000000) || '"}');
SELECT * FROM lp_capture_apollo(jsonb_build_object('people', (SELECT jsonb_agg(jsonb_build_object('id', 'm' || g)) FROM generate_series(1, 1001) g)));
SELECT * FROM lp_capture_apollo('{"person": {"id": "p9"}}', '2026-03-05 15:00:00.000001+00');
SELECT * FROM lp_capture_apollo('{"person": {"id": "p9"}}', 'infinity');
SELECT * FROM lp_capture('Apollo', '{"email": "p9@nine.example"}');
SELECT * FROM lp_capture('apollo', '{"email": "p9@nine.example"}');
SELECT * FROM lp_capture('list', '"p9"');
\set VERBOSITY terse
SELECT count(*) - :captures AS stored FROM lead_captures;
-- a day ahead is taken as given
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p5", "title": "A"}}', '2026-03-05 15:00+00');

-- elements answer one by one
SELECT ordinal, outcome, detail, lead_id IS NULL AS nobody FROM lp_capture_apollo(
    '{"contacts": [{"id": "c1", "person_id": "p1", "first_name": "Someone", "email": "else@other.example"}, {"id": "c2", "person_id": null}],
      "people": [{"id": "p6", "title": "B"}, null, 7, {"match_confidence": "none", "email": "echo@echo.example"}, {"id": ""}, {"id": "p7", "match_confidence": "NONE"}],
      "matches": [{"id": "p6", "title": "B"}, {"id": "p6", "title": "C"}]}') ORDER BY ordinal;
SELECT title FROM lead_pool WHERE apollo_id = 'p6';
SELECT lp_find_lead(email => 'echo@echo.example') IS NULL AS echo_is_nobody;
-- the contact's name and address are its own
SELECT full_name, email, contact_id, contact->>'email' AS contact_email, first_name FROM lead_pool WHERE apollo_id = 'p1';
SELECT lp_find_lead(email => 'else@other.example') IS NULL AS contact_is_nobody;
-- bodies about nobody are archived and give no row
SELECT count(*) AS rows FROM lp_capture_apollo('{}');
SELECT count(*) AS rows FROM lp_capture_apollo('{"error": "Invalid", "error_code": "X"}');
SELECT ordinal, outcome, detail FROM lp_capture_apollo('{"person": null, "request_id": 5}');

-- a placeholder is no address; a real one is not lost to it
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p8", "email": "email_not_unlocked@domain.com", "email_status": "verified"}}', '2026-03-01 00:00+00');
SELECT email, email_match, email_status, email_locked FROM lead_pool WHERE apollo_id = 'p8';
SELECT flags FROM lead_state s JOIN lead_pool p ON p.id = s.lead_id WHERE apollo_id = 'p8';
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p8", "email": "Real.One@Eight.example", "email_status": "extrapolated"}}', '2026-03-02 00:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p8", "email": "email_not_unlocked@eight.example", "email_status": "verified"}}', '2026-03-03 00:00+00');
SELECT email, email_match, email_status, email_locked FROM lead_pool WHERE apollo_id = 'p8';
SELECT value FROM lead_identities WHERE kind = 'email' AND value LIKE '%unlocked%';
-- address and status go together
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p8", "email": "real.one@eight.example", "email_status": null}}', '2026-03-03 01:00+00');
SELECT email, email_status FROM lead_pool WHERE apollo_id = 'p8';
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p8", "email": "second@eight.example"}}', '2026-03-03 02:00+00');
SELECT email, email_status FROM lead_pool WHERE apollo_id = 'p8';
-- a waterfall finds an address after all
SELECT outcome FROM lp_capture_apollo('{"people": [{"id": "p8", "emails": [{"email": "guess@eight.example", "email_status_cd": "Unverified"}, {"email": "found@eight.example", "email_status_cd": "Verified"}]}]}', '2026-03-03 03:00+00');
SELECT email, email_status FROM lead_pool WHERE apollo_id = 'p8';

-- any order of arrival gives the same row
SELECT lead_id AS in_order FROM lp_capture_apollo('{"person": {"id": "s1", "title": "Old", "city": "Oslo", "email": "o@s.example", "email_status": "verified", "organization": {"id": "os", "name": "S"}}}', '2026-01-01 00:00+00') \gset
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s1", "title": "Mid", "city": null, "email": "o@s.example", "email_status": "unavailable"}}', '2026-01-02 00:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s1", "title": null, "headline": "New", "phone_numbers": [{"raw_number": "+1 303-555-0101", "type": "mobile"}]}}', '2026-01-03 00:00+00');
SELECT lead_id AS mixed FROM lp_capture_apollo('{"person": {"id": "s2", "title": null, "headline": "New", "phone_numbers": [{"raw_number": "+1 303-555-0101", "type": "mobile"}]}}', '2026-01-03 00:00+00') \gset
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s2", "title": "Old", "city": "Oslo", "email": "o@s2.example", "email_status": "verified", "organization": {"id": "os", "name": "S"}}}', '2026-01-01 00:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s2", "title": "Mid", "city": null, "email": "o@s2.example", "email_status": "unavailable"}}', '2026-01-02 00:00+00');
SELECT (SELECT to_jsonb(p) - '{id,apollo_id,email,email_match,created_at,updated_at}'::text[] FROM lead_pool p WHERE id = :'in_order')
     = (SELECT to_jsonb(p) - '{id,apollo_id,email,email_match,created_at,updated_at}'::text[] FROM lead_pool p WHERE id = :'mixed') AS same;
SELECT title, city, email_status, linkedin_headline, phone, enriched_at FROM lead_pool WHERE id = :'mixed';
-- an older answer takes nothing from a verified address
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s3", "email": "o@s3.example", "email_status": "verified"}}', '2026-02-02 00:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s3", "email": "other@s3.example", "email_status": "unavailable", "city": "Bergen"}}', '2026-02-01 00:00+00');
SELECT email, email_status, city FROM lead_pool WHERE apollo_id = 's3';
-- nor does the status of what is no address
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s3", "email": "see website", "email_status": "guessed"}}', '2026-02-03 00:00+00');
SELECT email, email_status FROM lead_pool WHERE apollo_id = 's3';
-- the same words again, after others were said in between, are news
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s4", "title": "A"}}', '2026-02-01 00:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s4", "title": "B"}}', '2026-02-02 00:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s4", "title": "A"}}', '2026-02-03 00:00+00');
SELECT title FROM lead_pool WHERE apollo_id = 's4';

-- phones: the best personal number
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "n1", "country": "United Kingdom", "phone_numbers": [
    {"sanitized_number": "+442079460100", "type": "work_hq", "status": "valid_number"}, {"sanitized_number": "+447700900111", "type": "mobile", "status": "invalid_number"},
    {"raw_number": "020 7946 0177", "type": "work_direct"}, {"sanitized_number": "+442079460188", "type": "home"}], "organization": {"phone": "+44 20 7946 0100"}}}');
SELECT phone, phone_type, phone_status FROM lead_pool WHERE apollo_id = 'n1';
SELECT outcome FROM lp_capture_apollo('{"people": [{"id": "n1", "phone_numbers": [{"sanitized_number": "+447700900132", "type_cd": "mobile", "status_cd": "valid_number", "dnc_status_cd": "not_found"}]}]}');
SELECT phone, phone_type FROM lead_pool WHERE apollo_id = 'n1';
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "n1", "phone_numbers": [{"sanitized_number": "+442079460177", "type": "work_direct"}], "sanitized_phone": "+442079460100"}}');
SELECT phone, phone_type FROM lead_pool WHERE apollo_id = 'n1';
SELECT value, identifies FROM lead_identities i JOIN lead_pool p ON p.id = i.lead_id WHERE p.apollo_id = 'n1' AND kind = 'phone' ORDER BY value;

-- answers about companies fill what is null, of these people and of later ones
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "k1", "organization": {"id": "oc", "name": "Own Name", "industry": null}}}');
SELECT ordinal, outcome, lead_id FROM lp_capture_apollo('{"organization": {"id": "oc", "name": "Kade", "industry": "machinery", "primary_domain": "www.kade.example", "annual_revenue": 5, "country": "Netherlands"}}');
SELECT outcome FROM lp_capture_apollo('{"organization": {"id": "oc", "name": "Kade", "industry": "machinery", "primary_domain": "www.kade.example", "annual_revenue": 5, "country": "Netherlands"}}');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "k2", "organization_id": "oc"}}');
SELECT apollo_id, company_name, company_industry, company_revenue, country_code, company_apollo_id FROM lead_pool WHERE apollo_id IN ('k1', 'k2') ORDER BY 1;
SELECT company_domain, company_org FROM lead_state s JOIN lead_pool p ON p.id = s.lead_id WHERE apollo_id IN ('k1', 'k2') ORDER BY apollo_id;
SELECT apollo_id, primary_domain, facts->>'industry' AS industry FROM lead_companies;
SELECT ordinal, outcome, detail FROM lp_capture_apollo('{"organizations": [{"id": "oc", "industry": "robots"}, null, {"name": "nameless"}, {"primary_domain": "gmail.com"}]}', '2026-03-04 14:00+00');
SELECT facts->>'industry' AS industry FROM lead_companies WHERE apollo_id = 'oc';
-- a newer answer replaces what an older one filled, never what the person's own said
SELECT outcome FROM lp_capture_apollo('{"organization": {"id": "oc", "name": "Kade NV", "annual_revenue": 7}}', '2026-03-04 16:00+00');
SELECT apollo_id, company_name, company_industry, company_revenue FROM lead_pool WHERE apollo_id IN ('k1', 'k2') ORDER BY 1;

-- other sources: keys are columns
SELECT ordinal, outcome, detail FROM lp_capture('trade_fair', '[{"email": "ilse@fennwick.example", "full_name": "Ilse", "company_estimated_num_employees": "12", "id": "x", "score": 99, "badge": 7, "zone": "Mars/Base"},
    {"phone": "+44 7700 900144", "full_name": "Phone Only"}, {"full_name": "Nobody"}, 3, null, {"phone": "+447700900144", "city": "Leeds"}]');
SELECT full_name, email, phone, city, company_estimated_num_employees, score <> 99 AS own_score, zone, sources, enriched_at FROM lead_pool WHERE first_source = 'trade_fair' ORDER BY full_name;
SELECT provider, json_path FROM lead_unmapped_paths WHERE provider = 'trade_fair' ORDER BY 2;

-- marks act: on the address, and on the person only where it is the person
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "b1", "email": "b1@bans.example", "contact": {"id": "c", "person_id": "zz", "email": "assistant@bans.example", "email_unsubscribed": true}}}');
SELECT lp_is_suppressed('email', 'assistant@bans.example') AS address, lp_is_suppressed('email', 'b1@bans.example') AS person;
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "b2", "email": "b2@bans.example", "contact": {"id": "c", "person_id": "b2", "email": "b2@bans.example", "email_unsubscribed": true}}}');
SELECT lp_is_suppressed('email', 'b2@bans.example') AS address, lp_is_suppressed('apollo_id', 'b2') AS person, flags & 512 AS flag
FROM lead_state s JOIN lead_pool p ON p.id = s.lead_id WHERE apollo_id = 'b2';
SELECT outcome, detail FROM lp_capture_apollo('{"people": [{"id": "b3", "phone_numbers": [{"sanitized_number": "+13035550155", "type_cd": "mobile", "dnc_status_cd": "listed"}]}]}');
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "b4", "contact": {"id": "c", "call_opted_out": true, "sanitized_phone": "+13035550156"}}}');
SELECT lp_is_suppressed('phone', '+13035550155') AS listed, lp_is_suppressed('phone', '+13035550156') AS opted_out, lp_is_suppressed('phone', '+13035550157') AS other;
-- also of a record that leads to nobody, whatever the spelling, and by either word
SELECT outcome, detail FROM lp_capture_apollo('{"contacts": [{"id": "c", "person_id": null, "email": "nobody@bans.example", "email_unsubscribed": true}]}');
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "b5", "contact": {"id": "c", "email": "text@bans.example", "email_unsubscribed": "true"},
    "phone_numbers": [{"sanitized_number": "+13035550158", "dnc_status": "not_found", "dnc_status_cd": "listed"}, {"sanitized_number": "n/a", "raw_number": "+1 303-555-0159", "dnc_status": "listed"}]}}');
SELECT lp_is_suppressed('email', 'nobody@bans.example') AS nobody, lp_is_suppressed('email', 'text@bans.example') AS as_text,
       lp_is_suppressed('phone', '+13035550158') AS either, lp_is_suppressed('phone', '+13035550159') AS raw;
SELECT DISTINCT origin FROM lead_suppressions;
-- of somebody erased nothing is stored, the others in the body are
SELECT lp_suppress('email', 'gone@erased.example', 'erasure') IS NOT NULL AS banned;
SELECT ordinal, outcome, detail, lead_id IS NULL AS nobody FROM lp_capture_apollo('{"matches": [{"id": "e1", "email": "Gone@Erased.example", "first_name": "Secret"}, {"id": "e2", "first_name": "Public"}]}');
SELECT ordinal, outcome, detail FROM lp_capture_apollo('{"matches": [{"id": "e1", "email": "Gone@Erased.example", "first_name": "Secret"}, {"id": "e2", "first_name": "Public"}]}');
SELECT ordinal, outcome, detail FROM lp_capture_apollo('{"people": [{"id": "e4", "contact": {"id": "c", "email": "gone@erased.example", "first_name": "Secret"}}], "contacts": [{"id": "c", "person_id": "e5", "contact_emails": [{"email": "gone@erased.example"}]}]}');
SELECT lp_suppress('phone', '+13035550177', 'erasure') IS NOT NULL AS banned;
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "e6", "contact": {"id": "c", "first_name": "Secret", "phone_numbers": [{"sanitized_number": "+13035550177"}]}}}');
SELECT count(*) AS traces FROM lead_captures WHERE part LIKE '%Secret%' OR part ILIKE '%gone@erased%';
SELECT count(*) AS identities FROM lead_identities WHERE value IN ('e1', 'gone@erased.example');
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "e3", "email": "x@e3.example"}}');
SELECT lp_suppress('email', 'x@e3.example', 'do_not_contact') IS NOT NULL AS banned;
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "e3", "email": "x@e3.example", "title": "Paid"}}');
SELECT title FROM lead_pool WHERE apollo_id = 'e3';
SELECT lp_suppress('email', 'x@e3.example', 'erasure') IS NOT NULL AS banned;
SELECT outcome, detail, lead_id FROM lp_capture_apollo('{"person": {"id": "e3", "email": "x@e3.example", "title": "Paid"}}');
ROLLBACK;

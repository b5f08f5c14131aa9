-- Erasure: mentions of the person in what is stored about others, and bodies that would bring one back.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SET TIME ZONE 'UTC';
\set client '''00000000-0000-0000-0000-00000000000a'''
SELECT name FROM lp_client_set(:client, 'Agency');
SELECT name FROM lp_client_set('00000000-0000-0000-0000-00000000000b', 'Other');
SELECT sender FROM lp_sender_set(:client, 'email', 'out@agency.example', '{"warmup_ready": true}');
CREATE FUNCTION pg_temp.shows(pattern text) RETURNS TABLE (relation name, n bigint) LANGUAGE plpgsql AS $$
DECLARE t record;
BEGIN
    FOR t IN SELECT c.relname FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'leadpool'
             WHERE c.relkind = 'r' ORDER BY 1 LOOP
        RETURN QUERY EXECUTE format('SELECT %L::name, count(*) FROM public.%I t WHERE t::text ~* %L HAVING count(*) > 0', t.relname, t.relname, pattern);
    END LOOP;
END $$;
\set traces '''zeb|quorn|5550199|555[-. ]0199|c0ffee'''
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "61f0c0ffee0badc0de000001", "first_name": "Zebediah", "last_name": "Quorn", "name": "Zebediah Quorn", "email": "Zebediah.Quorn@acme.example",
  "email_status": "verified", "linkedin_url": "http://www.linkedin.com/in/zeb-quorn-42", "personal_emails": ["zebq@gmail.com"], "phone_numbers": [{"raw_number": "(303) 555-0199", "sanitized_number": "+13035550199"}]}}');
SELECT lp_find_lead(email => 'zebq@gmail.com') AS zeb \gset

-- others whose payloads mention him, each in a body of its own: in a sentence, in a link, in a key, in a number without
-- its country, behind an encoded "@", in the copy of a key that comes twice
CREATE TEMP TABLE bodies (n int, body text);
INSERT INTO bodies VALUES
 (1, '{"person": {"id": "o1",  "name": "O One", "email": "o1@beta.example", "email_status": "verified", "headline": "assistant of zebediah.quorn@acme.example", "city" : "Ghent"}}'),
 (2, '{"person": {"id": "o2", "name": "O Two", "email": "o2@beta.example", "note": "call +1 303 555 0199"}}'),
 (3, '{"person": {"id": "o3", "name": "O Three", "email": "o3@beta.example", "boss": {"id": "61f0c0ffee0badc0de000001", "nick": "the Quornmaster"}}}'),
 (4, '{"person": {"id": "o4", "name": "O Four", "email": "o4@beta.example", "zebq@gmail.com": 1}}'),
 (5, '{"person": {"id": "o5", "name": "O Five", "email": "o5@beta.example", "note": "see http://linkedin.com/in/zeb-quorn-42 there"}}'),
 (6, '{"person": {"id": "o6", "name": "O Six", "email": "o6@beta.example", "p": "(303) 555-0199", "pixel": "https://t.example/o?to=zebq%40gmail.com&n=1"}}'),
 (7, '{"person": {"id": "o7", "name": "O Seven", "email": "o7@beta.example", "link": "https://app.apollo.io/#/people/61f0c0ffee0badc0de000001", "boss": "zebq@gmail.com", "boss": "nobody"}}'),
 (8, '{"person": {"id": "61f0c0ffee0badc0de000001", "email": "zebq@gmail.com", "name": "Zebediah Quorn"}, "person": {"id": "o8", "name": "O Eight", "email": "o8@beta.example"}}'),
 (9, '{"people": [{"id": "x", "email": "zebq@gmail.com", "name": "Zebediah Quorn"}], "people": [{"id": "o9", "name": "O Nine", "email": "o9@beta.example"}]}'),
 (10, '{"error": "no credits for zebq@gmail.com", "asked": {"email": "zebediah.quorn@acme.example", "first_name": "Zebediah"}}'),
 (11, '{"matches": ["zebq@gmail.com", null]}');
SELECT n, outcome, detail FROM bodies b, lp_capture_apollo_raw(b.body) ORDER BY n, ordinal;
SELECT outcome, detail FROM lp_capture('list', '[{"full_name": "Z. Q.", "phone": "303 555 0199"}, {"email": "o12@beta.example", "phone": "303.555.0199"}]');

-- and what people wrote about others
SELECT lp_find_lead(email => 'o1@beta.example') AS o1, lp_find_lead(email => 'o2@beta.example') AS o2, lp_find_lead(email => 'o3@beta.example') AS o3 \gset
SELECT lp_pin(:'o1', 'title', '"aide to zebediah.quorn@acme.example"');
SELECT lp_pin(:'o1', 'contact', '{"email": "zebq@gmail.com", "name": "Zebediah Quorn", "city": "Quornville"}');
SELECT lp_pin(:'o1', 'city', '"Bruges"');
SELECT status FROM lp_assign(:'o1', :client, NULL, 'like zebediah.quorn@acme.example');
CREATE TEMP TABLE touched AS SELECT touch_id FROM lp_jit_claim(:'o1', :client, 'email', 'out@agency.example', campaign_id => :client, step => 'cc zebq@gmail.com');
SELECT lp_touch_dispatch(touch_id) FROM touched;
SELECT (lp_touch_confirm(touch_id, '<zebq@gmail.com-7>')).state FROM touched;
SELECT (lp_touch_fail(touch_id, '550 forwarded to zebediah.quorn@acme.example')).flags FROM touched;
SELECT effect FROM lp_record_event('replied', lead_id => :'o1', external_id => 'x-zebq@gmail.com-1', detail => '{"to": "+1 303-555-0199", "name": "Zebediah Quorn", "class": "hard"}');
SELECT effect FROM lp_record_event('opened', lead_id => :'o1', external_id => 'plain', detail => '{"agent": "Mail"}');
SELECT lp_suppress('email', 'o2@beta.example', 'asked by Zebediah Quorn, zebq@gmail.com', '00000000-0000-0000-0000-00000000000b') IS NOT NULL AS noted;
SELECT lp_unsuppress(lp_suppress('email', 'other@beta.example', 'operator'), 'zebq@gmail.com said so');
SELECT lp_merge(:'o2', :'o3', 'both know zebq@gmail.com') IS NOT NULL AS merged;
SELECT count(*) FROM lp_allocate(:client, :client, 1, '{}', '{"request_key": "like zebq@gmail.com", "dry_run": false}');
SELECT array_agg(relation) FROM pg_temp.shows(:traces);

SELECT c - 'certificate_id' - 'key_id' - 'erased_at' AS certificate FROM lp_forget(:'zeb') c;
SELECT * FROM pg_temp.shows(:traces);
-- what is said besides stays as it came
SELECT c.part FROM lead_captures c WHERE element IS NOT NULL ORDER BY c.id;
SELECT c.part, c.cuts FROM lead_captures c WHERE element IS NULL AND length(c.part) > 20 ORDER BY c.id;
SELECT p.email, p.full_name, p.title, p.city, p.contact, p.linkedin_headline, p.phone FROM lead_pool p WHERE state = 'active' ORDER BY email;
SELECT column_name, value FROM lead_pins ORDER BY 1;
SELECT status, reason FROM lead_assignments WHERE lead_id = :'o1';
SELECT state, step, provider_message_id, error FROM lead_touches;
SELECT event, external_id, detail FROM lead_events ORDER BY event;
SELECT json_path, sample FROM lead_unmapped ORDER BY 1, 2;
-- a merge is still undone
SELECT lp_unmerge(id) = :'o3' AS undone FROM lead_merges;
SELECT full_name, state FROM lead_pool WHERE id IN (:'o2', :'o3') ORDER BY 1;

-- the same bodies, and new ones: nothing comes back
UPDATE bodies SET body = replace(replace(body, '"o', '"n'), 'O ', 'N ') || ' ';
SELECT n, outcome, detail FROM bodies b, lp_capture_apollo_raw(b.body) ORDER BY n, ordinal;
SELECT outcome, detail FROM lp_capture('list', '[{"full_name": "Z. Q.", "phone": "303 555 0199"}, {"full_name": "Z. Q.", "phone_numbers": [{"raw_number": "303-555-0199"}]}, "zebq@gmail.com"]');
SELECT outcome, detail FROM lp_capture_apollo('{"people": [{"id": "61f0c0ffee0badc0de000001", "status": "success", "phone_numbers": [{"raw_number": "+1 303-555-0199"}]}], "request_id": 7}');
SELECT outcome, detail FROM lp_capture_apollo('{"organization": {"id": "c1", "name": "Beta", "founder": {"email": "zebq@gmail.com", "name": "Zebediah Quorn"}}}');
SELECT effect FROM lp_record_event('opened', lead_id => :'o1', external_id => 'to zebq@gmail.com', detail => '{"to": "zebq@gmail.com", "name": "Zebediah Quorn"}');
SELECT lp_pin(:'o1', 'contact', '{"email": "zebq@gmail.com", "name": "Zebediah Quorn"}');
SELECT effect FROM lp_record_event('opened', lead_id => :'o1', external_id => 'to zebq@gmail.com');
SELECT * FROM pg_temp.shows(:traces);
-- what was written by hand since goes when he is erased again
SELECT lp_suppress('email', 'o9@beta.example', 'ask zebq@gmail.com') IS NOT NULL AS noted;
SELECT * FROM pg_temp.shows(:traces);
SELECT c ->> 'found' AS found FROM lp_forget(email => 'zebq@gmail.com') c;
SELECT * FROM pg_temp.shows(:traces);
ROLLBACK;

-- Erasure: what goes, what stays, who is not touched.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SET TIME ZONE 'Asia/Tokyo';
SET datestyle = 'ISO';
\set client '''00000000-0000-0000-0000-00000000000a'''
SELECT name FROM lp_client_set(:client, 'Agency');
SELECT name FROM lp_client_set('00000000-0000-0000-0000-00000000000b', 'Other');
SELECT sender FROM lp_sender_set(:client, 'email', 'out@agency.example', '{"warmup_ready": true}');

-- Jane, her colleague Bob whose payload mentions her, and Carol
SELECT ordinal, outcome FROM lp_capture_apollo_raw($${"matches": [
  {"id": "5f1a2b3c4d5e6f7a8b9c0d01", "first_name": "Jane", "last_name": "Doe-Quill", "name": "Jane Doe-Quill", "title": "Head of Jane Doe-Quill Studios", "email": "Jane.Doe@acme.example",
   "email_status": "verified", "linkedin_url": "http://www.linkedin.com/in/jane-doe-quill-77", "personal_emails": ["janedq@gmail.com"], "photo_url": "https://img.example/jdq77.png",
   "phone_numbers": [{"raw_number": "+1 303-555-0111", "sanitized_number": "+13035550111", "type": "mobile"}], "hobby": "sailing with jane.doe@acme.example",
   "contact": {"id": "c-77", "person_id": "5f1a2b3c4d5e6f7a8b9c0d01", "email": "jane.private@home.example", "name": "Jane Doe-Quill"},
   "organization": {"id": "o1", "name": "Acme", "primary_domain": "acme.example"}},
  {"id": "5f1a2b3c4d5e6f7a8b9c0d02", "first_name": "Bob", "last_name": "Ray", "name": "Bob Ray", "email": "bob@acme.example", "email_status": "verified",
   "headline": "Works with J\u0061ne DOE-Quill \u2603", "aura": {"boss": {"email": "JANE.DOE+x@acme.example", "first_name": "Jane", "full_name": "J. Doe", "mobile": "(303) 555-0111", "note": "likes tea"}},
   "contact": {"id": "c-9", "first_name": "Jane", "last_name": "Doe-Quill", "contact_emails": [{"email": "janedq@googlemail.com"}], "title": "kept"},
   "organization": {"id": "o1", "name": "Acme", "org_chart_root_people_ids": ["5f1a2b3c4d5e6f7a8b9c0d01", "5f1a2b3c4d5e6f7a8b9c0d02"]}},
  {"id": "5f1a2b3c4d5e6f7a8b9c0d03", "name": "Carol Jane", "first_name": "Carol", "email": "carol@acme.example", "headline": "Jane of all trades",
   "organization": {"id": "o1", "name": "Acme", "keywords": ["jane", "doe"]}}], "note": "for jane.doe@acme.example", "n": 13035550111}$$);
SELECT outcome FROM lp_capture_apollo('{"organization": {"id": "o1", "name": "Acme", "primary_domain": "acme.example", "industry": "textiles",
  "org_chart_root_people_ids": ["5f1a2b3c4d5e6f7a8b9c0d01"], "owner": {"name": "Jane Doe-Quill", "linkedin_url": "https://de.linkedin.com/in/Jane-Doe-Quill-77/?x=1"}}}');
SELECT ordinal, outcome, detail FROM lp_capture_apollo('{"matches": [null, {"id": null, "match_confidence": "none", "email": "jane.doe@acme.example", "first_name": "Jane"}]}');
SELECT lp_find_lead(email => 'jane.doe@acme.example') AS jane, lp_find_lead(email => 'bob@acme.example') AS bob, lp_find_lead(email => 'carol@acme.example') AS carol \gset
SELECT lp_pin(:'jane', 'city', '"Janesville"');
SELECT status FROM lp_assign(:'jane', :client, NULL, 'asked for jane.doe');
SELECT allowed, blocked_by FROM lp_jit_claim(:'jane', :client, 'email', 'out@agency.example', '00000000-0000-0000-0000-0000000000c1', 'hello jane');
SELECT touch_id IS NOT NULL AS touch, effect FROM (SELECT event_id AS touch_id, effect FROM lp_record_event('opened', email => 'jane.doe@acme.example',
  external_id => 'evt jane.doe@acme.example', detail => '{"to": "jane.doe@acme.example"}')) x;
SELECT effect FROM lp_record_event('delivered', :'jane', external_id => 'evt-2', detail => '{"name": "Jane"}');
SELECT lp_suppress('email', 'jane.doe@acme.example', 'asked by Jane Doe-Quill', '00000000-0000-0000-0000-00000000000b', '2026-05-01') IS NOT NULL AS noted;

-- everything of it, for the one who asks
SELECT array_agg(k ORDER BY k) AS keys FROM jsonb_object_keys(lp_subject_export(:'jane')) k;
SELECT x -> 'lead' ->> 'email' AS email, x -> 'lead' ->> 'created_at' AS created, jsonb_array_length(x -> 'identities') AS identities, jsonb_array_length(x -> 'captures') AS captures,
  x #>> '{captures,0,element}' AS element, x #>> '{assignments,0,client_id}' AS client, x #>> '{touches,0,step}' AS step, jsonb_array_length(x -> 'events') AS events, x -> 'consents' AS consents,
  x #>> '{suppressions,0,note}' AS note, (SELECT count(*) FROM jsonb_array_elements(x -> 'provenance') p WHERE p ->> 'column_name' = 'city' AND (p ->> 'shown')::boolean) AS city
FROM lp_subject_export(email => 'JANE.doe@acme.example') x;
SELECT lp_subject_export(:'jane')::text LIKE '%Agency%' AS names_clients;
SELECT lp_subject_export(email => 'nobody@acme.example');
SELECT lp_subject_export('00000000-0000-0000-0000-000000000001');
SELECT lp_subject_export();
SELECT lp_subject_export(email => 'x');

-- what is refused erases nothing
SELECT lp_forget();
SELECT lp_forget('00000000-0000-0000-0000-000000000001');
SELECT lp_forget(email => 'no address');
SELECT lp_forget(phone => 'x');
CREATE ROLE engine;
GRANT EXECUTE ON FUNCTION lp_forget TO engine;
SET ROLE engine;
SELECT lp_forget(:'jane');
RESET ROLE;
SELECT state FROM lead_pool WHERE id = :'jane';

-- the erasure
CREATE TEMP TABLE certificate AS SELECT lp_forget(:'jane') AS c;
SELECT c - 'certificate_id' - 'key_id' AS certificate, (c ->> 'certificate_id')::uuid IN (SELECT ban_id FROM lead_suppressions) AS ban, c ->> 'key_id' IN (SELECT key_id FROM lead_keys) AS key FROM certificate;
-- no table shows her (no row)
CREATE FUNCTION pg_temp.shows(pattern text) RETURNS TABLE (relation name, n bigint) LANGUAGE plpgsql AS $$
DECLARE t record;
BEGIN
    FOR t IN SELECT c.relname FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'leadpool'
             WHERE c.relkind = 'r' ORDER BY 1 LOOP
        RETURN QUERY EXECUTE format('SELECT %L::name, count(*) FROM public.%I t WHERE t::text ~* %L HAVING count(*) > 0', t.relname, t.relname, pattern);
    END LOOP;
END $$;
SELECT * FROM pg_temp.shows('jane[.]|janedq|janesville|doe-quill|5550111|555-0111|8b9c0d01|jdq77|jane-doe|sailing|\yc-77\y|hello jane|likes tea');
-- what stays of her
SELECT jsonb_strip_nulls(to_jsonb(p)) - 'id' AS row FROM lead_pool p WHERE id = :'jane';
SELECT jsonb_strip_nulls(to_jsonb(s)) - 'lead_id' AS row FROM lead_state s WHERE lead_id = :'jane';
SELECT status, ended_at IS NOT NULL AS ended, reason, end_reason, origin FROM lead_assignments;
SELECT state, step, error, address_key FROM lead_touches;
SELECT event, effect, external_id, detail, address_hash FROM lead_events ORDER BY event;
SELECT failed, facts FROM lead_decisions;
SELECT count(*) AS identities FROM lead_identities WHERE lead_id = :'jane';
SELECT count(*) FROM lead_available WHERE lead_id = :'jane';
SELECT kind, count(*), min(note) FROM lead_suppressions WHERE reason = 'erasure' AND lifted_at IS NULL GROUP BY kind ORDER BY kind;
SELECT kind, v, lp_is_suppressed(kind, v) FROM (VALUES ('email', 'jane.doe@acme.example'), ('email', 'j.a.n.edq@gmail.com'), ('email', 'jane.private@home.example'), ('phone', '303-555-0111'),
  ('phone', '+13035550111'), ('linkedin', 'linkedin.com/in/jane-doe-quill-77'), ('apollo_id', '5f1a2b3c4d5e6f7a8b9c0d01'), ('email', 'bob@acme.example'), ('email', 'carol@acme.example')) t(kind, v);
-- colleagues remain; their payloads are JSON
SELECT c.element, c.part::jsonb FROM lead_captures c WHERE lead_id = :'bob';
SELECT full_name, first_name, email, linkedin_headline, contact, company_chart_root_people_ids, company_industry FROM lead_pool WHERE id IN (:'bob', :'carol') ORDER BY email;
SELECT part::jsonb FROM lead_captures WHERE company_id IS NOT NULL;
SELECT part, cuts FROM lead_captures WHERE envelope_id IS NULL AND part LIKE '%note%';
SELECT apollo_id, facts FROM lead_companies;
SELECT count(*) AS carol FROM lead_captures WHERE lead_id = :'carol' AND part LIKE '%Jane of all trades%' AND part LIKE '%"jane", "doe"%';
SELECT count(*) AS available FROM lead_available;
-- she is unknown
SELECT lp_find_lead(email => 'jane.doe@acme.example'), lp_find_lead(apollo_id => '5f1a2b3c4d5e6f7a8b9c0d01');
\set VERBOSITY sqlstate
SELECT * FROM lp_provenance(:'jane');
SELECT lp_subject_export(:'jane');
\set VERBOSITY terse
SELECT allowed, blocked_by FROM lp_jit_check(:'jane', :client, 'email', 'out@agency.example');
SELECT lp_unsuppress((SELECT id FROM lead_suppressions WHERE reason = 'erasure' LIMIT 1), 'no');
SELECT lp_pin(:'bob', 'email', '"jane.doe@acme.example"');

-- a capture of her stores nothing, whatever key it has; a report keeps no detail
SELECT outcome, detail, lead_id FROM lp_capture_apollo('{"person": {"id": "5f1a2b3c4d5e6f7a8b9c0d01", "name": "Jane Doe-Quill", "email": "new.jane@x.example"}}');
SELECT outcome, detail FROM lp_capture('list', '[{"email": "jane.doe+list@acme.example", "full_name": "Jane Doe-Quill"}, {"phone": "+13035550111", "full_name": "Jane Doe-Quill"}]');
SELECT effect, lead_id FROM lp_record_event('unsubscribed', email => 'jane.doe@acme.example', detail => '{"who": "jane.doe@acme.example"}');
SELECT effect FROM lp_record_event('bounced', touch_id => (SELECT id FROM lead_touches), detail => '{"who": "jane.doe@acme.example"}');
SELECT state, flags, error, provider_message_id FROM lp_touch_fail((SELECT id FROM lead_touches), '550 jane.doe@acme.example');
SELECT state, flags, error, provider_message_id FROM lp_touch_confirm((SELECT id FROM lead_touches), 'to-jane.doe@acme.example');
SELECT * FROM pg_temp.shows('jane[.]|janedq|doe-quill|5550111|555-0111|8b9c0d01');
-- again, and somebody who is not known
SELECT c - 'certificate_id' - 'key_id' AS certificate, c ->> 'certificate_id' = (SELECT t.c ->> 'certificate_id' FROM certificate t) AS same FROM lp_forget(email => 'jane.doe@acme.example') c;
SELECT c ->> 'found' AS found, c ->> 'bans' AS bans FROM lp_forget(:'jane') c;
SELECT c - 'certificate_id' - 'key_id' - 'erased_at' AS certificate FROM lp_forget(email => 'stranger@nowhere.example', phone => '+44 20 7946 0018') c;
SELECT outcome, detail FROM lp_capture('list', '{"email": "stranger@nowhere.example", "full_name": "A Stranger"}');
SELECT lp_is_suppressed('phone', '+442079460018');

-- a number that two have stays with the other; merged leads are one person
SELECT outcome FROM lp_capture('list', '[{"email": "dan@x.example", "full_name": "Dan Moss", "phone": "+13035550122"}, {"email": "eve@x.example", "full_name": "Eve Fay", "phone": "+13035550122"},
  {"email": "eve@old.example", "full_name": "Eve Fay-Old"}]');
SELECT lp_find_lead(email => 'dan@x.example') AS dan, lp_find_lead(email => 'eve@x.example') AS eve, lp_find_lead(email => 'eve@old.example') AS old \gset
SELECT c - 'certificate_id' - 'key_id' - 'erased_at' AS certificate FROM lp_forget(:'dan') c;
SELECT phone, lp_is_suppressed('phone', '+13035550122') FROM lead_pool WHERE id = :'eve';
UPDATE lead_pool SET state = 'merged', merged_into = :'eve' WHERE id = :'old';
UPDATE lead_state SET state = 'merged' WHERE lead_id = :'old';
SELECT c ->> 'leads' AS leads, c ->> 'identities' AS identities FROM lp_forget(:'old') c;
SELECT state, merged_into FROM lead_pool WHERE id IN (:'eve', :'old');
SELECT * FROM pg_temp.shows('eve[@ ]|moss');
-- by number alone
SELECT outcome FROM lp_capture('list', '{"email": "fay@x.example", "full_name": "Fay Low", "phone": "+13035550133"}');
SELECT c ->> 'found' AS found, c ->> 'leads' AS leads FROM lp_forget(phone => '+1 (303) 555-0133') c;
SELECT * FROM pg_temp.shows('fay');
-- a ban that somebody else had by an address of the person goes with it, one that the number of both has stays
SET leadpool.merge_on = 'apollo_id';
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "gus", "name": "Gus Oak", "email": "gus@x.example", "email_status": "verified", "phone_numbers": [{"raw_number": "+13035550144"}]}}');
SELECT effect FROM lp_record_event('unsubscribed', email => 'gus@x.example');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "hal", "name": "Hal Elm", "email": "hal@x.example", "email_status": "verified"}}', '2026-03-04 14:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "hal", "email": "gus@x.example"}}');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "ida", "name": "Ida Yew", "email": "ida@x.example", "email_status": "verified", "phone_numbers": [{"raw_number": "+13035550144"}]}}');
CREATE TEMP VIEW marks AS SELECT p.apollo_id, p.email, s.flags & 512 <> 0 AS banned, p.unsubscribed_at, EXISTS (SELECT FROM lead_available v WHERE v.lead_id = p.id) AS available
FROM lead_pool p JOIN lead_state s ON s.lead_id = p.id WHERE p.apollo_id IN ('gus', 'hal', 'ida') ORDER BY 1;
SELECT * FROM marks;
SELECT c ->> 'leads' AS leads FROM lp_forget(lp_find_lead(apollo_id => 'gus')) c;
SELECT * FROM marks;
SELECT * FROM pg_temp.shows('gus@');
ROLLBACK;

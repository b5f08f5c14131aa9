-- Who somebody is: keys in any spelling, mailboxes, numbers, ties.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';

SELECT lead_id AS ada FROM lp_capture_apollo('{"person": {"id": "a1", "email": "Ada.Quill+work@Quillmere.example", "linkedin_url": "http://www.linkedin.com/in/Ada-Quill-77/",
    "personal_emails": ["a.da.quill+x@googlemail.com"], "phone_numbers": [{"sanitized_number": "+13035550101", "type": "mobile"}]}}') \gset

-- any spelling of a key finds the lead; the strongest known one answers
SELECT lp_find_lead(email => ' ada.quill+work@QUILLMERE.example ') = :'ada' AS by_email,
       lp_find_lead(email => 'adaquill@gmail.com') = :'ada' AS by_gmail,
       lp_find_lead(linkedin_url => 'https://nl.linkedin.com/in/ada-quill-77?trk=x') = :'ada' AS by_profile,
       lp_find_lead(phone => '+1 (303) 555-0101') = :'ada' AS by_phone,
       lp_find_lead(apollo_id => 'a1') = :'ada' AS by_id,
       lp_find_lead(apollo_id => 'unknown', phone => '+13035550101') = :'ada' AS by_what_is_known;
-- elsewhere dots and tags count; nonsense finds nobody
SELECT lp_find_lead(email => 'ada.quill@quillmere.example') AS other_tag, lp_find_lead(email => 'no address') AS nonsense,
       lp_find_lead(phone => '12') AS short, lp_find_lead(apollo_id => '') AS empty, lp_find_lead(email => 'email_not_unlocked@domain.com') AS locked;
\set VERBOSITY sqlstate
SELECT lp_find_lead();
\set VERBOSITY terse

-- the same address with a new Apollo id is the same person, under both ids
SELECT outcome, lead_id = :'ada' AS same FROM lp_capture_apollo('{"person": {"id": "a2", "email": "ada.quill+work@quillmere.example"}}');
SELECT lp_find_lead(apollo_id => 'a1') = lp_find_lead(apollo_id => 'a2') AS aliases;
SELECT apollo_id FROM lead_pool WHERE id = :'ada';
-- an address left behind still finds her
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "a2", "email": "ada@next-job.example"}}');
SELECT lp_find_lead(email => 'ada.quill+work@quillmere.example') = :'ada' AS past, lp_find_lead(email => 'ada@next-job.example') = :'ada' AS present;

-- a mailbox of a function names nobody, two people may have it
SELECT lead_id AS r1 FROM lp_capture_apollo('{"person": {"id": "r1", "email": "info@roles.example"}}') \gset
SELECT lead_id AS r2 FROM lp_capture_apollo('{"person": {"id": "r2", "email": "info@roles.example"}}') \gset
SELECT :'r1' <> :'r2' AS two_people, lp_find_lead(email => 'info@roles.example') AS nobody;
SELECT email_role, email_match FROM lead_pool WHERE id = :'r1';
SELECT count(*), bool_or(identifies) FROM lead_identities WHERE value = 'info@roles.example';

-- nor does an invented address
SELECT lead_id AS t1 FROM lp_capture_apollo('{"person": {"id": "t1", "email": "test@test.com"}}') \gset
SELECT lead_id AS t2 FROM lp_capture_apollo('{"person": {"id": "t2", "email": "test@test.com"}}') \gset
SELECT :'t1' <> :'t2' AS two_people, lp_find_lead(email => 'test@test.com') AS nobody, count(*) AS identities FROM lead_identities WHERE value = 'test@test.com';

-- a phone merges nobody; it finds somebody while it is one person's
SELECT lead_id AS f1 FROM lp_capture_apollo('{"person": {"id": "f1", "mobile_phone": "+13035550199"}}') \gset
SELECT lp_find_lead(phone => '+13035550199') = :'f1' AS one;
SELECT lead_id = :'f1' AS matched FROM lp_capture('list', '{"phone": "+1 303 555 0199"}');
SELECT lead_id = :'f1' AS merged FROM lp_capture('list', '{"phone": "+1 303 555 0199", "email": "f2@phones.example"}');
SELECT lp_find_lead(phone => '+13035550199') IS NULL AS ambiguous;

-- two known people tied by one payload are one (sql/merge_capture.sql)
SELECT lead_id AS c1 FROM lp_capture_apollo('{"person": {"id": "c1", "email": "c1@ties.example"}}') \gset
SELECT lead_id AS c2 FROM lp_capture_apollo('{"person": {"id": "c2", "email": "c2@ties.example", "linkedin_url": "https://linkedin.com/in/c-two"}}') \gset
SELECT outcome, detail, lead_id = :'c1' AS older FROM lp_capture_apollo('{"person": {"id": "c1", "email": "c2@ties.example", "linkedin_url": "https://linkedin.com/in/c-two"}}');
SELECT outcome, detail, lead_id = :'c1' AS older FROM lp_capture_apollo('{"person": {"id": "c1", "email": "c2@ties.example", "title": "again"}}');
SELECT lp_find_lead(email => 'c2@ties.example') = :'c1' AS key_moved, lp_find_lead(email => 'c1@ties.example') = :'c1' AS kept;
SELECT value, identifies FROM lead_identities WHERE lead_id = :'c1' ORDER BY kind, value;
-- within one body likewise: a new person's address on a known one
SELECT ordinal, outcome, detail FROM lp_capture_apollo('{"people": [{"id": "d1", "email": "d@ties.example"}, {"id": "d2", "email": "d@ties.example"}, {"id": "c1", "email": "d@ties.example"}]}');

-- a key over 320 bytes is kept in the payload and identifies nobody
SELECT outcome FROM lp_capture_apollo(jsonb_build_object('person', jsonb_build_object('id', 'l1', 'email', repeat('x', 320) || '@long.example', 'linkedin_url', 'https://www.linkedin.com/in/' || repeat('y', 400))));
SELECT kind FROM lead_identities i JOIN lead_pool p ON p.id = i.lead_id WHERE p.apollo_id = 'l1';
-- which ties merge is a setting; a key left out still says who somebody is
SET leadpool.merge_on = 'apollo_id';
SELECT lead_id AS m1 FROM lp_capture_apollo('{"person": {"id": "m1", "email": "m@merge.example"}}') \gset
SELECT lead_id = :'m1' AS known FROM lp_capture_apollo('{"person": {"id": "m2", "email": "m@merge.example"}}');
SELECT lead_id = :'m1' AS known, outcome FROM lp_capture('list', '{"email": "m@merge.example", "city": "Oslo"}');
SELECT lp_find_lead(email => 'm@merge.example') = :'m1' AS found;
-- two known leads stay two: the strongest key decides, an operator is told once
SELECT lead_id AS m3 FROM lp_capture_apollo('{"person": {"id": "m3", "email": "m3@merge.example", "linkedin_url": "https://linkedin.com/in/m-three"}}') \gset
SELECT lead_id = :'m1' AS strongest, outcome, detail FROM lp_capture_apollo('{"person": {"id": "m1", "email": "m3@merge.example"}}');
SELECT lead_id = :'m3' AS strongest, outcome, detail FROM lp_capture_apollo('{"person": {"id": "m3", "email": "m@merge.example"}}');
SELECT lead_id = :'m1' AS strongest, outcome, detail FROM lp_capture('list', '{"email": "m@merge.example", "linkedin_url": "https://linkedin.com/in/m-three"}');
SELECT kind, lead_id = :'m1' AS lead, other_lead_id = :'m3' AS other, client_lost, replacement_owed, status, detail FROM lead_conflicts;
SELECT lp_find_lead(email => 'm@merge.example') = :'m1' AS first, lp_find_lead(email => 'm3@merge.example') = :'m3' AS second, count(*) AS merges FROM lead_merges WHERE survivor IN (:'m1', :'m3');
-- two who are new in one body likewise; one that may merge settles it
SELECT ordinal, outcome, detail FROM lp_capture_apollo('{"people": [{"id": "m5"}, {"id": "m6", "email": "m6@merge.example"}, {"id": "m5", "email": "m6@merge.example"}]}');
SET leadpool.merge_on = ' linkedin , apollo_id ';
SELECT lead_id = :'m1' AS survivor, outcome, detail FROM lp_capture_apollo('{"person": {"id": "m1", "email": "m3@merge.example", "linkedin_url": "https://linkedin.com/in/m-three"}}');
SELECT status FROM lead_conflicts WHERE :'m1' IN (lead_id, other_lead_id);
SET leadpool.merge_on = '';
SELECT lead_id AS m7 FROM lp_capture('list', '{"email": "m7@merge.example"}') \gset
SELECT lead_id = :'m1' AS strongest, outcome, detail FROM lp_capture_apollo('{"person": {"id": "m1", "email": "m7@merge.example"}}');
-- words that are none
\set VERBOSITY default
SET leadpool.merge_on = 'apollo_id,phone';
SET leadpool.merge_on = 'email,,linkedin';
\set VERBOSITY sqlstate
SET leadpool.merge_on = 'emails';
SET leadpool.merge_on = 'EMAIL';
ROLLBACK;

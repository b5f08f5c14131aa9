-- The proof views: empty, and with one violation each exactly that row.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
CREATE FUNCTION who(client uuid) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT right(client::text, 4)::int$$;
SELECT who((lp_client_set(client(i), 'Client')).id) FROM generate_series(1, 3) i;
SELECT FROM lp_sender_set(client(1), 'email', 'ann@agency.example', '{"warmup_ready": true}');
SELECT count(*) FROM (SELECT add_lead(i) FROM generate_series(1, 6) i) t;
CREATE VIEW proofs AS SELECT (SELECT count(*) FROM lead_proof_collisions) AS collisions, (SELECT count(*) FROM lead_proof_unclaimed_sends) AS unclaimed,
    (SELECT count(*) FROM lead_proof_banned_contacts) AS banned, (SELECT count(*) FROM lead_proof_double_spend) AS double_spend,
    (SELECT count(*) FROM lead_proof_uncaptured_fields) AS uncaptured;
-- an ordinary life: nothing to see
SELECT n(lead_id) FROM lp_assign(lead(1), client(1));
SELECT touch_id AS touch FROM lp_jit_claim(lead(1), client(1), 'email', 'ann@agency.example') \gset
SELECT lp_touch_dispatch(:'touch');
SELECT state FROM lp_touch_confirm(:'touch');
SELECT n(lead_id) FROM lp_assign(lead(2), client(1));
SELECT n(lead_id) FROM lp_release(lead(2), client(1), 'x');
SELECT n(lead_id) FROM lp_assign(lead(2), client(2));
TABLE proofs;
SAVEPOINT s;

-- two owners at once
INSERT INTO lead_assignments (id, lead_id, client_id, status, origin, assigned_at, ended_at) VALUES
    (lead(801), lead(3), client(1), 'released', 'assign', '2026-01-01', '2026-01-10'),
    (lead(802), lead(3), client(2), 'released', 'assign', '2026-01-09', '2026-01-12'),
    (lead(803), lead(3), client(3), 'released', 'assign', '2026-01-12', '2026-01-20');
SELECT n(lead_id) AS lead, n(assignment_id) AS one, n(other_assignment_id) AS other, clients = ARRAY[client(1), client(2)] AS clients, lower(overlap) AT TIME ZONE 'UTC' AS from, upper(overlap) AT TIME ZONE 'UTC' AS to
FROM lead_proof_collisions;
TABLE proofs;
ROLLBACK TO s;

-- contacted by two; not if release_contacted had freed it in between
INSERT INTO lead_assignments (id, lead_id, client_id, status, origin, assigned_at, ended_at, kept_until) VALUES
    (lead(801), lead(3), client(1), 'released', 'assign', '2026-01-01', '2026-01-10', '2026-02-01'),
    (lead(802), lead(3), client(2), 'released', 'assign', '2026-01-10', '2026-03-01', NULL);
INSERT INTO lead_touches (lead_id, client_id, channel, state, claimed_at, dispatched_at, sent_at, counted_at) VALUES
    (lead(3), client(1), 'email', 'sent', '2026-01-02', '2026-01-02', '2026-01-02', '2026-01-02'),
    (lead(3), client(2), 'email', 'dispatched', '2026-02-01', '2026-02-01', NULL, '2026-02-01');
TABLE proofs;
UPDATE lead_touches SET counted_at = '2026-01-31 23:59+00' WHERE lead_id = lead(3) AND state = 'dispatched';
SELECT n(lead_id) AS lead, n(assignment_id) AS one, n(other_assignment_id) AS other, clients = ARRAY[client(1), client(2)] AS clients, overlap FROM lead_proof_collisions;
TABLE proofs;
ROLLBACK TO s;

-- a send without a claim
SELECT n(lead_id), state FROM lp_touch_record(lead(2), client(2), 'email');
SELECT n(lead_id) AS lead, who(client_id) AS client, channel, sent_at AT TIME ZONE 'UTC' AS sent_at FROM lead_proof_unclaimed_sends;
TABLE proofs;
ROLLBACK TO s;

-- a contact after a ban; not one before it, nor one that the ban does not mean
SET leadpool.now = '2026-03-04 16:00+00';
SELECT lp_suppress('email', 'p1@co1.example', 'unsubscribed') IS NOT NULL;
SELECT lp_suppress('email', 'p2@co2.example', 'bounced') IS NOT NULL;
INSERT INTO lead_identities (lead_id, kind, value, identifies, key_hash, source, first_seen_at)
SELECT lead(i), 'email', format('p%s@co%s.example', i, i), true, s.value_hash, 'list', '2026-01-01'
FROM lead_suppressions s, LATERAL (SELECT CASE s.reason WHEN 'unsubscribed' THEN 1 ELSE 2 END AS i) t;
TABLE proofs;
INSERT INTO lead_touches (id, lead_id, client_id, channel, state, claimed_at, dispatched_at, counted_at) VALUES
    (lead(701), lead(1), client(1), 'linkedin', 'dispatched', '2026-03-04 15:59+00', '2026-03-04 16:00+00', '2026-03-04 16:00+00'),
    (lead(702), lead(1), client(1), 'linkedin', 'dispatched', '2026-03-04 16:01+00', '2026-03-04 16:01+00', '2026-03-04 16:01+00'),
    (lead(703), lead(2), client(2), 'linkedin', 'dispatched', '2026-03-04 16:01+00', '2026-03-04 16:01+00', '2026-03-04 16:01+00');
SELECT n(touch_id) AS touch, n(lead_id) AS lead, reason, banned_at AT TIME ZONE 'UTC' AS banned, sent_at AT TIME ZONE 'UTC' AS sent
FROM lead_proof_banned_contacts JOIN lead_suppressions s ON s.id = suppression_id;
TABLE proofs;
ROLLBACK TO s;

-- paid twice within the time to live; a free call, another endpoint or a later one is fine
INSERT INTO lead_provider_calls (provider, endpoint, subjects, outcome, credits, started_at) VALUES
    ('apollo', 'people/match', ARRAY['a', 'b'], 'ok', 2, '2026-01-01'),
    ('apollo', 'people/match', ARRAY['b'], 'limited', 0, '2026-01-02'),
    ('apollo', 'people/bulk', ARRAY['b'], 'ok', 1, '2026-01-03'),
    ('apollo', 'people/match', ARRAY['a'], 'ok', 1, '2026-05-01'),
    ('lookup', 'v2', ARRAY['a'], 'ok', 1, '2026-01-03');
TABLE proofs;
INSERT INTO lead_provider_calls (provider, endpoint, subjects, outcome, cost, started_at) VALUES ('apollo', 'people/match', ARRAY['b', 'c'], 'unknown', 1, '2026-01-31');
SELECT provider, subject, second_call_id > first_call_id AS later, apart FROM lead_proof_double_spend;
TABLE proofs;
ROLLBACK TO s;

-- a field that was paid for and is not in its column
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "5f0000000000000000000001", "first_name": "Ann", "last_name": "Lee", "title": "CEO", "email": "email_not_unlocked@domain.com", "organization": {"id": "5e0000000000000000000001", "name": "Acme"}}}');
TABLE proofs;
UPDATE lead_pool SET title = NULL WHERE apollo_id = '5f0000000000000000000001';
SELECT json_path, column_name, lead_id = (SELECT id FROM lead_pool WHERE apollo_id = '5f0000000000000000000001') AS lead,
       capture_id IN (SELECT id FROM lead_captures WHERE lead_id IS NOT NULL) AS capture FROM lead_proof_uncaptured_fields;
TABLE proofs;
ROLLBACK TO s;

-- two people turn out to be one: what each was sent before is judged by what was known of that one
SELECT FROM lp_capture('list', '[{"email": "ann@nine.example", "email_status": "verified", "linkedin_url": "https://www.linkedin.com/in/ann9"},
    {"email": "bea@nine.example", "email_status": "verified", "linkedin_url": "https://www.linkedin.com/in/bea9"}]');
SELECT lp_find_lead(email => 'ann@nine.example') AS ann, lp_find_lead(email => 'bea@nine.example') AS bea \gset
SELECT FROM lp_touch_record(:'ann', client(1), 'linkedin', sent_at => '2026-03-04 14:00+00');
SET leadpool.now = '2026-03-04 15:10+00';
SELECT FROM lp_record_event('unsubscribed', lead_id => :'ann');
SET leadpool.now = '2026-03-04 15:20+00';
SELECT state AS of_bea FROM lp_touch_record(:'bea', client(1), 'linkedin');
SELECT count(*) FROM lead_proof_banned_contacts;
SET leadpool.now = '2026-03-04 15:30+00';
SELECT lp_merge(:'bea', :'ann', 'one person') IS NOT NULL AS merged;
SELECT count(*) FROM lead_proof_banned_contacts;
SAVEPOINT merged;
-- the one who had opted out was contacted: before and after the merge
INSERT INTO lead_touches (id, lead_id, client_id, channel, state, sent_at, counted_at)
    VALUES (lead(704), :'bea', client(1), 'linkedin', 'sent', '2026-03-04 15:40+00', '2026-03-04 15:40+00');
SELECT n(touch_id) FROM lead_proof_banned_contacts;
ROLLBACK TO merged;
SELECT lp_unmerge(id) = :'ann' AS parted FROM lead_merges;
SET leadpool.now = '2026-03-04 15:40+00';
INSERT INTO lead_touches (id, lead_id, client_id, channel, state, sent_at, counted_at)
    VALUES (lead(705), :'ann', client(1), 'linkedin', 'sent', '2026-03-04 15:25+00', '2026-03-04 15:25+00');
SELECT n(touch_id) FROM lead_proof_banned_contacts;
SELECT lp_merge(:'bea', :'ann', 'again') IS NOT NULL AS merged;
SELECT n(touch_id), lead_id = :'bea' AS survivor FROM lead_proof_banned_contacts;
-- an address of somebody who opted out that is learned after the contact
SELECT lp_suppress('email', 'cid@later.example', 'unsubscribed') IS NOT NULL AS banned;
SET leadpool.now = '2026-03-04 15:50+00';
SELECT FROM lp_capture('list', '{"email": "cid@nine.example", "linkedin_url": "https://www.linkedin.com/in/cid9"}');
SELECT state FROM lp_touch_record(lp_find_lead(email => 'cid@nine.example'), client(1), 'linkedin');
SET leadpool.now = '2026-03-04 16:00+00';
SELECT outcome, detail FROM lp_capture('list', '{"email": "cid@later.example", "linkedin_url": "https://www.linkedin.com/in/cid9"}');
SELECT n(touch_id) FROM lead_proof_banned_contacts;
ROLLBACK;

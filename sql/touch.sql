-- Claims and what becomes of them: every move, every contradiction.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
\pset null '-'
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SET TIME ZONE 'UTC';
\set a '''00000000-0000-7000-8000-00000000000a'''
\set b '''00000000-0000-7000-8000-00000000000b'''
\set c '''00000000-0000-7000-8000-00000000c001'''
\set out '''out@agency.example'''
SELECT (lp_client_set(:a, 'Agency A')).status AS a, (lp_client_set(:b, 'Agency B')).status AS b;
SELECT (lp_sender_set(:a, 'email', :out, '{"warmup_ready": true}')).sender;
CREATE FUNCTION pg_temp.id(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid$$;
CREATE FUNCTION pg_temp.lead(n integer, client uuid DEFAULT '00000000-0000-7000-8000-00000000000a') RETURNS void LANGUAGE sql AS $$
    INSERT INTO lead_pool (id, created_at, updated_at) VALUES (pg_temp.id(n), '2026-01-01', '2026-01-01');
    INSERT INTO lead_state (lead_id, flags, email_key, phone_key, linkedin_key, country_code, zone)
    VALUES (pg_temp.id(n), 211, n * 10 + 1, n * 10 + 2, n * 10 + 3, 'NL', 'Europe/Amsterdam');
    INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at)
    SELECT pg_temp.id(n), client, 'assign', '2026-01-02' WHERE client IS NOT NULL$$;
CREATE FUNCTION pg_temp.touch(n integer) RETURNS uuid LANGUAGE sql AS
$$SELECT id FROM lead_touches WHERE lead_id = pg_temp.id(n) ORDER BY id LIMIT 1$$;
CREATE FUNCTION pg_temp.ban(n integer, reason text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made uuid := lp_suppress('linkedin', 'person-' || n, reason);
BEGIN
    INSERT INTO lead_identities (kind, value, lead_id, identifies, key_hash, source, first_seen_at)
    SELECT 'linkedin', 'person-' || n, pg_temp.id(n), true, b.value_hash, 'operator', '2026-01-01'
    FROM lead_suppressions b WHERE b.id = made;
END$$;

-- a claim reserves at once; the row says what for
SELECT pg_temp.lead(1);
SELECT touch_id = pg_temp.touch(1) AS touch, allowed, blocked_by, failed, retry_at
FROM lp_jit_claim(pg_temp.id(1), :a, 'email', :out, :c, 'step 1', '20 minutes');
SELECT lead_id = pg_temp.id(1) AS lead, client_id = :a AS client, t.assignment_id = a.id AS assignment, t.campaign_id = :c AS campaign, step,
       channel, sender, state, claimed_at, expires_at, dispatched_at, sent_at, t.ended_at, flags, counted_at, address_key, sender_match
FROM lead_touches t JOIN lead_assignments a USING (lead_id, client_id);
SELECT * FROM lp_jit_check(pg_temp.id(1), :a, 'voice');
-- every answer is kept, with what it rested on and no personal data
SELECT allowed, touch_id IS NOT NULL AS touch FROM lp_jit_claim(pg_temp.id(1), :a, 'voice');
SELECT touch_id = pg_temp.touch(1) AS touch, channel, allowed, failed, decided_at, jsonb_pretty(facts #- '{checks,quiet_hours}') AS facts FROM lead_decisions ORDER BY id;

-- the step is claimed once: a retry gets the first claim back while it is open
SELECT touch_id = pg_temp.touch(1) AS same, allowed, blocked_by, failed, retry_at
FROM lp_jit_claim(pg_temp.id(1), :a, 'email', :out, :c, 'step 1');
SELECT lp_touch_dispatch(pg_temp.touch(1));
SELECT touch_id = pg_temp.touch(1) AS same, allowed, blocked_by, failed, retry_at
FROM lp_jit_claim(pg_temp.id(1), :a, 'email', :out, :c, 'step 1');
-- after checks 1 to 6
SAVEPOINT s;
UPDATE lead_state SET flags = 209 WHERE lead_id = pg_temp.id(1);
SELECT touch_id, allowed, blocked_by FROM lp_jit_claim(pg_temp.id(1), :a, 'email', :out, :c, 'step 1');
ROLLBACK TO s;
-- another step is another claim
SELECT touch_id, allowed, blocked_by FROM lp_jit_claim(pg_temp.id(1), :a, 'email', :out, :c, 'step 2');
-- another client learns nothing of it
SELECT touch_id, allowed, blocked_by, failed FROM lp_jit_claim(pg_temp.id(1), :b, 'email', :out, :c, 'step 1');
-- after a failure the step may be claimed anew
SELECT state, error, ended_at, counted_at FROM lp_touch_fail(pg_temp.touch(1), 'mailbox full');
SELECT touch_id <> pg_temp.touch(1) AS new, allowed FROM lp_jit_claim(pg_temp.id(1), :a, 'email', :out, :c, 'step 1');

-- a claim that lapses frees by itself and is written down at the next claim
SELECT pg_temp.lead(2);
SELECT allowed FROM lp_jit_claim(pg_temp.id(2), :a, 'email', :out, :c, 'step 1');
SET leadpool.now = '2026-03-04 15:14:59.999999+00';
SELECT allowed FROM lp_jit_check(pg_temp.id(2), :a, 'email', :out);
SET leadpool.now = '2026-03-04 15:15+00';
SELECT allowed FROM lp_jit_check(pg_temp.id(2), :a, 'email', :out);
SELECT state FROM lead_touches WHERE id = pg_temp.touch(2);
SELECT lp_touch_dispatch(pg_temp.touch(2));
SELECT state, ended_at, counted_at FROM lead_touches WHERE id = pg_temp.touch(2);
SELECT touch_id <> pg_temp.touch(2) AS new, allowed FROM lp_jit_claim(pg_temp.id(2), :a, 'email', :out, :c, 'step 1');
-- ... sent all the same: a fact, and the newer claim of the step must not go out
SELECT state, flags, sent_at, counted_at FROM lp_touch_confirm(pg_temp.touch(2), 'm2');
SELECT state, flags FROM lead_touches WHERE lead_id = pg_temp.id(2) ORDER BY id;
SET leadpool.now = '2026-03-04 15:00+00';
-- ... also when the newer one is on its way already: both are facts
SELECT pg_temp.lead(3);
SELECT allowed FROM lp_jit_claim(pg_temp.id(3), :a, 'email', :out, :c, 'step 1');
SELECT state FROM lp_touch_fail(pg_temp.touch(3), 'connection lost');
SELECT allowed, lp_touch_dispatch(touch_id) FROM lp_jit_claim(pg_temp.id(3), :a, 'email', :out, :c, 'step 1');
SELECT state, flags FROM lp_touch_confirm(pg_temp.touch(3), 'm3');
SELECT state, flags FROM lead_touches WHERE lead_id = pg_temp.id(3) ORDER BY id;
SELECT touch_id = pg_temp.touch(3) AS first, blocked_by FROM lp_jit_claim(pg_temp.id(3), :a, 'email', :out, :c, 'step 1');

-- every state, every report: what it becomes
CREATE TEMP TABLE made (n integer, state text);
INSERT INTO made SELECT 10 + 10 * i + j, s
FROM unnest(ARRAY['claimed', 'dispatched', 'sent', 'failed', 'unknown', 'expired', 'fenced']) WITH ORDINALITY u(s, i), generate_series(1, 4) j;
SELECT count(pg_temp.lead(n)) FROM made;
INSERT INTO lead_touches (lead_id, client_id, assignment_id, channel, state, claimed_at, expires_at, dispatched_at, sent_at, counted_at, provider_message_id)
SELECT pg_temp.id(n), :a, a.id, 'email', m.state, '2026-03-04 14:00+00', '2026-03-04 16:00+00',
       CASE WHEN m.state IN ('dispatched', 'sent', 'unknown', 'failed') THEN timestamptz '2026-03-04 14:01+00' END,
       CASE WHEN m.state = 'sent' THEN timestamptz '2026-03-04 14:02+00' END,
       CASE WHEN m.state IN ('claimed', 'dispatched', 'sent', 'unknown') THEN timestamptz '2026-03-04 14:00+00' END,
       CASE WHEN m.state = 'sent' THEN 'first' END
FROM made m JOIN lead_assignments a ON a.lead_id = pg_temp.id(n);
CREATE FUNCTION pg_temp.report(n integer, what text) RETURNS TABLE (answer boolean, state text, flags text[], sent_at timestamptz,
    counted boolean, ended boolean, error text, message_id text) LANGUAGE plpgsql AS $$
DECLARE
    row lead_touches;
BEGIN
    CASE what
        WHEN 'dispatch' THEN answer := lp_touch_dispatch(pg_temp.touch(n));
        WHEN 'confirm' THEN PERFORM lp_touch_confirm(pg_temp.touch(n), 'second', '2026-03-04 14:30+00');
        WHEN 'fail' THEN PERFORM lp_touch_fail(pg_temp.touch(n), 'refused');
    END CASE;
    SELECT * INTO row FROM lead_touches WHERE id = pg_temp.touch(n);
    RETURN QUERY SELECT answer, row.state, row.flags, row.sent_at, row.counted_at IS NOT NULL, row.ended_at IS NOT NULL, row.error,
        row.provider_message_id;
END$$;
SELECT m.state AS was, what, r.* FROM made m, (VALUES (1, 'dispatch'), (2, 'confirm'), (3, 'fail')) w(j, what),
    LATERAL pg_temp.report(m.n, what) r WHERE m.n % 10 = j ORDER BY m.n;
-- ... and said twice
SELECT m.state AS was, what, r.* FROM made m, (VALUES (1, 'dispatch'), (2, 'confirm'), (3, 'fail')) w(j, what),
    LATERAL pg_temp.report(m.n, what) r WHERE m.n % 10 = j ORDER BY m.n;
-- a confirmation tells ownership, once a lead was really contacted
SELECT m.state AS was, m.n % 10 AS j, s.contacted_by = :a AS contacted, s.contacted_at, a.first_contacted_at
FROM made m JOIN lead_state s ON s.lead_id = pg_temp.id(m.n) JOIN lead_assignments a ON a.lead_id = s.lead_id
WHERE s.contacted_by IS NOT NULL ORDER BY m.n;

-- a dispatch that nobody confirms is unknown after confirm_timeout, and counts as sent
SELECT pg_temp.lead(201);
SELECT allowed FROM lp_jit_claim(pg_temp.id(201), :a, 'email', :out);
SELECT lp_touch_dispatch(pg_temp.touch(201));
SET leadpool.now = '2026-03-05 15:00+00';
SELECT failed FROM lp_jit_claim(pg_temp.id(201), :a, 'email', :out);
SELECT state, counted_at, ended_at FROM lead_touches WHERE id = pg_temp.touch(201);
SELECT state, flags, sent_at, counted_at FROM lp_touch_confirm(pg_temp.touch(201), 'm201', '2026-03-04 15:01+00');
SET leadpool.now = '2026-03-04 15:00+00';

-- times told: ahead of the clock is now, a past one counts from then
SELECT pg_temp.lead(202), pg_temp.lead(203);
SELECT allowed FROM lp_jit_claim(pg_temp.id(202), :a, 'email', :out);
SELECT sent_at, counted_at, ended_at FROM lp_touch_confirm(pg_temp.touch(202), sent_at => '2027-01-01');
SELECT sent_at, counted_at FROM lp_touch_record(pg_temp.id(203), :a, 'email', sent_at => '2026-03-01 12:00+00');
SELECT sent_at FROM lp_touch_record(pg_temp.id(203), :a, 'email', sent_at => 'infinity');

-- dispatch reads again: a ban, a reply, a refusal, another owner, a paused client
SELECT pg_temp.lead(n) FROM generate_series(211, 218) n;
SELECT count(touch_id) AS claims FROM generate_series(211, 218) n, lp_jit_claim(pg_temp.id(n), :a, 'email', :out);
SELECT pg_temp.ban(211, 'unsubscribed');
UPDATE lead_state SET replied_at = '2026-03-04 15:00+00' WHERE lead_id = pg_temp.id(212);
UPDATE lead_state SET not_interested_at = '2026-03-04 15:00+00' WHERE lead_id = pg_temp.id(213);
UPDATE lead_assignments SET status = 'released', ended_at = '2026-03-04 15:00+00' WHERE lead_id IN (pg_temp.id(214), pg_temp.id(215), pg_temp.id(216));
INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at)
VALUES (pg_temp.id(215), :b, 'assign', '2026-03-04 15:00+00'), (pg_temp.id(216), :a, 'assign', '2026-03-04 15:00+00');
SELECT n, lp_touch_dispatch(pg_temp.touch(n)), pg_temp.touch(n) IS NOT NULL AS known FROM generate_series(211, 217) n;
SELECT n, state, flags, ended_at FROM generate_series(211, 217) n, lead_touches WHERE id = pg_temp.touch(n);
SAVEPOINT s;
SELECT (lp_client_set(:a, settings => '{"status": "paused"}')).status;
SELECT lp_touch_dispatch(pg_temp.touch(218));
ROLLBACK TO s;
SELECT lp_touch_dispatch(pg_temp.touch(218)) AS first, lp_touch_dispatch(pg_temp.touch(218)) AS second;
SELECT lp_touch_dispatch(pg_temp.id(999)) AS unknown;

-- in flight: a ban after the dispatch is no violation
SELECT pg_temp.ban(218, 'complained');
SELECT state, flags FROM lp_touch_confirm(pg_temp.touch(218), 'm218');
SELECT state, flags FROM lp_touch_confirm(pg_temp.touch(211), 'm211');

-- a ban voids open claims in the same transaction, over the channels that it stops
SELECT pg_temp.lead(219);
SELECT pg_temp.ban(219, 'operator');
SELECT lp_unsuppress(b.id, 'by mistake') FROM lead_suppressions b JOIN lead_identities i ON i.key_hash = b.value_hash WHERE i.lead_id = pg_temp.id(219);
SELECT allowed FROM lp_jit_claim(pg_temp.id(219), :a, 'email', :out);
SELECT lp_suppress('linkedin', 'person-219', 'operator') IS NOT NULL AS banned;
SELECT state, counted_at, ended_at FROM lead_touches WHERE id = pg_temp.touch(219);

-- a message id that comes with the repeat is kept, another one is noted
SELECT provider_message_id, flags FROM lp_touch_confirm(pg_temp.touch(202), 'late id');
SELECT provider_message_id, flags FROM lp_touch_confirm(pg_temp.touch(202), 'other id');
SELECT flags FROM lp_touch_fail(pg_temp.touch(202), NULL);

-- a send that nobody claimed: kept, counted, also for a lead that is not the client's
SELECT pg_temp.lead(220), pg_temp.lead(221, :b), pg_temp.lead(222);
SELECT lead_id = pg_temp.id(220) AS lead, assignment_id IS NOT NULL AS assigned, campaign_id = :c AS campaign, step, channel, sender, sender_match,
       state, claimed_at, sent_at, ended_at, provider_message_id, flags, counted_at, address_key
FROM lp_touch_record(pg_temp.id(220), :a, 'email', 'Out@Agency.example', :c, 'step 9', 'm220', '2026-03-04 14:00+00');
SELECT failed FROM lp_jit_check(pg_temp.id(220), :a, 'email', :out);
SELECT state, assignment_id, claimed_at FROM lp_touch_record(pg_temp.id(221), :a, 'mail');
SELECT (lp_sender_set(:a, 'email', 'one@agency.example', '{"warmup_ready": true, "daily_limit": 1}')).daily_limit;
SELECT state FROM lp_touch_record(pg_temp.id(220), :a, 'email', 'one@agency.example');
SELECT failed FROM lp_jit_check(pg_temp.id(222), :a, 'email', 'one@agency.example');
-- a recorded send does not use up the step
SELECT pg_temp.lead(223);
SELECT state FROM lp_touch_record(pg_temp.id(223), :a, 'email', NULL, :c, 'step 1', sent_at => '2026-01-03');
SELECT allowed FROM lp_jit_claim(pg_temp.id(223), :a, 'email', :out, :c, 'step 1');

-- when a sender was last used: by a dispatch, a confirmation, a send that nobody claimed; an older fact changes nothing
SELECT (lp_sender_set(:a, 'email', 'used@agency.example', '{"warmup_ready": true}')).last_used_at;
SAVEPOINT used;
SELECT pg_temp.lead(901), pg_temp.lead(902);
SET leadpool.now = '2026-03-20 10:00+00';
SELECT allowed FROM lp_jit_claim(pg_temp.id(901), :a, 'email', ' Used@agency.example');
SELECT last_used_at FROM lead_senders WHERE sender = 'used@agency.example';
SET leadpool.now = '2026-03-20 10:05+00';
SELECT lp_touch_dispatch(pg_temp.touch(901));
SELECT last_used_at FROM lead_senders WHERE sender = 'used@agency.example';
SELECT (lp_touch_confirm(pg_temp.touch(901), 'm', '2026-03-20 10:04+00')).state;
SELECT last_used_at FROM lead_senders WHERE sender = 'used@agency.example';
SET leadpool.now = '2026-03-20 10:06+00';
SELECT (lp_touch_record(pg_temp.id(902), :a, 'email', 'used@agency.example')).state;
SELECT last_used_at FROM lead_senders WHERE sender = 'used@agency.example';
SET leadpool.now = '2026-03-04 15:00+00';
ROLLBACK TO used;
-- limits hold inside one transaction, and in a batch
SELECT pg_temp.lead(n) FROM generate_series(231, 236) n;
SELECT (lp_sender_set(:a, 'linkedin', 'ann', '{"daily_limit": 2}')).daily_limit;
SELECT n, lead_id = pg_temp.id(n) AS lead, allowed, blocked_by, touch_id = pg_temp.touch(n) AS touch, retry_at
FROM ROWS FROM (generate_series(231, 234), lp_jit_claim_batch(:a, 'linkedin', ARRAY(SELECT pg_temp.id(n) FROM generate_series(231, 234) n), 'ann'))
     c(n, lead_id, touch_id, allowed, blocked_by, failed, retry_at);
UPDATE lead_state SET email_key = 2351 WHERE lead_id = pg_temp.id(236);
SELECT allowed, blocked_by FROM lp_jit_claim_batch(:a, 'email', ARRAY[pg_temp.id(235), pg_temp.id(236)], :out);
SELECT count(*) FROM lp_jit_claim_batch(:a, 'email', ARRAY[]::uuid[], :out);

-- wrong arguments
\set VERBOSITY sqlstate
SELECT lp_jit_claim(pg_temp.id(1), :a, 'email', :out, ttl => NULL);
SELECT lp_jit_claim(pg_temp.id(1), :a, 'email', :out, ttl => '0');
SELECT lp_jit_claim(pg_temp.id(1), :a, 'email', :out, ttl => '-1 minute');
SELECT lp_jit_claim(pg_temp.id(1), :a, 'email', :out, ttl => '24 hours 1 microsecond');
SELECT lp_jit_claim(pg_temp.id(1), :a, 'email', :out, ttl => '178000000 years');
SELECT lp_jit_claim(NULL, :a, 'email');
SELECT lp_jit_claim(pg_temp.id(1), NULL, 'email');
SELECT lp_jit_claim(pg_temp.id(1), :a, NULL);
SELECT lp_jit_claim(pg_temp.id(1), :a, 'email', step => repeat('x', 321));
SELECT lp_touch_dispatch(NULL);
SELECT lp_touch_confirm(NULL);
SELECT lp_touch_confirm(pg_temp.id(999));
SELECT lp_touch_fail(pg_temp.id(999), 'x');
SELECT lp_touch_record(pg_temp.id(999), :a, 'email');
SELECT lp_touch_record(pg_temp.id(1), pg_temp.id(999), 'email');
SELECT lp_touch_record(pg_temp.id(1), :a, 'email', repeat('x', 321));
SELECT lp_touch_record(NULL, :a, 'email');
ROLLBACK;
BEGIN READ ONLY;
SELECT lp_jit_claim(:c, :a, 'email');
SELECT lp_touch_dispatch(:c);
SELECT lp_touch_confirm(:c);
SELECT lp_touch_record(:c, :a, 'email');
SELECT (lp_jit_check(:c, :a, 'email')).blocked_by;
ROLLBACK;
-- a claim cannot be prepared
BEGIN;
SELECT (lp_client_set(:a, 'Agency A')).status;
SELECT (lp_sender_set(:a, 'mail', 'press')).status;
INSERT INTO lead_pool (id, created_at, updated_at) VALUES (:c, '2026-01-01', '2026-01-01');
INSERT INTO lead_state (lead_id, flags) VALUES (:c, 211);
INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at) VALUES (:c, :a, 'assign', '2026-01-02');
SELECT allowed FROM lp_jit_claim(:c, :a, 'mail', 'press');
\set VERBOSITY terse
PREPARE TRANSACTION 'claim';

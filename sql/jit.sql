-- The fourteen checks: each alone, their order, the whole list, and what is
-- not told.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
\pset null '-'
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';       -- a Wednesday
SET TIME ZONE 'UTC';
\set a '''00000000-0000-7000-8000-00000000000a'''
\set b '''00000000-0000-7000-8000-00000000000b'''
\set out '''out@agency.example'''
SELECT (lp_client_set(:a, 'Agency A')).status AS a, (lp_client_set(:b, 'Agency B')).status AS b;
SELECT (lp_sender_set(:a, 'email', :out, '{"warmup_ready": true}')).sender;

-- a lead by number, as capture would leave it; flags: email, verified, phone, LinkedIn, mail
CREATE FUNCTION pg_temp.id(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid$$;
CREATE FUNCTION pg_temp.lead(n integer, client uuid DEFAULT NULL, flags integer DEFAULT 211) RETURNS void LANGUAGE sql AS $$
    INSERT INTO lead_pool (id, created_at, updated_at) VALUES (pg_temp.id(n), '2026-01-01', '2026-01-01');
    INSERT INTO lead_state (lead_id, flags, email_key, phone_key, linkedin_key, country_code, zone, email_domain, company_domain)
    VALUES (pg_temp.id(n), flags, n * 10 + 1, n * 10 + 2, n * 10 + 3, 'NL', 'Europe/Amsterdam', 'quillmere.example', 'quillmere.example');
    INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at)
    SELECT pg_temp.id(n), client, 'assign', '2026-01-02' WHERE client IS NOT NULL$$;
-- a ban, and the identity of the lead that it meets
CREATE FUNCTION pg_temp.ban(n integer, kind text, value text, reason text, client uuid DEFAULT NULL, expires timestamptz DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made uuid := lp_suppress(kind, value, reason, client, expires);
BEGIN
    INSERT INTO lead_identities (kind, value, lead_id, identifies, key_hash, source, first_seen_at)
    SELECT ban.kind, ban.value, pg_temp.id(n), ban.kind <> 'phone', b.value_hash, 'operator', '2026-01-01'
    FROM lead_suppressions b WHERE b.id = made;
    -- the address in use carries the first eight bytes of the hash
    UPDATE lead_state SET email_key = (SELECT ('x' || encode(substring(b.value_hash FROM 1 FOR 8), 'hex'))::bit(64)::bigint
        FROM lead_suppressions b WHERE b.id = made)
    WHERE lead_id = pg_temp.id(n) AND ban.kind = 'email';
END$$;
CREATE FUNCTION pg_temp.ask(n integer, channel lp_channel, sender text DEFAULT NULL, at timestamptz DEFAULT NULL) RETURNS lp_jit_verdict
LANGUAGE sql AS $$SELECT lp_jit_check(pg_temp.id(n), '00000000-0000-7000-8000-00000000000a', channel,
    CASE WHEN channel = 'email' THEN coalesce(sender, 'out@agency.example') ELSE sender END, at)$$;

-- nothing against it, on any channel
SELECT pg_temp.lead(1, :a);
SELECT c, (pg_temp.ask(1, c)).* FROM unnest(enum_range(NULL::lp_channel)) c ORDER BY c;
SELECT "position", check_name, passed, detail, retry_at FROM lp_jit_explain(pg_temp.id(1), :a, 'email', :out);

-- 1 pool_bounced: email only
SELECT pg_temp.lead(101, :a);
SELECT pg_temp.ban(101, 'email', 'p101@quillmere.example', 'bounced');
SELECT (pg_temp.ask(101, 'email')).*;
SELECT (pg_temp.ask(101, 'linkedin')).*;

-- 2 pool_unsubscribed: every channel
SELECT pg_temp.lead(102, :a);
SELECT pg_temp.ban(102, 'email', 'p102@quillmere.example', 'unsubscribed');
SELECT c, (pg_temp.ask(102, c)).failed FROM unnest(enum_range(NULL::lp_channel)) c ORDER BY c;

-- 3 pool_suppressed: an operator's ban, the client's own exclusions, an address that is another client's
SELECT pg_temp.lead(103, :a);
SELECT pg_temp.ban(103, 'email', 'p103@quillmere.example', 'operator', expires => '2026-03-06 12:00+00');
SELECT (pg_temp.ask(103, 'email')).*;
SELECT (pg_temp.ask(103, 'voice')).failed;
SAVEPOINT s;
SELECT (lp_client_set(:a, settings => '{"exclude_domains": ["quillmere.example"]}')).status;
SELECT (pg_temp.ask(1, 'linkedin')).*;
UPDATE lead_state SET email_domain = 'mail.elsewhere.example', company_domain = 'other.example' WHERE lead_id = pg_temp.id(1);
SELECT (pg_temp.ask(1, 'linkedin')).allowed;
SELECT (lp_client_set(:a, settings => '{"exclude_domains": ["elsewhere.example"]}')).status;
SELECT (pg_temp.ask(1, 'linkedin')).failed;
ROLLBACK TO s;
-- two people, one mailbox: the client that had it first may mail it, the other not
SELECT pg_temp.lead(104, :a), pg_temp.lead(105, :b);
UPDATE lead_state SET email_key = 1041 WHERE lead_id = pg_temp.id(105);
SELECT (pg_temp.ask(104, 'email')).failed AS first_owner,
       (lp_jit_check(pg_temp.id(105), :b, 'email', NULL)).failed AS second_owner,
       (lp_jit_check(pg_temp.id(105), :b, 'linkedin', NULL)).failed AS other_channel;
SAVEPOINT s;
INSERT INTO lead_touches (lead_id, client_id, channel, state, sent_at, counted_at, address_key)
VALUES (pg_temp.id(105), :b, 'email', 'sent', '2026-01-03', '2026-01-03', 1041);
SELECT (pg_temp.ask(104, 'email')).* ;
SELECT detail FROM lp_jit_explain(pg_temp.id(104), :a, 'email', :out) WHERE NOT passed;
-- until release_contacted frees it
UPDATE lead_assignments SET status = 'released', ended_at = '2026-01-04', kept_until = '2026-04-03' WHERE lead_id = pg_temp.id(105);
SELECT (pg_temp.ask(104, 'email')).*;
SELECT (lp_jit_check(pg_temp.id(104), :a, 'email', :out, '2026-04-02 23:59:59.999999+00')).failed AS before,
       (lp_jit_check(pg_temp.id(104), :a, 'email', :out, '2026-04-03 00:00+00')).allowed AS then;
ROLLBACK TO s;

-- 4 pool_email_status: not verified; catch-all by setting
SELECT pg_temp.lead(106, :a, 209), pg_temp.lead(107, :a, 215);
SELECT (pg_temp.ask(106, 'email')).*;
SELECT (pg_temp.ask(106, 'voice')).allowed AS other_channel, (pg_temp.ask(107, 'email')).allowed AS catch_all;
SET leadpool.allow_catch_all = off;
SELECT (pg_temp.ask(107, 'email')).*;
SELECT (lp_client_set(:a, settings => '{"allow_catch_all": true}')).status;
SELECT (pg_temp.ask(107, 'email')).allowed AS by_client;
RESET leadpool.allow_catch_all;

-- 5 pool_address: missing, or cannot take it
SELECT pg_temp.lead(108, :a, 2), pg_temp.lead(109, :a, 243);
SELECT c, (pg_temp.ask(108, c)).* FROM unnest(enum_range(NULL::lp_channel)) c ORDER BY c;
SELECT (pg_temp.ask(109, 'sms')).failed AS sms_to_landline, (pg_temp.ask(109, 'voice')).allowed AS call_to_landline;

-- 6 assignment_active: the same answer for another's lead, a free one, none at all, an unknown client
SELECT pg_temp.lead(110, :b), pg_temp.lead(111);
SELECT pg_temp.ban(110, 'email', 'p110@quillmere.example', 'unsubscribed');
SELECT n, (pg_temp.ask(n, 'email')).* FROM unnest(ARRAY[110, 111, 999]) n;
SELECT (lp_jit_check(pg_temp.id(1), '00000000-0000-7000-8000-0000000000ff', 'email')).*;
SELECT "position", check_name, passed, detail, retry_at FROM lp_jit_explain(pg_temp.id(110), :a, 'email', :out);
SELECT count(*) AS differences FROM (
    SELECT * FROM lp_jit_explain(pg_temp.id(110), :a, 'email', :out)
    EXCEPT SELECT * FROM lp_jit_explain(pg_temp.id(999), :a, 'email', :out)) d;
-- one that was merged away stands for its survivor
INSERT INTO lead_pool (id, state, merged_into, created_at, updated_at)
VALUES (pg_temp.id(112), 'merged', pg_temp.id(1), '2026-01-01', '2026-01-01');
SELECT (pg_temp.ask(112, 'email')).allowed AS merged_away;

-- 7 client_active
SAVEPOINT s;
SELECT (lp_client_set(:a, settings => '{"status": "paused"}')).status;
SELECT (pg_temp.ask(1, 'email')).*;
ROLLBACK TO s;
UPDATE lead_clients SET status = 'cancelled' WHERE id = :a;
SELECT (pg_temp.ask(1, 'email')).*;
ROLLBACK TO s;

-- 8 assignment_replied, 9 assignment_cooling
SELECT pg_temp.lead(113, :a), pg_temp.lead(114, :a);
UPDATE lead_state SET replied_at = '2026-01-05' WHERE lead_id = pg_temp.id(113);
UPDATE lead_state SET not_interested_at = '2025-06-30 10:00+00' WHERE lead_id = pg_temp.id(114);
SELECT n, (pg_temp.ask(n, 'linkedin')).* FROM unnest(ARRAY[113, 114]) n;

-- 10 assignment_recent: any channel, any client, also to an address that is the lead's now
SELECT pg_temp.lead(115, :a), pg_temp.lead(116, :a), pg_temp.lead(117, :a);
INSERT INTO lead_touches (lead_id, client_id, channel, state, sent_at, counted_at)
VALUES (pg_temp.id(115), :b, 'linkedin', 'sent', '2026-03-03', '2026-03-03');
INSERT INTO lead_touches (lead_id, client_id, channel, state, sent_at, counted_at, address_key)
VALUES (pg_temp.id(999), :b, 'sms', 'sent', '2026-03-03', '2026-03-03', 1162),
       (pg_temp.id(998), :a, 'email', 'unknown', '2026-03-03', '2026-03-03', 1162);
INSERT INTO lead_touches (lead_id, client_id, channel, state, claimed_at)
SELECT pg_temp.id(117), :a, 'email', s, '2026-03-03' FROM unnest(ARRAY['failed', 'expired', 'fenced']) s;
SELECT n, (pg_temp.ask(n, 'voice')).* FROM unnest(ARRAY[115, 116, 117]) n;

-- 11 channel_cooling: the same channel only
SELECT pg_temp.lead(118, :a);
INSERT INTO lead_touches (lead_id, client_id, channel, state, dispatched_at, counted_at)
VALUES (pg_temp.id(118), :a, 'email', 'dispatched', '2026-02-27 08:00+00', '2026-02-27 08:00+00');
SELECT (pg_temp.ask(118, 'email')).*;
SELECT (pg_temp.ask(118, 'voice')).allowed AS other_channel;
SELECT (lp_client_set(:a, settings => '{"channel_cooling": "0"}')).status;
SELECT (pg_temp.ask(118, 'email')).allowed AS switched_off;
SELECT (lp_client_set(:a, settings => '{"channel_cooling": null}')).status;

-- 12 rate_limit: unregistered, another client's, paused, used up, gap, nothing allowed; the client's own
SELECT (pg_temp.ask(1, 'linkedin', 'ann')).*;
SELECT (lp_sender_set(:b, 'linkedin', 'bob')).sender;
SELECT (pg_temp.ask(1, 'linkedin', 'bob')).failed AS anothers;
SELECT (lp_sender_set(:a, 'linkedin', ' Ann ', '{"daily_limit": 2, "min_gap": "30 minutes"}')).sender;
SELECT (pg_temp.ask(1, 'linkedin', 'ANN')).allowed AS compared;
INSERT INTO lead_touches (lead_id, client_id, channel, state, sent_at, counted_at, sender_match)
VALUES (pg_temp.id(999), :a, 'linkedin', 'sent', '2026-03-04 14:45+00', '2026-03-04 14:45+00', 'ann');
SELECT (pg_temp.ask(1, 'linkedin', 'ann')).*;
SELECT (pg_temp.ask(1, 'linkedin', 'ann', '2026-03-04 15:15+00')).allowed AS after_the_gap;
INSERT INTO lead_touches (lead_id, client_id, channel, state, sent_at, counted_at, sender_match)
VALUES (pg_temp.id(999), :a, 'linkedin', 'sent', '2026-03-04 00:00+00', '2026-03-04 00:00+00', 'ann');
SELECT (pg_temp.ask(1, 'linkedin', 'ann')).*;
SELECT passed, detail FROM lp_jit_explain(pg_temp.id(1), :a, 'linkedin', 'ann') WHERE check_name = 'rate_limit';
SELECT (pg_temp.ask(1, 'linkedin')).allowed AS no_sender_named;
SELECT (lp_sender_set(:a, 'linkedin', 'ann', '{"paused": true}')).status;
SELECT (pg_temp.ask(1, 'linkedin', 'ann')).*;
SELECT (lp_sender_set(:a, 'linkedin', 'ann', '{"paused": false, "daily_limit": 0}')).status;
SELECT (pg_temp.ask(1, 'linkedin', 'ann')).*;
SAVEPOINT s;
SELECT (lp_client_set(:a, settings => '{"daily_limit": 2}')).status;
SELECT (pg_temp.ask(1, 'voice')).*;
SELECT (lp_client_set(:a, settings => '{"daily_limit": {"linkedin": 2, "mail": 0}}')).status;
SELECT c, (pg_temp.ask(1, c)).* FROM unnest(enum_range(NULL::lp_channel)) c ORDER BY c;
ROLLBACK TO s;

-- 13 warmup_ready: email only
SELECT (lp_jit_check(pg_temp.id(1), :a, 'email')).*;
SELECT detail FROM lp_jit_explain(pg_temp.id(1), :a, 'email') WHERE check_name = 'warmup_ready';
SELECT (pg_temp.ask(1, 'email', 'nobody@agency.example')).*;
SELECT (lp_sender_set(:a, 'email', 'cold@agency.example')).warmup_ready;
SELECT (pg_temp.ask(1, 'email', 'cold@agency.example')).*;
SELECT (lp_sender_set(:a, 'email', 'cold@agency.example', '{"daily_limit": 42, "warmup_started_on": "2026-03-02", "warmup_days": 21}')).warmup_days;
SELECT "position", passed, detail FROM lp_jit_explain(pg_temp.id(1), :a, 'email', 'cold@agency.example') WHERE "position" >= 12;
INSERT INTO lead_touches (lead_id, client_id, channel, state, sent_at, counted_at, sender_match)
SELECT pg_temp.id(999), :a, 'email', 'sent', t, t, 'cold@agency.example'
FROM generate_series('2026-03-04 00:00+00'::timestamptz, '2026-03-04 05:00+00', '1 hour') t;
SELECT (pg_temp.ask(1, 'email', 'cold@agency.example')).*;
SELECT (lp_sender_set(:a, 'email', 'cold@agency.example', '{"warmup_ready": false}')).warmup_ready;
SELECT (pg_temp.ask(1, 'email', 'cold@agency.example')).*;

-- 14 quiet_hours: voice and SMS, where the recipient is
SELECT pg_temp.lead(120, :a), pg_temp.lead(121, :a);
UPDATE lead_state SET country_code = 'US', region = 'California', zone = 'America/Los_Angeles' WHERE lead_id = pg_temp.id(120);
UPDATE lead_state SET country_code = NULL, zone = NULL WHERE lead_id = pg_temp.id(121);
SELECT n, c, (pg_temp.ask(n, c)).* FROM unnest(ARRAY[120, 121]) n, unnest(enum_range(NULL::lp_channel)) c ORDER BY n, c;
SELECT n, passed, detail FROM unnest(ARRAY[1, 120, 121]) n, lp_jit_explain(pg_temp.id(n), :a, 'voice') WHERE check_name = 'quiet_hours' ORDER BY n;
SELECT (lp_client_set(:a, settings => '{"quiet_hours": {"voice": {"from": "09:00", "to": "16:00", "days": [1, 2, 3, 4, 5]}}}')).status;
SELECT c, (pg_temp.ask(1, c)).* FROM unnest('{voice,sms}'::lp_channel[]) c ORDER BY c;
SELECT (lp_client_set(:a, settings => '{"quiet_hours": null}')).status;

-- everything that fails, in order
SELECT pg_temp.lead(119, :a, 0);
SELECT pg_temp.ban(119, 'email', 'p119@quillmere.example', 'bounced');
SELECT pg_temp.ban(119, 'linkedin', 'p119', 'unsubscribed');
SELECT pg_temp.ban(119, 'apollo_id', 'p119', 'operator');
UPDATE lead_state SET replied_at = '2026-01-05', not_interested_at = '2026-01-05' WHERE lead_id = pg_temp.id(119);
INSERT INTO lead_touches (lead_id, client_id, channel, state, sent_at, counted_at)
VALUES (pg_temp.id(119), :a, 'email', 'sent', '2026-03-03', '2026-03-03');
SAVEPOINT s;
SELECT (lp_client_set(:a, settings => '{"status": "paused"}')).status;
SELECT (pg_temp.ask(119, 'email', 'nobody@agency.example')).*;
SELECT "position", check_name, passed, detail, retry_at
FROM lp_jit_explain(pg_temp.id(119), :a, 'email', 'nobody@agency.example');
ROLLBACK TO s;

-- a batch: the same answers, in the order given, each lead once
SELECT lead_id = pg_temp.id((ARRAY[1, 102, 999, 1])[n]) AS same_id, b.allowed, b.blocked_by, b.failed, b.retry_at
FROM ROWS FROM (lp_jit_check_batch(:a, 'linkedin',
     ARRAY[pg_temp.id(1), NULL, pg_temp.id(102), pg_temp.id(999), pg_temp.id(1), pg_temp.id(102)])) WITH ORDINALITY
     b(lead_id, allowed, blocked_by, failed, retry_at, n) ORDER BY n;
SELECT count(*) AS differences FROM (
    SELECT lead_id, allowed, blocked_by, failed, retry_at
    FROM lp_jit_check_batch(:a, 'email', ARRAY(SELECT lead_id FROM lead_state), :out)
    EXCEPT
    SELECT s.lead_id, c.* FROM lead_state s, lp_jit_check(s.lead_id, :a, 'email', :out) c) d;
SELECT count(*) FROM lp_jit_check_batch(:a, 'email', '{}');
SELECT count(*) FROM lp_jit_check_batch(:a, 'email', ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 10000)));

-- wrong arguments
\set VERBOSITY sqlstate
SELECT lp_jit_check(NULL, :a, 'email');
SELECT lp_jit_check(pg_temp.id(1), NULL, 'email');
SELECT lp_jit_check(pg_temp.id(1), :a, NULL);
SELECT lp_jit_check(pg_temp.id(1), :a, 'pigeon');
SELECT lp_jit_check(pg_temp.id(1), :a, 'email', at => 'infinity');
-- months are counted back in any year
SELECT (lp_jit_check(pg_temp.id(1), :a, 'linkedin', at => at)).allowed FROM unnest(ARRAY['0001-01-01 00:00+00', '4713-01-01 00:00+00 BC', '294276-12-31 00:00+00']::timestamptz[]) at;
SELECT lp_jit_check_batch(:a, 'email', NULL);
SELECT lp_jit_check_batch(:a, 'email', ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 10001)));
SELECT lp_jit_explain(NULL, :a, 'email');
ROLLBACK;

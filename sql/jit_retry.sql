-- retry_at: the call passes then, and not one microsecond before.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
\pset null '-'
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
SET TIME ZONE 'UTC';
\set a '''00000000-0000-7000-8000-00000000000a'''
\set b '''00000000-0000-7000-8000-00000000000b'''
SELECT (lp_client_set(:a, 'Agency A')).status AS a, (lp_client_set(:b, 'Agency B')).status AS b;
SELECT (lp_sender_set(:a, 'email', 'out@agency.example', '{"warmup_ready": true}')).sender;

CREATE FUNCTION pg_temp.id(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid$$;
CREATE FUNCTION pg_temp.lead(n integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO lead_pool (id, email_match, created_at, updated_at) VALUES (pg_temp.id(n), 'p' || n || '@quillmere.example', '2026-01-01', '2026-01-01');
    INSERT INTO lead_state (lead_id, flags, email_key, phone_key, linkedin_key, country_code, zone, email_domain)
    VALUES (pg_temp.id(n), 211, n * 10 + 1, n * 10 + 2, n * 10 + 3, 'NL', 'Europe/Amsterdam', 'quillmere.example');
    INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at)
    VALUES (pg_temp.id(n), '00000000-0000-7000-8000-00000000000a', 'assign', '2026-01-02')$$;
CREATE FUNCTION pg_temp.sent(n integer, channel lp_channel, at timestamptz, sender text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO lead_touches (lead_id, client_id, channel, state, sent_at, counted_at, sender, sender_match)
    VALUES (pg_temp.id(n), '00000000-0000-7000-8000-00000000000a', channel, 'sent', at, at, sender, sender)$$;
CREATE FUNCTION pg_temp.claimed(n integer, channel lp_channel, at timestamptz, expires timestamptz, sender text DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO lead_touches (lead_id, client_id, channel, state, claimed_at, counted_at, expires_at, sender, sender_match)
    VALUES (pg_temp.id(n), '00000000-0000-7000-8000-00000000000a', channel, 'claimed', at, at, expires, sender, sender)$$;
-- what fails and from when on it does not; held = refused a microsecond before, allowed then
CREATE FUNCTION pg_temp.ask(n integer, channel lp_channel, sender text DEFAULT NULL, at timestamptz DEFAULT '2026-03-04 15:00+00')
RETURNS TABLE (failed text[], retry_at timestamptz, held boolean) LANGUAGE plpgsql AS $$
DECLARE
    c CONSTANT uuid := '00000000-0000-7000-8000-00000000000a';
BEGIN
    IF channel = 'email' AND sender IS NULL THEN sender := 'out@agency.example'; END IF;
    SELECT v.failed, v.retry_at INTO failed, retry_at FROM lp_jit_check(pg_temp.id(n), c, channel, sender, at) v;
    IF retry_at IS NULL THEN RETURN NEXT; RETURN; END IF;
    held := (lp_jit_check(pg_temp.id(n), c, channel, sender, ask.retry_at)).allowed
        AND NOT (lp_jit_check(pg_temp.id(n), c, channel, sender, ask.retry_at - interval '1 microsecond')).allowed;
    RETURN NEXT;
END$$;

-- one rule at a time
SELECT pg_temp.lead(1);
SELECT pg_temp.sent(1, 'linkedin', '2026-03-04 14:59:59.999999+00');
SELECT * FROM pg_temp.ask(1, 'email');
SELECT * FROM pg_temp.ask(1, 'linkedin');
SELECT * FROM pg_temp.ask(1, 'email', at => '2026-03-07 14:59:59.999998+00');
SELECT * FROM pg_temp.ask(1, 'email', at => '2026-03-07 14:59:59.999999+00');

-- a refusal: calendar months in UTC, the end of February
SELECT pg_temp.lead(2), pg_temp.lead(3);
UPDATE lead_state SET not_interested_at = '2025-11-30 23:30+00' WHERE lead_id = pg_temp.id(2);
SELECT (lp_client_set(:a, settings => '{"not_interested_cooling": "3 months"}')).status;
SELECT * FROM pg_temp.ask(2, 'linkedin', at => '2026-02-01 00:00+00');
UPDATE lead_state SET not_interested_at = '2024-02-29 12:00+00' WHERE lead_id = pg_temp.id(3);
SELECT (lp_client_set(:a, settings => '{"not_interested_cooling": "12 months"}')).status;
SELECT * FROM pg_temp.ask(3, 'linkedin', at => '2024-06-01 00:00+00');
SELECT (lp_client_set(:a, settings => '{"not_interested_cooling": "48 months"}')).status;
SELECT * FROM pg_temp.ask(3, 'linkedin');
SELECT (lp_client_set(:a, settings => '{"not_interested_cooling": null}')).status;

-- a period of a thousand years is held to the end; a longer one is refused
SELECT (lp_client_set(:a, settings => '{"recent_contact": "1000 years"}')).status;
SELECT * FROM pg_temp.ask(1, 'email');
SELECT (lp_client_set(:a, settings => '{"recent_contact": "1001 years"}')).status;
SELECT (lp_client_set(:a, settings => '{"recent_contact": null}')).status;
-- months for recency too: a touch of 31 January counts until 28 February
SELECT pg_temp.lead(4);
SELECT pg_temp.sent(4, 'voice', '2026-01-31 10:00+00');
SELECT (lp_client_set(:a, settings => '{"recent_contact": "1 month"}')).status;
SELECT * FROM pg_temp.ask(4, 'linkedin', at => '2026-02-28 09:59:59+00');
SELECT * FROM pg_temp.ask(4, 'linkedin', at => '2026-02-28 10:00+00');
SELECT (lp_client_set(:a, settings => '{"recent_contact": null}')).status;

-- a ban that expires
SELECT pg_temp.lead(5);
DO $$
DECLARE
    ban uuid := lp_suppress('email', 'p5@quillmere.example', 'operator', expires_at => '2026-03-05 01:02:03.000004+00');
BEGIN
    INSERT INTO lead_identities (kind, value, lead_id, identifies, key_hash, source, first_seen_at)
    SELECT 'email', 'p5@quillmere.example', pg_temp.id(5), true, value_hash, 'operator', '2026-01-01' FROM lead_suppressions WHERE id = ban;
END$$;
SELECT * FROM pg_temp.ask(5, 'email');

-- an open claim: until it lapses, or until the period is over, whichever is first
SELECT pg_temp.lead(6);
SELECT pg_temp.claimed(6, 'email', '2026-03-04 14:50+00', '2026-03-04 15:05+00');
SELECT * FROM pg_temp.ask(6, 'email');
SELECT * FROM pg_temp.ask(6, 'email', at => '2026-03-04 15:05+00');
SELECT (lp_client_set(:a, settings => '{"recent_contact": "12 minutes", "channel_cooling": "0"}')).status;
SELECT * FROM pg_temp.ask(6, 'email');
SELECT (lp_client_set(:a, settings => '{"recent_contact": null, "channel_cooling": null}')).status;

-- a limit by local day: the day of the sender's zone
SELECT pg_temp.lead(7);
SELECT (lp_sender_set(:a, 'mail', 'press', '{"daily_limit": 1, "time_zone": "Pacific/Auckland"}')).time_zone;
SELECT pg_temp.sent(900, 'mail', '2026-03-04 12:00+00', 'press');
SELECT * FROM pg_temp.ask(7, 'mail', 'press');
SELECT * FROM pg_temp.ask(7, 'mail', 'press', '2026-03-04 10:59:59+00');
-- ... also where it has 23 or 25 hours
SELECT pg_temp.lead(8);
SELECT (lp_sender_set(:a, 'mail', 'amsterdam', '{"daily_limit": 1, "time_zone": "Europe/Amsterdam"}')).time_zone;
SELECT pg_temp.sent(900, 'mail', t, 'amsterdam') FROM unnest(ARRAY['2026-03-28 23:00+00', '2026-10-24 22:00+00']::timestamptz[]) t;
SELECT * FROM pg_temp.ask(8, 'mail', 'amsterdam', '2026-03-28 23:30+00');
SELECT * FROM pg_temp.ask(8, 'mail', 'amsterdam', '2026-10-25 22:30+00');
-- ... by claims that lapse: two slots, three claims, so the second to lapse frees one
SELECT pg_temp.lead(9);
SELECT (lp_sender_set(:a, 'mail', 'two', '{"daily_limit": 2}')).daily_limit;
SELECT pg_temp.claimed(900, 'mail', '2026-03-04 14:00+00', '2026-03-04 15:30+00', 'two'),
       pg_temp.claimed(900, 'mail', '2026-03-04 14:00+00', '2026-03-04 15:10+00', 'two'),
       pg_temp.claimed(900, 'mail', '2026-03-04 14:00+00', '2026-03-04 15:20+00', 'two');
SELECT * FROM pg_temp.ask(9, 'mail', 'two');
-- ... the client's own, over all channels and by channel
SAVEPOINT s;
SELECT (lp_client_set(:a, settings => '{"time_zone": "America/Los_Angeles", "daily_limit": 1}')).time_zone;
SELECT * FROM pg_temp.ask(9, 'linkedin');
SELECT (lp_client_set(:a, settings => '{"daily_limit": {"mail": 1}}')).time_zone;
SELECT * FROM pg_temp.ask(9, 'mail');
SELECT * FROM pg_temp.ask(9, 'linkedin');
ROLLBACK TO s;

-- a zone changed in the middle of a day: the day that began keeps its end
SELECT pg_temp.lead(10), pg_temp.lead(11);
SELECT (lp_sender_set(:a, 'mail', 'mover', '{"daily_limit": 1, "time_zone": "UTC"}')).time_zone;
SELECT allowed, blocked_by FROM lp_jit_claim(pg_temp.id(10), :a, 'mail', 'mover', ttl => '20 hours');
SELECT starts_at, ends_at FROM lead_limit_days d JOIN lead_senders s ON s.id = d.scope_id WHERE s.sender = 'mover' AND scope = 'sender';
SELECT (lp_sender_set(:a, 'mail', 'mover', '{"time_zone": "Asia/Tokyo"}')).time_zone;
SELECT * FROM pg_temp.ask(11, 'mail', 'mover');
-- the next one begins where that ended, and ends by the new zone
SET leadpool.now = '2026-03-05 00:00+00';
SELECT touch_id IS NOT NULL AS claimed FROM lp_jit_claim(pg_temp.id(11), :a, 'mail', 'mover', ttl => '20 hours');
SELECT starts_at, ends_at FROM lead_limit_days d JOIN lead_senders s ON s.id = d.scope_id WHERE s.sender = 'mover' AND scope = 'sender' ORDER BY 1;
SELECT pg_temp.lead(12);
SELECT * FROM pg_temp.ask(12, 'mail', 'mover', '2026-03-05 00:00+00');
SET leadpool.now = '2026-03-04 15:00+00';

-- the sender's gap, also by a claim that lapses first
SELECT pg_temp.lead(13);
SELECT (lp_sender_set(:a, 'linkedin', 'gap', '{"min_gap": "40 minutes"}')).min_gap;
SELECT pg_temp.sent(900, 'linkedin', '2026-03-04 14:30+00', 'gap'),
       pg_temp.claimed(900, 'linkedin', '2026-03-04 14:55+00', '2026-03-04 15:02+00', 'gap');
SELECT * FROM pg_temp.ask(13, 'linkedin', 'gap');

-- warm-up: it begins, it grows by the local day, it ends
SELECT pg_temp.lead(14);
SELECT (lp_sender_set(:a, 'email', 'new@agency.example',
        '{"daily_limit": 30, "warmup_started_on": "2026-03-06", "warmup_days": 10, "time_zone": "Asia/Tokyo"}')).sender;
SELECT * FROM pg_temp.ask(14, 'email', 'new@agency.example');
SELECT pg_temp.sent(900, 'email', t, 'new@agency.example')
FROM generate_series('2026-03-05 16:00+00'::timestamptz, '2026-03-05 22:00+00', '1 hour') t;
SELECT * FROM pg_temp.ask(14, 'email', 'new@agency.example', '2026-03-05 23:00+00');
SELECT (lp_sender_set(:a, 'email', 'new@agency.example', '{"daily_limit": null}')).sender;
SELECT * FROM pg_temp.ask(14, 'email', 'new@agency.example');
SELECT (lp_sender_set(:a, 'email', 'new@agency.example', '{"daily_limit": 9}')).sender;
SELECT n, detail FROM generate_series(0, 11) n,
     lp_jit_explain(pg_temp.id(14), :a, 'email', 'new@agency.example', '2026-03-06 23:00+09'::timestamptz + n * interval '1 day')
WHERE check_name = 'warmup_ready' ORDER BY n;

-- quiet hours: until they are over, where the recipient is; with another rule the first moment that suits both
SELECT pg_temp.lead(16), pg_temp.lead(17), pg_temp.lead(18);
UPDATE lead_state SET country_code = 'US', region = 'California', zone = 'America/Los_Angeles' WHERE lead_id IN (pg_temp.id(16), pg_temp.id(17));
UPDATE lead_state SET country_code = NULL, zone = NULL WHERE lead_id = pg_temp.id(18);
SELECT * FROM pg_temp.ask(16, 'voice');
SELECT * FROM pg_temp.ask(16, 'voice', at => '2026-03-08 05:30+00');    -- Saturday evening, the clock goes forward at night
SELECT pg_temp.sent(17, 'email', '2026-03-02 06:00+00');                -- recent until 5 March 06:00 UTC, at night there
SELECT * FROM pg_temp.ask(17, 'sms');
SELECT check_name, retry_at FROM lp_jit_explain(pg_temp.id(17), :a, 'sms', NULL, '2026-03-04 15:00+00') WHERE NOT passed;
SELECT * FROM pg_temp.ask(18, 'voice');

-- several rules: the first moment at which all pass, which no single one names
SELECT pg_temp.lead(15);
SELECT (lp_sender_set(:a, 'email', 'both@agency.example', '{"warmup_ready": true, "daily_limit": 1, "time_zone": "Asia/Tokyo"}')).sender;
SELECT pg_temp.sent(15, 'voice', '2026-03-02 15:30+00');            -- recent until 5 March 15:30 UTC
SELECT pg_temp.sent(900, 'email', '2026-03-05 15:10+00', 'both@agency.example');   -- 6 March in Tokyo is used up
SELECT * FROM pg_temp.ask(15, 'email', 'both@agency.example');
SELECT check_name, retry_at FROM lp_jit_explain(pg_temp.id(15), :a, 'email', 'both@agency.example') WHERE NOT passed;
-- one that no waiting lifts
UPDATE lead_state SET replied_at = '2026-03-01' WHERE lead_id = pg_temp.id(15);
SELECT * FROM pg_temp.ask(15, 'email', 'both@agency.example');
SELECT check_name, retry_at FROM lp_jit_explain(pg_temp.id(15), :a, 'email', 'both@agency.example') WHERE NOT passed;

-- a moment before the touch was made is no way around it
SELECT * FROM pg_temp.ask(1, 'email', at => '2026-03-04 12:00+00');
ROLLBACK;

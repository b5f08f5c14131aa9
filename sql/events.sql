-- What people and providers report: effects, idempotence, before the lead is known.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\set a '''00000000-0000-7000-8000-00000000000a'''
\set b '''00000000-0000-7000-8000-00000000000b'''

-- people p1 ... p9, all owned by agency A, one open claim each
SELECT (lp_client_set(:a, 'Agency A')).status AS a, (lp_client_set(:b, 'Agency B')).status AS b;
SELECT (lp_sender_set(:a, 'email', 'out@agency.example', '{"warmup_ready": true}')).status;
SELECT count(*) FROM lp_capture_apollo((
    SELECT jsonb_build_object('matches', jsonb_agg(jsonb_build_object(
        'id', 'apollo-p' || n, 'first_name', 'P' || n, 'email', 'p' || n || '@quillmere.example',
        'email_status', 'verified', 'country', 'Netherlands',
        'linkedin_url', 'http://www.linkedin.com/in/example-p' || n,
        'phone_numbers', jsonb_build_array(jsonb_build_object(
            'sanitized_number', '+3161234560' || n, 'type', 'mobile', 'status', 'valid_number')))))
    FROM generate_series(1, 9) n)) WHERE outcome = 'inserted';
CREATE TEMP TABLE p AS
SELECT substr(email, 1, 2) AS name, id FROM lead_pool WHERE email LIKE 'p_@quillmere.example';
SELECT count(lp_assign(id, :a)) FROM p;
CREATE TEMP TABLE claim AS
SELECT p.name, c.touch_id FROM p, lp_jit_claim(p.id, :a, 'email', 'out@agency.example') c;
SELECT count(touch_id) AS claims FROM claim;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql AS 'SELECT id FROM p WHERE p.name = $1';
CREATE FUNCTION pg_temp.touch(name text) RETURNS uuid LANGUAGE sql AS 'SELECT touch_id FROM claim WHERE claim.name = $1';
CREATE FUNCTION pg_temp.state(name text) RETURNS text LANGUAGE sql AS
    'SELECT state FROM lead_touches WHERE id = pg_temp.touch($1)';
CREATE FUNCTION pg_temp.failed(name text, channel lp_channel) RETURNS text[] LANGUAGE sql AS
    'SELECT failed FROM lp_jit_check(pg_temp.id($1), ''00000000-0000-7000-8000-00000000000a'', channel,
        CASE WHEN channel = ''email'' THEN ''out@agency.example'' END)';

-- an unsubscribe bans the person everywhere and voids the open claim
SELECT e.lead_id = pg_temp.id('p1') AS p1, effect
FROM lp_record_event('unsubscribed', email => 'P1+promo@Quillmere.example', external_id => 'evt-1') e;
SELECT pg_temp.state('p1'), pg_temp.failed('p1', 'linkedin');
SELECT unsubscribed_at = '2026-03-04 15:00+00' AS marked FROM lead_pool WHERE id = pg_temp.id('p1');
SELECT lp_is_suppressed('phone', '+31612345601') AS by_phone, lp_is_suppressed('linkedin', 'example-p1') AS by_profile;

-- the same report again changes nothing
SELECT effect, event_id = (SELECT id FROM lead_events WHERE external_id = 'evt-1') AS first_id
FROM lp_record_event('unsubscribed', email => 'p1@quillmere.example', external_id => 'evt-1');
SELECT count(*) FROM lead_events WHERE external_id = 'evt-1';

-- a hard bounce stops mail to the address and nothing else
SELECT effect FROM lp_record_event('bounced', touch_id => pg_temp.touch('p2'), detail => '{"class": "hard", "smtp": "5.1.1"}');
SELECT pg_temp.state('p2'), pg_temp.failed('p2', 'email') @> '{pool_bounced}' AS email_stopped,
       'pool_bounced' = ANY (pg_temp.failed('p2', 'linkedin')) AS linkedin_stopped;
SELECT email_bounced_at IS NOT NULL AS marked FROM lead_pool WHERE id = pg_temp.id('p2');

-- soft bounces add up; a policy block is not the person's fault
SELECT n, effect FROM generate_series(1, 3) n,
     LATERAL lp_record_event('soft_bounced', email => 'p3@quillmere.example', external_id => 'soft-' || n) ORDER BY n;
SELECT effect FROM lp_record_event('bounced', email => 'p4@quillmere.example', detail => '{"class": "policy", "smtp": "5.7.1"}');
SELECT lp_is_suppressed('email', 'p3@quillmere.example') AS p3, lp_is_suppressed('email', 'p4@quillmere.example') AS p4;

-- a reply stops every channel; an auto-reply is none
SELECT effect FROM lp_record_event('auto_replied', touch_id => pg_temp.touch('p5'));
SELECT pg_temp.state('p5'), 'assignment_replied' = ANY (pg_temp.failed('p5', 'linkedin')) AS stopped;
SELECT effect FROM lp_record_event('replied', touch_id => pg_temp.touch('p5'));
SELECT pg_temp.state('p5'), 'assignment_replied' = ANY (pg_temp.failed('p5', 'linkedin')) AS stopped;
SELECT outcome, replied_at IS NOT NULL AS at FROM lead_assignments WHERE lead_id = pg_temp.id('p5');

-- not interested: twelve calendar months; a later yes is the stronger outcome
SELECT effect FROM lp_record_event('not_interested', touch_id => pg_temp.touch('p6'));
SELECT pg_temp.failed('p6', 'linkedin') @> '{assignment_cooling}' AS cooling;
SELECT outcome FROM lead_assignments WHERE lead_id = pg_temp.id('p6');
SELECT effect FROM lp_record_event('interested', lead_id => pg_temp.id('p6'));
SELECT outcome FROM lead_assignments WHERE lead_id = pg_temp.id('p6');
SELECT effect FROM lp_record_event('converted', lead_id => pg_temp.id('p6'));
SELECT effect FROM lp_record_event('replied', lead_id => pg_temp.id('p6'));
SELECT outcome, status FROM lead_assignments WHERE lead_id = pg_temp.id('p6');

-- consent for one channel
SELECT effect FROM lp_record_event('consent_revoked', lead_id => pg_temp.id('p7'), channel => 'voice');
SELECT pg_temp.failed('p7', 'voice') @> '{pool_suppressed}' AS voice,
       'pool_suppressed' = ANY (pg_temp.failed('p7', 'email')) AS email;

-- a time ahead of the clock counts as now
SELECT effect FROM lp_record_event('opened', lead_id => pg_temp.id('p8'), occurred_at => '2027-01-01 00:00+00', external_id => 'evt-8');
SELECT occurred_at = recorded_at AS clamped FROM lead_events WHERE external_id = 'evt-8';

-- a send that nobody claimed
SELECT effect FROM lp_record_event('sent', lead_id => pg_temp.id('p9'), client_id => :a, channel => 'linkedin', external_id => 'msg-9');
SELECT state, claimed_at IS NULL AS unclaimed, provider_message_id FROM lead_touches
WHERE lead_id = pg_temp.id('p9') AND channel = 'linkedin';
-- with a touch it is that one which was sent: confirmed, or flagged, and counted once
SELECT id AS sent FROM lead_touches WHERE lead_id = pg_temp.id('p9') AND channel = 'linkedin' \gset
SELECT effect FROM lp_record_event('sent', touch_id => :'sent', external_id => 'evt-9');
SELECT effect FROM lp_record_event('sent', touch_id => :'sent', external_id => 'evt-9');
SELECT state, claimed_at IS NULL AS unclaimed, provider_message_id, flags FROM lead_touches
WHERE lead_id = pg_temp.id('p9') AND channel = 'linkedin';
SELECT touch_id = :'sent' AS touch, effect FROM lead_events WHERE external_id = 'evt-9';

-- before the lead is known: the ban acts now, the refusal finds its lead later
SELECT e.lead_id IS NULL AS nobody, effect FROM lp_record_event('unsubscribed', email => 'later1@quillmere.example') e;
SELECT e.lead_id IS NULL AS nobody, effect FROM lp_record_event('not_interested', email => 'later2@quillmere.example') e;
SELECT outcome, detail FROM lp_capture_apollo('{"people": [
    {"id": "apollo-l1", "email": "later1@quillmere.example", "email_status": "verified"},
    {"id": "apollo-l2", "email": "later2@quillmere.example", "email_status": "verified"}]}') ORDER BY ordinal;
SELECT p.email, e.event, s.not_interested_at IS NOT NULL AS cooling
FROM lead_events e JOIN lead_pool p ON p.id = e.lead_id JOIN lead_state s ON s.lead_id = p.id
WHERE p.email LIKE 'later%' ORDER BY p.email;
SELECT count(*) AS handed_out FROM lp_allocate(:b, NULL, 10, '{"domains": ["quillmere.example"]}');

-- an opt-out to one client that came before its lead bans for all, and capture says so
SELECT effect FROM lp_record_event('unsubscribed', client_id => :b, email => 'early@quillmere.example');
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "apollo-early", "email": "early@quillmere.example", "email_status": "verified"}}');
SELECT flags & 512 AS flag, unsubscribed_at IS NOT NULL AS shown FROM lead_state s JOIN lead_pool p ON p.id = s.lead_id WHERE p.apollo_id = 'apollo-early';

-- a bounce is of one address: another one is free, and the old one stays bounced wherever it turns up
SELECT lead_id AS moved FROM lp_capture_apollo('{"person": {"id": "apollo-moved", "email": "moved1@quillmere.example", "email_status": "verified"}}') \gset
SELECT effect FROM lp_record_event('bounced', lead_id => :'moved');
SELECT email_bounced_at IS NOT NULL AS bounced, a.channels & 1 AS by_email FROM lead_pool p LEFT JOIN lead_available a ON a.lead_id = p.id WHERE p.id = :'moved';
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "apollo-moved", "email": "moved2@quillmere.example", "email_status": "verified"}}');
SELECT email_bounced_at IS NOT NULL AS bounced, a.channels & 1 AS by_email FROM lead_pool p LEFT JOIN lead_available a ON a.lead_id = p.id WHERE p.id = :'moved';
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "apollo-moved", "email": "moved1@quillmere.example", "email_status": "verified", "title": "Back"}}');
SELECT email_bounced_at IS NOT NULL AS bounced, a.channels & 1 AS by_email FROM lead_pool p LEFT JOIN lead_available a ON a.lead_id = p.id WHERE p.id = :'moved';
-- a ban with an end leaves no mark that outlives it
SELECT lp_suppress('email', 'moved2@quillmere.example', 'operator', expires_at => '2026-12-01 00:00+00') IS NOT NULL AS banned;
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "apollo-moved", "title": "Again"}}');
SELECT flags & 512 AS flag FROM lead_state WHERE lead_id = :'moved';

-- bad input
\set VERBOSITY default
SELECT * FROM lp_record_event('winked', email => 'a@b.example');
SELECT * FROM lp_record_event('replied');
SELECT * FROM lp_record_event(NULL);
SELECT * FROM lp_record_event('replied', email => 'nonsense');
SELECT * FROM lp_record_event('replied', lead_id => '00000000-0000-7000-8000-00000000ffff');
SELECT * FROM lp_record_event('replied', touch_id => '00000000-0000-7000-8000-00000000ffff');
SELECT * FROM lp_record_event('replied', email => 'a@b.example', client_id => '00000000-0000-7000-8000-00000000ffff');
SELECT * FROM lp_record_event('replied', email => 'a@b.example', detail => '[]');
SELECT * FROM lp_record_event('sent', email => 'p9@quillmere.example');
SELECT * FROM lp_record_event('opened', email => 'p9@quillmere.example', external_id => repeat('x', 1001));
\set VERBOSITY terse
ROLLBACK;

-- Bounce classes, and the breakers: a sender or client whose mail comes back is paused.
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
SELECT who((lp_client_set(client(1), 'One')).id);
SELECT count(lp_sender_set(client(1), 'email', s, '{"warmup_ready": true}')) FROM unnest('{ann@agency.example,bob@agency.example}'::text[]) s;
SELECT count(*) FROM (SELECT add_lead(i) FROM generate_series(1, 200) i) t;
SELECT count(lp_assign(lead(i), client(1))) FROM generate_series(1, 200) i;
CREATE FUNCTION send(leads int4range, sender text, at timestamptz DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
$$SELECT count((lp_touch_record(lead(i), client(1), 'email', sender, sent_at => at)).id) FROM generate_series(lower(leads), upper(leads) - 1) i$$;
CREATE FUNCTION bounce(lead int, detail jsonb DEFAULT '{}', event text DEFAULT 'bounced', at timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$SELECT effect FROM lp_record_event(event, touch_id => (SELECT max(id::text)::uuid FROM lead_touches WHERE lead_id = lead(lead)), detail => detail, occurred_at => at)$$;
CREATE VIEW status AS SELECT sender AS what, status, paused_reason FROM lead_senders UNION ALL SELECT name, status, paused_reason FROM lead_clients ORDER BY 1;
SAVEPOINT s;

-- classes: the event, detail.class, an SMTP status 5.7.x
SELECT send('[1,11)', 'ann@agency.example');
SELECT bounce(1), bounce(2, '{"class": "soft"}'), bounce(3, '{"class": "policy"}'), bounce(4, '{"smtp": "5.7.1"}'),
       bounce(5, '{"smtp": "550 5.7.26 unauthenticated"}'), bounce(6, '{"smtp": "5.1.1"}'), bounce(7, '{"smtp": "15.7.1"}'),
       bounce(8, '{"class": "hard", "smtp": "5.7.1"}'), bounce(9, '{}', 'soft_bounced'), bounce(10, '{"smtp": "5.7.1"}', 'soft_bounced');
SELECT n(lead_id) AS lead, event, bounce_class, effect, sender_match FROM lead_events ORDER BY lead_id;
SELECT n(id) AS bounced FROM lead_pool WHERE email_bounced_at IS NOT NULL ORDER BY id;
TABLE status;
ROLLBACK TO s;

-- 3 % of at least 50 sends: not with 49, not at 3 %, but beyond
SELECT send('[1,50)', 'ann@agency.example');
SELECT bounce(1), bounce(2), bounce(3);
TABLE status;
SELECT send('[50,101)', 'ann@agency.example');
SELECT bounce(3, '{"again": true}');                 -- 3 of 100, one of them told twice
TABLE status;
SELECT bounce(4);
TABLE status;
SELECT blocked_by, failed FROM lp_jit_check(lead(150), client(1), 'email', 'ann@agency.example');
SELECT check_name, detail FROM lp_jit_explain(lead(150), client(1), 'email', 'ann@agency.example') WHERE NOT passed ORDER BY 1;
SELECT lp_jit_claim(lead(150), client(1), 'email', 'bob@agency.example') IS NOT NULL, blocked_by, failed FROM lp_jit_claim(lead(150), client(1), 'email', 'bob@agency.example');
SELECT settings FROM lead_clients;
\set VERBOSITY sqlstate
SELECT lp_allocate(client(1), NULL, 1);
\set VERBOSITY terse
-- resumed by an operator: only what bounces from now on counts
SELECT status, paused_reason FROM lp_client_set(client(1), settings => '{"status": "active"}');
SELECT status, paused_reason FROM lp_sender_set(client(1), 'email', 'ann@agency.example', '{"paused": false}');
SELECT bounce(5), bounce(6), bounce(7);
TABLE status;
SELECT bounce(8);
TABLE status;
ROLLBACK TO s;

-- policy blocks count against the sender, not the client, and not the lead
SELECT send('[1,51)', 'ann@agency.example'), send('[51,101)', 'bob@agency.example');
SELECT bounce(i, '{"class": "policy"}') FROM generate_series(1, 4) i;
TABLE status;
SELECT count(*) FROM lead_pool WHERE email_bounced_at IS NOT NULL;
SELECT allowed FROM lp_jit_check(lead(150), client(1), 'email', 'bob@agency.example');
ROLLBACK TO s;
-- ... for real people too: only a hard bounce is the address's
SELECT outcome FROM lp_capture('list', '[{"email": "hard@real.example"}, {"email": "policy@real.example"}, {"email": "soft@real.example"}]');
SELECT effect, lp_is_suppressed('email', 'policy@real.example') AS banned FROM lp_record_event('bounced', client_id => client(1), channel => 'email', email => 'policy@real.example', detail => '{"class": "policy"}');
SELECT effect, lp_is_suppressed('email', 'soft@real.example') AS banned FROM lp_record_event('bounced', client_id => client(1), channel => 'email', email => 'soft@real.example', detail => '{"class": "soft"}');
SELECT effect, lp_is_suppressed('email', 'hard@real.example') AS banned FROM lp_record_event('bounced', client_id => client(1), channel => 'email', email => 'hard@real.example');
SELECT email, email_bounced_at IS NOT NULL AS bounced FROM lead_pool WHERE email LIKE '%@real.example' ORDER BY email;
ROLLBACK TO s;
-- soft ones count against nobody
SELECT send('[1,51)', 'ann@agency.example');
SELECT count(bounce(i, '{"class": "soft"}')) FROM generate_series(1, 20) i;
TABLE status;
ROLLBACK TO s;

-- only mail counts: what went out otherwise, under the same name too, does not thin the rate, nor make up the number
SELECT FROM lp_sender_set(client(1), 'linkedin', 'ann@agency.example');
SELECT send('[1,50)', 'ann@agency.example');
SELECT count(lp_touch_record(lead(i), client(1), 'linkedin', 'ann@agency.example')) FROM generate_series(101, 160) i;
SELECT bounce(i) FROM generate_series(1, 4) i;
SELECT what, status FROM status ORDER BY 1, 2;
SELECT send('[50,51)', 'ann@agency.example');
SELECT count(lp_touch_record(lead(i), client(1), 'linkedin', 'ann@agency.example')) FROM generate_series(161, 200) i;
SELECT bounce(5);
SELECT what, status FROM status ORDER BY 1, 2;
ROLLBACK TO s;

-- the window: older bounces and older sends are past
SELECT send('[1,51)', 'ann@agency.example', '2026-02-25 14:00+00');
SELECT bounce(1), bounce(2);
TABLE status;
ROLLBACK TO s;
SELECT send('[1,51)', 'ann@agency.example', '2026-02-25 16:00+00');
SELECT bounce(1, '{}', 'bounced', '2026-02-25 14:59+00'), bounce(2);
TABLE status;
SELECT bounce(3, '{}', 'bounced', '2026-02-25 16:00+00');
TABLE status;
ROLLBACK TO s;

-- settings, and a client's own rate
SET leadpool.bounce_breaker_rate = 1;
SET leadpool.bounce_breaker_min_sends = 10;
SET leadpool.bounce_breaker_window = '1 day';
SELECT FROM lp_client_set(client(1), settings => '{"bounce_breaker_rate": 20}');
SELECT send('[1,11)', 'ann@agency.example');
SELECT bounce(1), bounce(2);
TABLE status;
SELECT bounce(3);
TABLE status;
ROLLBACK TO s;
-- without a touch: the last message to the lead is meant
SELECT send('[1,51)', 'ann@agency.example'), send('[60,70)', 'bob@agency.example');
SELECT effect FROM generate_series(1, 2) i, lp_record_event('bounced', lead_id => lead(i), email => format('p%s@co%s.example', i, i), external_id => 'x' || i);
TABLE status;
ROLLBACK;

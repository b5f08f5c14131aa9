-- Reports that come late, twice, or with odd times and classes.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
SELECT FROM lp_client_set(client(1), 'One');
SELECT FROM lp_sender_set(client(1), 'email', 'ann@agency.example', '{"warmup_ready": true}');
SELECT FROM lp_capture('list', (SELECT jsonb_agg(jsonb_build_object('email', format('p%s@co%s.example', i, i), 'email_status', 'verified')) FROM generate_series(1, 9) i));
CREATE FUNCTION id(n int) RETURNS uuid LANGUAGE sql AS $$SELECT lp_find_lead(email => format('p%s@co%s.example', n, n))$$;
SELECT count(lp_assign(id(i), client(1))) FROM generate_series(1, 9) i;
CREATE FUNCTION report(what text, lead int, at timestamptz DEFAULT NULL, detail jsonb DEFAULT '{}', key text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$SELECT effect FROM lp_record_event(what, lead_id => id(lead), client_id => client(1), channel => 'email', occurred_at => at, detail => detail, external_id => key)$$;
CREATE FUNCTION outcome(lead int) RETURNS text LANGUAGE sql AS
$$SELECT outcome FROM lead_assignments WHERE lead_id = id(lead) AND status = 'active'$$;
SAVEPOINT s;

-- a time that is none counts as now, and stops and keeps as any other
SELECT report('replied', 1, '-infinity'), report('converted', 2, '-infinity'), report('not_interested', 3, '-infinity'), report('opened', 4, 'infinity');
SELECT event, occurred_at = recorded_at AS now FROM lead_events ORDER BY event;
SELECT n, (SELECT failed FROM lp_jit_check(id(n), client(1), 'email', 'ann@agency.example')) FROM generate_series(1, 4) n;
\set VERBOSITY sqlstate
SELECT lp_release(id(2), client(1), 'mistake');
\set VERBOSITY terse
ROLLBACK TO s;

-- between a yes and a no what was said last counts, in whatever order it is reported
SELECT report('interested', 1, '2026-03-03'), report('not_interested', 1, '2026-03-01'), outcome(1);
SELECT report('not_interested', 1, '2026-03-04'), outcome(1);
SELECT report('interested', 1, '2026-03-03 12:00'), outcome(1);
SELECT report('interested', 1, '2026-03-04 12:00'), outcome(1);
SELECT report('not_interested', 2, '2026-03-01'), report('interested', 2, '2026-03-02'), outcome(2);
SELECT report('meeting_booked', 3, '2026-03-01'), report('not_interested', 3, '2026-03-02'), outcome(3);
SELECT report('replied', 4, '2026-03-03'), report('not_interested', 4, '2026-03-01'), outcome(4);
SELECT report('converted', 5, '2026-03-01'), report('not_interested', 5, '2026-03-02'), outcome(5);
-- a refusal that was answered since still leaves the person alone for its time
SELECT failed FROM lp_jit_check(id(2), client(1), 'email', 'ann@agency.example');
ROLLBACK TO s;

-- soft bounces add up whatever the event was called, once a message
SELECT n, report('bounced', 1, detail => '{"class": "soft"}', key => 'a' || n) FROM generate_series(1, 3) n ORDER BY n;
SELECT n, report(CASE n WHEN 2 THEN 'bounced' ELSE 'soft_bounced' END, 2, detail => '{"class": "soft"}', key => 'b' || n) FROM generate_series(1, 3) n ORDER BY n;
-- policy blocks do not
SELECT n, report('soft_bounced', 3, detail => '{"smtp": "5.7.1"}', key => 'c' || n) FROM generate_series(1, 3) n ORDER BY n;
SELECT report('soft_bounced', 3);
-- one that is past the window when it is reported bounces nobody
SELECT n, report('soft_bounced', 4, key => 'd' || n) FROM generate_series(1, 2) n ORDER BY n;
SELECT report('soft_bounced', 4, '2026-02-02 15:00+00'), report('soft_bounced', 4, '2026-02-02 15:00:00.000001+00');
-- the same message reported again is no further bounce
SELECT (lp_touch_record(id(5), client(1), 'email', 'ann@agency.example')).id AS touch \gset
SELECT n, effect FROM generate_series(1, 3) n, lp_record_event('soft_bounced', touch_id => :'touch') ORDER BY n;
SELECT report('soft_bounced', 5), report('soft_bounced', 5);
ROLLBACK;

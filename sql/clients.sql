-- lp_client_set and lp_sender_set: settings, merging, refusals.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\set c1 '''00000000-0000-7000-8000-0000000000c1'''
\set c2 '''00000000-0000-7000-8000-0000000000c2'''

-- a new client needs a name
SELECT lp_client_set(:c1);
SELECT lp_client_set(NULL, 'x');
SELECT lp_client_set(:c1, '  ');
SELECT name, status, time_zone, settings, paused_reason,
       created_at = '2026-03-04 15:00+00' AS created, updated_at = created_at AS updated
FROM lp_client_set(:c1, 'Agency One');

-- a key given replaces, null restores the default, a key left out stays
SELECT settings FROM lp_client_set(:c1, NULL, '{"max_active_leads": 10, "daily_limit": {"email": 5, "sms": null},
    "exclude_domains": ["HTTPS://www.Rival.example/x", "rival.example"], "release_contacted": "90 days", "company_exclusive": true}');
SELECT name, time_zone, settings FROM lp_client_set(:c1, settings => '{"time_zone": "Europe/Berlin", "max_active_leads": 0}');
SELECT settings FROM lp_client_set(:c1, settings => '{"max_active_leads": null, "daily_limit": null, "exclude_domains": [], "company_exclusive": false}');
SELECT time_zone, settings FROM lp_client_set(:c1, settings => '{"time_zone": null, "release_contacted": "never", "allow_catch_all": false, "bounce_breaker_rate": 2.5}');
SELECT settings FROM lp_client_set(:c1, settings => '{"quiet_hours": {"voice": {"from": "09:00", "to": "18:00", "days": [1, 2, 3]}}, "recent_contact": "0", "release_contacted": null}');
SELECT name, settings FROM lp_client_set(:c1, 'Agency Eins', NULL);
SELECT settings->>'recent_contact' AS iso FROM lp_client_set(:c1, settings => '{"recent_contact": "P1DT12H"}');
SELECT settings->>'recent_contact' AS verbose FROM lp_client_set(:c1, settings => '{"recent_contact": "0"}');

-- what is wrong is named, and changes nothing
SELECT lp_client_set(:c1, settings => '{"max_leads": 1}');
\set VERBOSITY default
SELECT lp_client_set(:c1, settings => '{"max_leads": 1}');
\set VERBOSITY terse
SELECT lp_client_set(:c1, settings => '{"allow_catch_all": true, "max_active_leads": -1}');
SELECT lp_client_set(:c1, settings => '{"max_active_leads": 1.5}');
SELECT lp_client_set(:c1, settings => '{"max_active_leads": "5"}');
SELECT lp_client_set(:c1, settings => '{"daily_allocation": 1e400}');
SELECT lp_client_set(:c1, settings => '{"daily_limit": -1}');
SELECT lp_client_set(:c1, settings => '{"daily_limit": {"email": -1}}');
SELECT lp_client_set(:c1, settings => '{"daily_limit": {"fax": 1}}');
SELECT lp_client_set(:c1, settings => '{"daily_limit": [1]}');
SELECT lp_client_set(:c1, settings => '{"time_zone": "Mars/Olympus"}');
SELECT lp_client_set(:c1, settings => '{"status": "cancelled"}');
SELECT lp_client_set(:c1, settings => '{"status": true}');
SELECT lp_client_set(:c1, settings => '{"recent_contact": "-1 hours"}');
SELECT lp_client_set(:c1, settings => '{"recent_contact": "P-1D"}');
SELECT lp_client_set(:c1, settings => '{"recent_contact": "P"}');
SELECT lp_client_set(:c1, settings => '{"recent_contact": 5}');
SELECT lp_client_set(:c1, settings => '{"recent_contact": "never"}');
SELECT lp_client_set(:c1, settings => '{"recent_contact": "infinity"}');
SELECT lp_client_set(:c1, settings => '{"recent_contact": "300000000 days"}');
SELECT lp_client_set(:c1, settings => '{"recent_contact": "178954945 years"}');
SET leadpool.recent_contact = 'infinity';
SET leadpool.recent_contact = '300000000 days';
SELECT lp_client_set(:c1, settings => '{"release_contacted": "soon"}');
SELECT lp_client_set(:c1, settings => '{"company_exclusive": 1}');
SELECT lp_client_set(:c1, settings => '{"exclude_domains": ["nonsense"]}');
SELECT lp_client_set(:c1, settings => '{"exclude_domains": "rival.example"}');
SELECT lp_client_set(:c1, settings => '{"exclude_domains": [1]}');
SELECT lp_client_set(:c1, settings => '{"bounce_breaker_rate": 101}');
SELECT lp_client_set(:c1, settings => '{"quiet_hours": {"email": {"from": "09:00", "to": "18:00"}}}');
SELECT lp_client_set(:c1, settings => '{"quiet_hours": {"voice": {"from": "9", "to": "18:00"}}}');
SELECT lp_client_set(:c1, settings => '{"quiet_hours": {"voice": {"from": "09:00", "to": "24:30"}}}');
SELECT lp_client_set(:c1, settings => '{"quiet_hours": {"voice": {"from": "09:00"}}}');
SELECT lp_client_set(:c1, settings => '{"quiet_hours": {"voice": {"from": "09:00", "to": "18:00", "days": [0]}}}');
SELECT lp_client_set(:c1, settings => '{"quiet_hours": []}');
\set VERBOSITY sqlstate
SELECT lp_client_set(:c1, settings => '[]');
SELECT lp_client_set(:c1, settings => '5');
\set VERBOSITY terse
SELECT name, status, time_zone, settings FROM lead_clients;

-- pause, and back
SELECT status, paused_reason, settings->>'status' AS shown FROM lp_client_set(:c1, settings => '{"status": "paused"}');
SELECT status, paused_reason FROM lp_client_set(:c1, settings => '{"time_zone": "UTC"}');
SELECT status, paused_reason, settings->>'status' AS shown FROM lp_client_set(:c1, settings => '{"status": "active"}');
UPDATE lead_clients SET status = 'paused', paused_reason = 'bounce_rate';
SELECT status, paused_reason, settings->>'status' AS shown FROM lp_client_set(:c1, settings => '{"daily_allocation": 7}');
SELECT status, paused_reason FROM lp_client_set(:c1, settings => '{"status": null}');

-- a cancelled client comes back only by {"status": "active"}
UPDATE lead_clients SET status = 'cancelled', cancelled_at = '2026-03-01';
SELECT status, cancelled_at IS NULL AS gone FROM lp_client_set(:c1, settings => '{"daily_allocation": 8}');
SELECT lp_client_set(:c1, settings => '{"status": "paused"}');
SELECT lp_client_set(:c1, settings => '{"status": null}');
SELECT status, cancelled_at IS NULL AS gone FROM lp_client_set(:c1, settings => '{"status": "active"}');

-- senders
SELECT FROM lp_client_set(:c2, 'Agency Two');
SELECT channel, sender, status, paused_reason, daily_limit, time_zone, min_gap, warmup_ready, warmup_started_on, warmup_days, sender_match
FROM lp_sender_set(:c1, 'email', 'Ann@Agency.example');
SELECT sender, daily_limit, time_zone, extract(epoch FROM min_gap) AS gap, warmup_ready, warmup_started_on = '2026-02-28' AS started, warmup_days
FROM lp_sender_set(:c1, 'email', 'ann@agency.example',
    '{"daily_limit": 0, "time_zone": "Asia/Tokyo", "min_gap": "90 seconds", "warmup_ready": false, "warmup_started_on": "2026-02-28", "warmup_days": 10}');
SELECT daily_limit, time_zone, extract(epoch FROM min_gap) AS gap, warmup_ready, warmup_started_on = '2026-02-28' AS started, warmup_days
FROM lp_sender_set(:c1, 'email', 'ann@agency.example', '{"daily_limit": null, "warmup_days": null, "warmup_ready": true}');
SELECT status, paused_reason FROM lp_sender_set(:c1, 'email', 'ann@agency.example', '{"paused": true}');
SELECT status, paused_reason FROM lp_sender_set(:c1, 'email', 'ann@agency.example', '{"min_gap": "0"}');
SELECT status, paused_reason FROM lp_sender_set(:c1, 'email', 'ann@agency.example', '{"paused": null}');
SELECT count(*) FROM lead_senders;
-- compared as number, or folded
SELECT sender, sender_match FROM lp_sender_set(:c1, 'voice', '+1 (202) 555-0143');
SELECT sender, sender_match FROM lp_sender_set(:c1, 'linkedin', ' Ann Smith ');
-- one client a sender and channel; whose it is stays untold
SELECT lp_sender_set(:c2, 'email', 'ANN@agency.example');
SELECT lp_sender_set(:c2, 'voice', '+12025550143');
SELECT sender FROM lp_sender_set(:c2, 'sms', '+12025550143');
-- refusals
SELECT lp_sender_set('00000000-0000-7000-8000-0000000000c9', 'email', 'x@agency.example');
SELECT lp_sender_set(:c1, 'email', 'no address');
SELECT lp_sender_set(:c1, 'linkedin', '  ');
SELECT lp_sender_set(:c1, 'fax', 'x');
SELECT lp_sender_set(:c1, NULL, 'x');
SELECT lp_sender_set(:c1, 'email', NULL);
SELECT lp_sender_set(:c1, 'email', 'bob@agency.example', '{"limit": 1}');
SELECT lp_sender_set(:c1, 'email', 'bob@agency.example', '{"daily_limit": -1}');
SELECT lp_sender_set(:c1, 'email', 'bob@agency.example', '{"warmup_days": 0}');
SELECT lp_sender_set(:c1, 'email', 'bob@agency.example', '{"warmup_started_on": "2026-02-30"}');
SELECT lp_sender_set(:c1, 'email', 'bob@agency.example', '{"min_gap": "-1 s"}');
SELECT lp_sender_set(:c1, 'email', 'bob@agency.example', '{"paused": "yes"}');
SELECT count(*) FROM lead_senders;

-- a test clock without a zone is UTC, whatever the session's zone
SET TIME ZONE 'Asia/Tokyo';
SET leadpool.now = '2026-03-05 08:00';
SELECT updated_at = '2026-03-05 08:00+00' AS utc FROM lp_client_set(:c2);
SHOW TIME ZONE;
ROLLBACK;

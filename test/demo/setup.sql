-- The platform: roles, two agencies and one that is about to leave, mailboxes and numbers.
CREATE ROLE service_role NOLOGIN;
CREATE ROLE engine LOGIN IN ROLE service_role;
CREATE EXTENSION leadpool;
-- The demo's clock is simulated; a real engine never gets this.
GRANT SET ON PARAMETER leadpool.now TO engine;
CREATE SCHEMA demo AUTHORIZATION engine;
SET ROLE engine;
SET leadpool.now = '2026-03-02 09:00+00';

CREATE TABLE demo.agency (n int PRIMARY KEY, id uuid, campaign uuid, name text, mailbox text, cold_mailbox text, profile text, number text);
INSERT INTO demo.agency
SELECT n, format('10000000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid, format('40000000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid,
       name, 'ann@' || lower(name) || '.example', 'new@' || lower(name) || '.example', lower(name) || '-ann', '+1202555010' || n
FROM (VALUES (1, 'Northwind'), (2, 'Southgate')) v (n, name);

SELECT lp_client_set(id, name, jsonb_build_object('time_zone', CASE n WHEN 1 THEN 'America/New_York' ELSE 'Europe/London' END,
                                                  'exclude_domains', CASE n WHEN 1 THEN '["quillmere-robotics.example"]' ELSE '[]' END::jsonb))
FROM demo.agency;
SELECT lp_sender_set(id, 'email', mailbox, '{"daily_limit": 60, "warmup_ready": true}'),
       lp_sender_set(id, 'email', cold_mailbox, '{"daily_limit": 40, "warmup_ready": false}'),
       lp_sender_set(id, 'linkedin', profile, '{"daily_limit": 25}'),
       lp_sender_set(id, 'sms', number, '{"daily_limit": 30}'),
       lp_sender_set(id, 'voice', number, '{"daily_limit": 30}')
FROM demo.agency;

-- What was known before the first lead came.
SELECT effect FROM lp_record_event('unsubscribed', email => 'unknown@harborwell-logistics.example', external_id => 'early');

CREATE TABLE demo.body (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, door text, body text);
CREATE TABLE demo.captured (body int, ordinal int, lead_id uuid, outcome text, detail text);
CREATE TABLE demo.claim (day int, agency int, channel lp_channel, lead_id uuid, touch_id uuid, allowed boolean, blocked_by text, failed text[], retry_at timestamptz);
CREATE TABLE demo.event (day int, event text, effect text);

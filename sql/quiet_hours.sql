-- When calls and messages are lawful.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET LOCAL TimeZone = 'Asia/Kolkata';
-- One line an instant: what lp_contact_hours says, times in UTC.
CREATE FUNCTION pg_temp.ask(country text, state text, zone text, VARIADIC instants timestamptz[])
RETURNS TABLE (at text, lawful boolean, next_at text) LANGUAGE sql AS $$
    SELECT i AT TIME ZONE 'UTC', h.lawful, h.next_at AT TIME ZONE 'UTC'
    FROM unnest(instants) WITH ORDINALITY u(i, n), lp_contact_hours('voice', country, state, zone, i) h ORDER BY n $$;

-- Every zone and every country of the data is real.
SELECT country_code, state, zone FROM lead_zones, unnest(zones) zone
WHERE zone NOT IN (SELECT name FROM pg_timezone_names) ORDER BY 1, 2, 3;
SELECT count(*) > 240 AS every_country FROM lead_zones WHERE state = '' AND shipped;
SELECT country_code FROM lead_quiet_hours WHERE country_code <> '*' EXCEPT SELECT country_code FROM lead_zones ORDER BY 1;
-- A rule that excludes holidays has holidays, in both years.
SELECT h.country_code, y FROM lead_quiet_hours h, generate_series(2026, 2027) y
WHERE NOT 8 = ANY (days) AND h.country_code <> '*' AND shipped
  AND NOT EXISTS (SELECT FROM lead_holidays d WHERE d.country_code = h.country_code AND extract(year FROM holiday) = y) ORDER BY 1, 2;
-- Whatever is shipped for voice is shipped for sms.
SELECT country_code, state, days, opens, closes FROM lead_quiet_hours WHERE channel = 'voice'
EXCEPT SELECT country_code, state, days, opens, closes FROM lead_quiet_hours WHERE channel = 'sms';

-- Open from the first microsecond to the last but not beyond: Illinois, 8 to 21.
SELECT * FROM pg_temp.ask('US', 'Illinois', 'America/Chicago', '2026-03-04 13:59:59.999999+00', '2026-03-04 14:00+00',
    '2026-03-05 02:59:59.999999+00', '2026-03-05 03:00+00');
-- The zone told wins over the state; without one the state decides, also by its letters.
SELECT * FROM pg_temp.ask('US', 'Illinois', 'America/Los_Angeles', '2026-03-04 14:00+00');
SELECT * FROM pg_temp.ask('US', 'IL', NULL, '2026-03-04 14:00+00', '2026-03-04 13:00+00');
SELECT * FROM pg_temp.ask('United States', ' illinois ', 'No/Such_Zone', '2026-03-04 13:00+00');
-- Stricter states: Texas on Sunday, Florida in the evening (its two zones must agree).
SELECT * FROM pg_temp.ask('US', 'Texas', 'America/Chicago', '2026-03-01 17:59:59.999999+00', '2026-03-01 18:00+00', '2026-03-02 14:30+00');
SELECT * FROM pg_temp.ask('US', 'Florida', NULL, '2026-03-04 13:00+00', '2026-03-04 14:00+00', '2026-03-05 00:59:59.999999+00', '2026-03-05 01:00+00');
-- Arizona has no summer time, but its north-east has.
SELECT * FROM pg_temp.ask('US', 'Arizona', NULL, '2026-07-01 14:30+00', '2026-07-01 15:00+00', '2026-07-02 02:59:59.999999+00', '2026-07-02 03:00+00');
SELECT * FROM pg_temp.ask('US', 'Arizona', 'America/Phoenix', '2026-07-02 03:00+00', '2026-01-02 03:00+00');
-- A country whose zone is not known: all of its zones, Honolulu's morning to New York's evening.
SELECT * FROM pg_temp.ask('US', NULL, NULL, '2026-01-07 17:59:59.999999+00', '2026-01-07 18:00+00', '2026-01-08 01:59:59.999999+00', '2026-01-08 02:00+00');
-- Eleven zones that have no lawful hour in common.
SELECT * FROM pg_temp.ask('RU', NULL, NULL, '2026-03-04 09:00+00');
-- Country unknown: never without a zone, with one the strictest row.
SELECT * FROM pg_temp.ask(NULL, NULL, NULL, '2026-03-04 12:00+00');
SELECT * FROM pg_temp.ask('Atlantis', 'Illinois', NULL, '2026-03-04 12:00+00');
SELECT * FROM pg_temp.ask(NULL, NULL, 'Europe/Paris', '2026-03-04 07:59:59.999999+00', '2026-03-04 08:00+00', '2026-03-06 17:00+00');
-- A POSIX rule is no zone.
SELECT * FROM pg_temp.ask(NULL, NULL, 'EST5EDT', '2026-03-04 15:00+00');
SELECT * FROM pg_temp.ask(NULL, NULL, 'Foo/Bar5', '2026-03-04 15:00+00');

-- Two windows a day, weekends and holidays: France.
SELECT * FROM pg_temp.ask('FR', NULL, NULL, '2026-03-04 11:59:59.999999+00', '2026-03-04 12:00+00', '2026-03-04 13:00+00',
    '2026-03-06 19:00+00', '2026-05-13 18:00+00', '2026-05-14 10:00+00');
-- Easter in Australia: Saturday is no holiday, Sunday and Monday are closed.
SELECT * FROM pg_temp.ask('AU', 'Victoria', NULL, '2026-04-02 23:30+00', '2026-04-04 05:59:59.999999+00', '2026-04-04 06:00+00');

-- Clock changes: the night on which clocks go forward and the one on which they go back, by site rows.
INSERT INTO lead_quiet_hours (country_code, state, channel, days, opens, closes, law, version)
SELECT c, '', 'voice', '{1,2,3,4,5,6,7,8}', o, l, 'site', '1'
FROM (VALUES ('US', time '02:30', time '04:00'), ('GB', '01:30', '04:00'), ('AU', '02:15', '04:00')) r(c, o, l);
SELECT * FROM pg_temp.ask('US', 'Illinois', 'America/New_York', '2026-03-08 06:59:59.999999+00', '2026-03-08 07:00+00', '2026-03-08 08:00+00',
    '2026-11-01 07:29:59.999999+00', '2026-11-01 07:30+00', '2026-11-01 09:00+00');
SELECT * FROM pg_temp.ask('GB', NULL, 'Europe/London', '2026-03-29 00:59:59.999999+00', '2026-03-29 01:00+00', '2026-03-29 03:00+00',
    '2026-10-25 00:29:59.999999+00', '2026-10-25 00:30+00', '2026-10-25 01:00+00', '2026-10-25 01:29:59.999999+00', '2026-10-25 01:30+00', '2026-10-25 04:00+00');
SELECT * FROM pg_temp.ask('AU', NULL, 'Australia/Sydney', '2026-10-03 15:59:59.999999+00', '2026-10-03 16:00+00', '2026-10-03 17:00+00',
    '2026-04-04 15:15+00', '2026-04-04 16:00+00', '2026-04-04 16:15+00', '2026-04-04 18:00+00');
-- Half an hour at Lord Howe: 02:00 becomes 02:30, and 02:00 becomes 01:30.
SELECT * FROM pg_temp.ask('AU', NULL, 'Australia/Lord_Howe', '2026-10-03 15:29:59.999999+00', '2026-10-03 15:30+00', '2026-10-03 17:00+00',
    '2026-04-04 15:00+00', '2026-04-04 15:44:59.999999+00', '2026-04-04 15:45+00', '2026-04-04 17:30+00');
-- Every instant of those nights agrees with the local clock that PostgreSQL shows.
SELECT z, count(*) AS instants, count(*) FILTER (WHERE h.lawful <> ((t AT TIME ZONE z)::time >= o AND (t AT TIME ZONE z)::time < time '04:00')) AS wrong
FROM (VALUES ('US', 'America/New_York', time '02:30'), ('GB', 'Europe/London', '01:30'), ('AU', 'Australia/Sydney', '02:15'), ('AU', 'Australia/Lord_Howe', '02:15')) p(c, z, o),
     unnest(ARRAY['2026-03-07 20:00+00', '2026-10-31 20:00+00', '2026-03-28 20:00+00', '2026-10-24 20:00+00', '2026-10-03 10:00+00', '2026-04-04 10:00+00']::timestamptz[]) d,
     generate_series(d, d + interval '14 hours', interval '5 minutes') t, lp_contact_hours('voice', c, NULL, z, t) h
GROUP BY z ORDER BY z;

-- A site's row replaces the one shipped; one of a country does not widen a state's law.
SELECT * FROM pg_temp.ask('US', 'Illinois', 'America/Chicago', '2026-03-04 14:00+00', '2026-03-04 08:30+00');
SELECT * FROM pg_temp.ask('US', 'Florida', 'America/New_York', '2026-03-04 08:00+00', '2026-03-04 14:00+00');
INSERT INTO lead_quiet_hours (country_code, state, channel, days, opens, closes, law, version)
VALUES ('US', 'florida', 'voice', '{3,8}', '02:00', '03:00', 'site', '1');
SELECT * FROM pg_temp.ask('US', 'Florida', 'America/New_York', '2026-03-04 07:30+00', '2026-03-04 14:00+00');
DELETE FROM lead_quiet_hours WHERE NOT shipped;
-- Over midnight: Monday 22:00 to Tuesday 02:00, and not on a holiday's evening.
INSERT INTO lead_quiet_hours (country_code, state, channel, days, opens, closes, law, version)
VALUES ('GB', '', 'voice', '{1}', '22:00', '02:00', 'site', '1');
SELECT * FROM pg_temp.ask('GB', NULL, NULL, '2026-03-02 21:59:59.999999+00', '2026-03-02 22:00+00', '2026-03-03 01:59:59.999999+00', '2026-03-03 02:00+00', '2026-04-06 21:30+00');
DELETE FROM lead_quiet_hours WHERE NOT shipped;
-- The whole day, and no day at all.
INSERT INTO lead_quiet_hours (country_code, state, channel, days, opens, closes, law, version)
VALUES ('GB', '', 'voice', '{1,2,3,4,5,6,7,8}', '00:00', '24:00', 'site', '1'), ('IE', '', 'voice', '{}', '09:00', '18:00', 'site', '1');
SELECT * FROM pg_temp.ask('GB', NULL, NULL, '2026-04-06 00:00+00');
SELECT * FROM pg_temp.ask('IE', NULL, NULL, '2026-03-04 12:00+00');
-- A site's holiday, and a site's zones.
INSERT INTO lead_holidays (country_code, holiday, name, version) VALUES ('DE', '2026-03-04', 'House closed', '1');
SELECT * FROM pg_temp.ask('DE', NULL, NULL, '2026-03-04 12:00+00');
INSERT INTO lead_zones (country_code, state, zones) VALUES ('US', 'illinois', '{America/New_York}'), ('FI', '', '{No/Where}');
SELECT * FROM pg_temp.ask('US', 'Illinois', NULL, '2026-03-04 13:00+00');
SELECT * FROM pg_temp.ask('FI', NULL, NULL, '2026-03-04 12:00+00');

-- Other channels have no hours; the words for people.
SET LOCAL leadpool.now = '2026-03-04 03:00+00';
SELECT lawful, next_at, rule FROM lp_contact_hours('email');
SELECT lawful, next_at AT TIME ZONE 'UTC' AS next_at, rule FROM lp_contact_hours('sms', 'USA', 'TX', 'America/Chicago');
SELECT lawful, rule FROM lp_contact_hours('sms', 'US', NULL, NULL);
SELECT lawful, rule FROM lp_contact_hours('voice');
SELECT lawful, next_at FROM lp_contact_hours('voice', 'US', at => 'infinity');
SELECT lp_contact_hours(NULL);
ROLLBACK;

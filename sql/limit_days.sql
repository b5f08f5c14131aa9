-- A limit's day is a local day, 23 or 25 hours long where the clocks change: both sides of both nights in three zones.
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
SELECT count(*) FROM (SELECT add_lead(i) FROM generate_series(1, 60) i) t;
SELECT count(lp_assign(lead(i), client(1))) FROM generate_series(1, 60) i;
CREATE TEMP SEQUENCE next_lead;
-- One send a day: the last moment of a day takes it, the next day begins a microsecond later.
CREATE FUNCTION night(zone text, day date) RETURNS TABLE (zone_name text, hours interval, first boolean, last boolean, retry_is_next_day boolean, next_day boolean) LANGUAGE plpgsql AS $$
DECLARE
    starts timestamptz := day::timestamp AT TIME ZONE zone;
    ends timestamptz := (day + 1)::timestamp AT TIME ZONE zone;
    box text := replace(lower(zone), '/', '.') || day || '@agency.example';
    c record;
BEGIN
    PERFORM lp_sender_set(client(1), 'email', box, jsonb_build_object('warmup_ready', true, 'daily_limit', 1, 'time_zone', zone));
    PERFORM set_config('leadpool.now', starts::text, false);
    SELECT * INTO c FROM lp_jit_claim(lead(nextval('next_lead')::int), client(1), 'email', box, ttl => '24 hours');
    first := c.allowed;
    PERFORM lp_touch_dispatch(c.touch_id);
    PERFORM set_config('leadpool.now', (ends - interval '1 microsecond')::text, false);
    SELECT * INTO c FROM lp_jit_claim(lead(nextval('next_lead')::int), client(1), 'email', box);
    last := c.allowed;
    retry_is_next_day := c.retry_at = ends;
    PERFORM set_config('leadpool.now', ends::text, false);
    SELECT * INTO c FROM lp_jit_claim(lead(nextval('next_lead')::int), client(1), 'email', box);
    next_day := c.allowed;
    zone_name := zone;
    SELECT d.ends_at - d.starts_at INTO hours FROM lead_limit_days d JOIN lead_senders s ON s.id = d.scope_id WHERE s.sender = box AND d.starts_at = starts;
    RETURN NEXT;
END$$;
SELECT n.* FROM (VALUES ('America/New_York', '2026-03-07'::date), ('America/New_York', '2026-03-08'), ('America/New_York', '2026-03-09'), ('America/New_York', '2026-11-01'), ('America/New_York', '2026-11-02'),
    ('Europe/Berlin', '2026-03-28'), ('Europe/Berlin', '2026-03-29'), ('Europe/Berlin', '2026-03-30'), ('Europe/Berlin', '2026-10-25'), ('Europe/Berlin', '2026-10-26'),
    ('Australia/Sydney', '2026-04-04'), ('Australia/Sydney', '2026-04-05'), ('Australia/Sydney', '2026-10-03'), ('Australia/Sydney', '2026-10-04'), ('Australia/Sydney', '2026-10-05')) t(z, d), night(z, d) n;
ROLLBACK;

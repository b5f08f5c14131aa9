-- Clients, leads and random operations for test/t/stress.pl.
CREATE EXTENSION leadpool;

CREATE SEQUENCE stress_done;
CREATE TABLE stress_log (op text, ok boolean, client uuid, wanted integer, got integer, criteria jsonb,
    at timestamptz DEFAULT clock_timestamp());

-- Four clients: two leave people alone for the usual periods, two do not, so
-- that their limits are what stops them.
CREATE FUNCTION stress_client(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid$$;

CREATE PROCEDURE stress_fill(leads integer) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1 .. 4 LOOP
        PERFORM lp_client_set(stress_client(n), 'Client ' || n, CASE WHEN n > 2
            THEN '{"recent_contact": "0", "channel_cooling": "0", "daily_limit": 18, "company_exclusive": true}'::jsonb
            ELSE '{"max_active_leads": 900, "daily_allocation": 1500}' END);
        PERFORM lp_sender_set(stress_client(n), 'email', 'out' || n || '@agency.example',
                              '{"warmup_ready": true, "daily_limit": 12}');
    END LOOP;
    FOR batch IN 0 .. leads / 500 - 1 LOOP
        PERFORM lp_capture_apollo(jsonb_build_object('people', (
            SELECT jsonb_agg(jsonb_build_object(
                'id', 'apollo-' || i, 'first_name', 'Person ' || i,
                'email', 'person' || i || '@company' || i % 700 || '.example', 'email_status', 'verified',
                'linkedin_url', 'http://www.linkedin.com/in/example-' || i, 'country', 'Netherlands',
                'organization', jsonb_build_object('id', 'org-' || i % 700, 'name', 'Company ' || i % 700,
                                                   'primary_domain', 'company' || i % 700 || '.example')))
            FROM generate_series(batch * 500 + 1, batch * 500 + 500) i)));
        COMMIT;
    END LOOP;
END
$$;

-- A lead by chance: mostly one of the few hundred that all sessions fight for.
CREATE FUNCTION stress_lead() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT lp_find_lead(apollo_id => 'apollo-' || CASE WHEN random() < 0.8
        THEN 1 + floor(random() * 300) ELSE 1 + floor(random() * 5000) END)
$$;

CREATE FUNCTION stress_do(op text, client integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    me uuid := stress_client(client);
    lead uuid := stress_lead();
    touch uuid;
    owned uuid;
    wanted integer := 1 + floor(random() * 15)::integer;
    got integer;
    criteria jsonb := CASE WHEN random() < 0.2 THEN '{"titles": ["title 1"]}' ELSE '{}' END;
BEGIN
    SELECT a.lead_id INTO owned FROM lead_assignments a WHERE a.client_id = me AND a.status = 'active'
    ORDER BY hashtext(a.id::text || random()::text) LIMIT 1;
    CASE op
        WHEN 'allocate' THEN
            SELECT count(*) INTO got FROM lp_allocate(me, NULL, wanted, criteria);
            INSERT INTO stress_log (op, client, wanted, got, criteria) VALUES ('allocated', me, wanted, got, criteria);
            RETURN got > 0;
        WHEN 'assign' THEN
            RETURN (lp_assign(lead, me)).id IS NOT NULL;
        WHEN 'claim' THEN
            RETURN (SELECT allowed FROM lp_jit_claim(coalesce(owned, lead), me,
                CASE WHEN random() < 0.7 THEN 'email' ELSE 'linkedin' END::lp_channel, 'out' || client || '@agency.example'));
        WHEN 'dispatch' THEN
            SELECT id INTO touch FROM lead_touches WHERE state = 'claimed' ORDER BY random() LIMIT 1;
            RETURN touch IS NOT NULL AND lp_touch_dispatch(touch);
        WHEN 'confirm' THEN
            SELECT id INTO touch FROM lead_touches WHERE state = 'dispatched' ORDER BY random() LIMIT 1;
            RETURN touch IS NOT NULL AND (lp_touch_confirm(touch)).state = 'sent';
        WHEN 'fail' THEN
            SELECT id INTO touch FROM lead_touches WHERE state IN ('claimed', 'dispatched') ORDER BY random() LIMIT 1;
            RETURN touch IS NOT NULL AND (lp_touch_fail(touch, 'no route')).state = 'failed';
        WHEN 'event' THEN
            RETURN (SELECT effect <> 'duplicate' FROM lp_record_event(
                (ARRAY['replied', 'unsubscribed', 'bounced', 'soft_bounced', 'not_interested', 'interested',
                       'auto_replied', 'opened', 'delivered', 'converted'])[1 + floor(random() * 10)::integer],
                lead_id => coalesce(owned, lead), channel => 'email'));
        WHEN 'release' THEN
            RETURN (lp_release(coalesce(owned, lead), me, 'stress')).id IS NOT NULL;
        WHEN 'merge' THEN
            -- often two who were contacted
            IF random() < 0.6 THEN
                SELECT t.lead_id INTO owned FROM lead_touches t WHERE t.state IN ('dispatched', 'sent') ORDER BY random() LIMIT 1;
                SELECT t.lead_id INTO lead FROM lead_touches t WHERE t.state IN ('dispatched', 'sent')
                  AND t.lead_id <> owned ORDER BY random() LIMIT 1;
            END IF;
            RETURN lead IS NOT NULL AND lp_merge(lead, coalesce(owned, stress_lead()), 'stress') IS NOT NULL;
        WHEN 'capture' THEN
            RETURN (SELECT outcome <> 'rejected' FROM lp_capture('operator', jsonb_build_object(
                'apollo_id', 'apollo-' || 1 + floor(random() * 300), 'title', 'Title ' || floor(random() * 5),
                -- now and then somebody goes to another company
                'company_primary_domain', CASE WHEN random() < 0.5 THEN 'company' || floor(random() * 60) || '.example' END)));
        WHEN 'cancel' THEN
            RETURN lp_client_cancel(me, 'stress') IS NOT NULL;
        WHEN 'resume' THEN
            RETURN (lp_client_set(me, NULL, '{"status": "active"}')).status = 'active';
    END CASE;
END
$$;

-- Never called in one transaction with another operation.
CREATE FUNCTION stress_op(seed bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    dice double precision;
    op text;
    result boolean;
BEGIN
    PERFORM setseed((seed % 1000000) / 1000000.0), nextval('stress_done');
    dice := random() * 100;
    op := CASE WHEN dice < 15 THEN 'allocate' WHEN dice < 20 THEN 'assign' WHEN dice < 48 THEN 'claim'
               WHEN dice < 64 THEN 'dispatch' WHEN dice < 76 THEN 'confirm' WHEN dice < 79 THEN 'fail'
               WHEN dice < 87 THEN 'event' WHEN dice < 91 THEN 'release' WHEN dice < 94 THEN 'merge'
               WHEN dice < 97 THEN 'capture' WHEN dice < 98 THEN 'cancel' ELSE 'resume' END;
    result := stress_do(op, 1 + floor(random() * 4)::integer);
    INSERT INTO stress_log (op, ok) VALUES (op, result);
    RETURN result;
END
$$;

-- Every move of a touch or an assignment is written down.
CREATE TABLE stress_moves (relation text, was text, becomes text);
CREATE FUNCTION stress_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.stress_moves VALUES (TG_TABLE_NAME, to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0]);
    RETURN NULL;
END
$$;
CREATE TRIGGER stress_move AFTER UPDATE ON lead_touches FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION stress_move('state');
CREATE TRIGGER stress_move AFTER UPDATE ON lead_assignments FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION stress_move('status');

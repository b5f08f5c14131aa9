-- Random leads with random pasts, and random criteria, for test/t/explain.pl.
CREATE EXTENSION leadpool;

CREATE FUNCTION pick(VARIADIC texts text[]) RETURNS text LANGUAGE sql VOLATILE AS
    'SELECT texts[1 + floor(random() * array_length(texts, 1))::int]';
CREATE FUNCTION client(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$SELECT ('00000000-0000-7000-8000-c0000000000' || n)::uuid$$;

-- Clients that differ in what they exclude, keep and hold.
CREATE PROCEDURE make_clients() LANGUAGE sql AS $$
    SELECT count(*) FROM (VALUES
        (1, '{"exclude_domains": ["eu.co3.example", "co5.example"], "max_active_leads": 100}'::jsonb),
        (2, '{"company_exclusive": true, "release_contacted": "10 days"}'),
        (3, '{"not_interested_cooling": "1 day", "release_contacted": "0"}'),
        (4, '{"not_interested_cooling": "24 months", "daily_allocation": 100}')) c(n, settings),
        lp_client_set(client(n), 'Client ' || n, settings);
$$;

CREATE FUNCTION some_lead(i int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    c text := 'co' || 1 + floor(random() * 6) || '.example';
BEGIN
    RETURN jsonb_strip_nulls(jsonb_build_object('apollo_id', 'person' || i, 'full_name', 'Person ' || i,
        'email', pick('p' || i || '@mail.' || c, 'p' || i || '@' || c, 'p' || i || '@eu.' || c, 'shared@' || c, NULL),
        'email_status', pick('verified', 'verified', 'verified', 'guessed', 'extrapolated', NULL),
        'linkedin_url', pick(NULL, 'https://www.linkedin.com/in/person' || i),
        'phone', pick(NULL, '+3161234' || lpad(floor(random() * 60)::text, 4, '0')),
        'country', pick('Netherlands', 'Germany', 'United States', NULL),
        'title', pick('VP of Sales', 'CEO', 'Sales VP', NULL), 'seniority', pick('vp', 'c_suite', NULL),
        'company_industry', pick('Retail', 'machinery', NULL), 'city', pick('Austin', 'Berlin', NULL),
        'company_primary_domain', pick(c, 'eu.' || c, 'www.' || c, NULL), 'company_apollo_id', pick(NULL, 'org-' || c),
        'company_estimated_num_employees', pick('5', '50', NULL)));
END
$$;

-- One thing that happens to a lead.
CREATE PROCEDURE happen(lead uuid, email text) LANGUAGE plpgsql AS $$
DECLARE
    who uuid := client(1 + floor(random() * 4)::int);
    owner uuid := (SELECT a.client_id FROM lead_assignments a WHERE a.lead_id = lead AND a.status = 'active');
BEGIN
    CASE floor(random() * 8)::int
        WHEN 0, 1 THEN PERFORM lp_assign(lead, who);
        WHEN 2 THEN PERFORM lp_touch_record(lead, who, pick('email', 'linkedin')::lp_channel);
        WHEN 3 THEN PERFORM lp_release(lead, coalesce(owner, who), 'by chance');
        WHEN 4 THEN PERFORM lp_record_event(pick('not_interested', 'replied', 'converted', 'bounced', 'bounced', 'unsubscribed',
                        'consent_revoked', 'interested'), lead, who, pick('email', 'voice')::lp_channel);
        WHEN 5 THEN
            PERFORM lp_touch_record(lead, coalesce(owner, who), 'email');
            PERFORM lp_release(lead, coalesce(owner, who), 'by chance');
        WHEN 6 THEN PERFORM lp_suppress('email', email, pick('bounced', 'excluded', 'dnc', 'consent_revoked'), who);
        ELSE PERFORM lp_transfer(lead, who, 'by chance');
    END CASE;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE !~ '^(LP00|22)' THEN
        RAISE;
    END IF;
END
$$;

CREATE PROCEDURE make_leads(n int) LANGUAGE plpgsql AS $$
DECLARE
    said jsonb;
    lead uuid;
BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM set_config('leadpool.now', '2026-01-04 15:00+00', false);
        said := some_lead(i);
        SELECT lead_id INTO lead FROM lp_capture('list', said);
        FOR turn IN 1 .. floor(random() * 4) LOOP
            PERFORM set_config('leadpool.now', (timestamptz '2026-01-05 00:00+00' + turn * interval '9 days'
                                                + random() * interval '6 days')::text, false);
            CALL happen(lead, said ->> 'email');
        END LOOP;
    END LOOP;
END
$$;

CREATE FUNCTION some_criteria() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'channels', pick(NULL, '["email"]', '["email", "linkedin"]', '["voice"]', '["sms", "mail"]', '["linkedin"]')::jsonb,
        'email_statuses', pick(NULL, NULL, '["guessed"]', '["verified", "extrapolated"]')::jsonb,
        'countries', pick(NULL, NULL, '["US"]', '["Netherlands", "DE"]')::jsonb,
        'titles', pick(NULL, NULL, NULL, '["vp sales"]', '["ceo"]')::jsonb,
        'domains', pick(NULL, NULL, NULL, '["co1.example", "co2.example"]')::jsonb,
        'exclude_domains', pick(NULL, NULL, '["co1.example"]', '["mail.co2.example"]', '["eu.co2.example"]')::jsonb,
        'has_phone', pick(NULL, NULL, NULL, 'true', 'false')::jsonb, 'min_score', pick(NULL, NULL, '10')::jsonb,
        'industries', pick(NULL, NULL, NULL, '["retail"]')::jsonb, 'exclude_industries', pick(NULL, NULL, '["retail"]')::jsonb))
$$;

-- What lp_assign says of a lead, which stays as it was.
CREATE FUNCTION try_assign(lead uuid, who uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lp_assign(lead, who);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN OTHERS THEN
    RETURN CASE SQLSTATE WHEN 'ZZ000' THEN 'given' ELSE SQLSTATE END;
END
$$;

-- The leads that a call would hand out, which stay as they were.
CREATE FUNCTION try_allocate(who uuid, criteria jsonb) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    leads uuid[];
BEGIN
    SELECT array_agg(lead_id) INTO leads FROM lp_allocate(who, NULL, 100000, criteria);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN leads;
END
$$;

-- Leads as a capture would leave them, with ids that tests can name.
CREATE FUNCTION lead(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid$$;
CREATE FUNCTION n(lead uuid) RETURNS int LANGUAGE sql IMMUTABLE AS
$$SELECT right(lead::text, 12)::int$$;
CREATE FUNCTION client(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$SELECT ('00000000-0000-7000-8000-c00' || lpad(n::text, 9, '0'))::uuid$$;
CREATE FUNCTION add_lead(n int, fields jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
    INSERT INTO lead_pool SELECT (jsonb_populate_record(NULL::lead_pool, jsonb_build_object(
        'id', lead(n), 'state', 'active', 'score', 50, 'email', format('p%s@co%s.example', n, n),
        'email_status', 'verified', 'email_locked', false, 'email_role', false, 'sources', '{list}',
        'created_at', timestamptz '2026-01-01 00:00+00' + n * interval '1 hour',
        'updated_at', timestamptz '2026-01-01 00:00+00') || fields)).*;
    INSERT INTO lead_state (lead_id, flags, email_key, phone_key, email_domain, company_domain, company_org)
    SELECT id, CASE WHEN email IS NOT NULL AND NOT email_locked THEN 1 ELSE 0 END
             | CASE WHEN email_status = 'verified' THEN 2 ELSE 0 END
             | CASE WHEN phone IS NOT NULL THEN 16 ELSE 0 END
             | CASE WHEN line_type = 'landline' THEN 32 ELSE 0 END
             | CASE WHEN linkedin_url IS NOT NULL THEN 64 ELSE 0 END
             | CASE WHEN street_address IS NOT NULL AND city IS NOT NULL THEN 128 ELSE 0 END,
           hashtextextended(email, 0), hashtextextended(phone, 0), split_part(email, '@', 2),
           company_primary_domain, company_apollo_id
    FROM lead_pool WHERE id = lead(n);
$$;

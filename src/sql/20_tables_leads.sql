/*
 * Leads: the wide row, the slim row that checks read, what allocation reads,
 * and the keys by which a person is known.
 *
 * There is no foreign key between the extension's tables and no trigger:
 * pg_restore loads members in any order with their constraints in place.
 */

CREATE TABLE @extschema@.lead_pool (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    state text NOT NULL DEFAULT 'active',
    merged_into uuid,
    score smallint NOT NULL DEFAULT 0,
    email text,
    email_match text,
    email_status text,
    email_locked boolean NOT NULL DEFAULT false,
    email_role boolean NOT NULL DEFAULT false,
    email_bounced_at timestamptz,
    unsubscribed_at timestamptz,
    phone text,
    phone_type text,
    phone_status text,
    line_type text,
    carrier text,
    linkedin_url text,
    linkedin_slug text,
    country_code text,
    zone text,
    sources text[] NOT NULL DEFAULT '{}',
    first_source text,
    enriched_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    apollo_id text,
    first_name text,
    last_name text,
    full_name text,
    title text,
    linkedin_headline text,
    photo_url text,
    twitter_url text,
    github_url text,
    facebook_url text,
    extrapolated_email_confidence double precision,
    email_domain_catchall boolean,
    personal_emails text[],
    hashed_email text,
    street_address text,
    city text,
    person_state text,
    country text,
    postal_code text,
    formatted_address text,
    time_zone text,
    seniority text,
    departments text[],
    subdepartments text[],
    functions text[],
    employment_history jsonb,
    person_organization_id text,
    account_id text,
    account jsonb,
    contact_id text,
    contact jsonb,
    phone_numbers jsonb,
    revealed_for_current_team boolean,
    is_likely_to_engage boolean,
    show_intent boolean,
    intent_strength text,
    match_confidence text,
    starred_by_user_ids text[],
    excluded_for_leadgen boolean,
    flagged_datum jsonb,
    mobile_phone text,
    sanitized_phone text,
    last_name_obfuscated text,
    last_refreshed_at timestamptz,
    has_email boolean,
    has_city boolean,
    has_state boolean,
    has_country boolean,
    has_direct_phone text,
    enrichment_status text,
    waterfall_emails jsonb,
    waterfall jsonb,
    company_apollo_id text,
    company_name text,
    company_website_url text,
    company_primary_domain text,
    company_blog_url text,
    company_angellist_url text,
    company_crunchbase_url text,
    company_linkedin_url text,
    company_linkedin_uid text,
    company_twitter_url text,
    company_facebook_url text,
    company_logo_url text,
    company_phone text,
    company_sanitized_phone text,
    company_primary_phone jsonb,
    company_languages text[],
    company_num_languages integer,
    company_alexa_ranking integer,
    company_founded_year integer,
    company_publicly_traded_symbol text,
    company_publicly_traded_exchange text,
    company_market_cap text,
    company_industry text,
    company_industries text[],
    company_secondary_industries text[],
    company_industry_tag_id text,
    company_industry_tag_hash jsonb,
    company_keywords text[],
    company_sic_codes text[],
    company_naics_codes text[],
    company_estimated_num_employees integer,
    company_snippets_loaded boolean,
    company_retail_location_count integer,
    company_num_retail_locations integer,
    company_raw_address text,
    company_street_address text,
    company_city text,
    company_state text,
    company_postal_code text,
    company_country text,
    company_owned_by_organization_id text,
    company_owned_by_organization jsonb,
    company_owned_by_chain text[],
    company_ultimate_parent_organization jsonb,
    company_suborganizations jsonb,
    company_num_suborganizations integer,
    company_subsidiary_rollups jsonb,
    company_seo_description text,
    company_description text,
    company_revenue numeric,
    company_annual_revenue numeric,
    company_annual_revenue_printed text,
    company_organization_revenue numeric,
    company_revenue_printed text,
    company_total_funding numeric,
    company_total_funding_printed text,
    company_latest_funding_round_date timestamptz,
    company_latest_funding_stage text,
    company_funding_events jsonb,
    company_technologies text[],
    company_current_technologies jsonb,
    company_chart_root_people_ids text[],
    company_chart_sector text,
    company_chart_removed boolean,
    company_chart_show_department_filter boolean,
    company_departmental_head_count jsonb,
    company_headcount_growth_6m double precision,
    company_headcount_growth_12m double precision,
    company_headcount_growth_24m double precision,
    company_employee_metrics jsonb,
    company_account_id text,
    company_account jsonb,
    company_show_intent boolean,
    company_intent_strength text,
    company_has_intent_signal_account boolean,
    company_intent_signal_account jsonb,
    company_generic_org_insights jsonb,
    company_detail_view_loaded boolean,
    company_persona_counts jsonb,
    company_starred_by_user_ids text[],
    company_has_industry boolean,
    company_has_phone boolean,
    company_has_city boolean,
    company_has_state boolean,
    company_has_country boolean,
    company_has_zip_code boolean,
    company_has_revenue boolean,
    company_has_employee_count boolean,
    CONSTRAINT lead_pool_pkey PRIMARY KEY (id),
    CONSTRAINT lead_pool_state CHECK (state IN ('active', 'merged', 'erased')),
    CONSTRAINT lead_pool_merged CHECK ((state = 'merged') = (merged_into IS NOT NULL)),
    CONSTRAINT lead_pool_score CHECK (score BETWEEN 0 AND 100)
) WITH (toast_tuple_target = 4080);
/*
 * Two rows a page.  With four, as by default, some forty values of a row are
 * stored elsewhere, each on its own, which is most of the work of writing it.
 */
CREATE INDEX lead_pool_created_at ON @extschema@.lead_pool (created_at);
/* What identifies a person must not show in pg_stats. */
ALTER TABLE @extschema@.lead_pool
    ALTER COLUMN email SET STATISTICS 0,
    ALTER COLUMN email_match SET STATISTICS 0,
    ALTER COLUMN phone SET STATISTICS 0,
    ALTER COLUMN linkedin_url SET STATISTICS 0,
    ALTER COLUMN linkedin_slug SET STATISTICS 0,
    ALTER COLUMN apollo_id SET STATISTICS 0,
    ALTER COLUMN first_name SET STATISTICS 0,
    ALTER COLUMN last_name SET STATISTICS 0,
    ALTER COLUMN full_name SET STATISTICS 0,
    ALTER COLUMN personal_emails SET STATISTICS 0,
    ALTER COLUMN hashed_email SET STATISTICS 0,
    ALTER COLUMN photo_url SET STATISTICS 0,
    ALTER COLUMN twitter_url SET STATISTICS 0,
    ALTER COLUMN github_url SET STATISTICS 0,
    ALTER COLUMN facebook_url SET STATISTICS 0,
    ALTER COLUMN street_address SET STATISTICS 0,
    ALTER COLUMN formatted_address SET STATISTICS 0,
    ALTER COLUMN contact_id SET STATISTICS 0,
    ALTER COLUMN contact SET STATISTICS 0,
    ALTER COLUMN phone_numbers SET STATISTICS 0,
    ALTER COLUMN mobile_phone SET STATISTICS 0,
    ALTER COLUMN sanitized_phone SET STATISTICS 0,
    ALTER COLUMN last_name_obfuscated SET STATISTICS 0,
    ALTER COLUMN waterfall_emails SET STATISTICS 0,
    ALTER COLUMN waterfall SET STATISTICS 0,
    ALTER COLUMN linkedin_headline SET STATISTICS 0,
    ALTER COLUMN employment_history SET STATISTICS 0;
COMMENT ON TABLE @extschema@.lead_pool IS
    'One wide row a person: identity, everything providers told about the person, and about the company (company_*).';

CREATE TABLE @extschema@.lead_state (
    lead_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'active',
    flags integer NOT NULL DEFAULT 0,
    email_key bigint,
    phone_key bigint,
    linkedin_key bigint,
    contacted_by uuid,
    contacted_at timestamptz,
    kept_for uuid,
    kept_until timestamptz,
    replied_at timestamptz,
    not_interested_at timestamptz,
    converted_at timestamptz,
    converted_by uuid,
    country_code text,
    region text,
    zone text,
    email_domain text,
    company_domain text,
    company_org text,
    company_host text,
    CONSTRAINT lead_state_pkey PRIMARY KEY (lead_id),
    CONSTRAINT lead_state_company_length CHECK (octet_length(company_domain) <= 253 AND octet_length(company_host) <= 253
        AND octet_length(company_org) <= 320),
    CONSTRAINT lead_state_state CHECK (state IN ('active', 'merged', 'erased'))
) WITH (fillfactor = 80);
CREATE INDEX lead_state_email_key ON @extschema@.lead_state (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX lead_state_phone_key ON @extschema@.lead_state (phone_key) WHERE phone_key IS NOT NULL;
CREATE INDEX lead_state_linkedin_key ON @extschema@.lead_state (linkedin_key) WHERE linkedin_key IS NOT NULL;
CREATE INDEX lead_state_company_domain ON @extschema@.lead_state (company_domain) WHERE company_domain IS NOT NULL;
CREATE INDEX lead_state_company_org ON @extschema@.lead_state (company_org) WHERE company_org IS NOT NULL;
COMMENT ON COLUMN @extschema@.lead_pool.person_state IS 'State or province of the person (state is the state of the row).';

COMMENT ON TABLE @extschema@.lead_state IS
    'One slim row a person: what the checks before a send read, and the row whose lock is the lock of the lead.';
COMMENT ON COLUMN @extschema@.lead_state.flags IS
    'Bits (src/core/lead.h): 1 email, 2 verified, 4 catch-all, 8 role address, 16 phone, 32 landline, 64 LinkedIn profile, 128 postal address, 256 locked address, 512 a ban covers the whole person.';
COMMENT ON COLUMN @extschema@.lead_state.contacted_by IS 'The first client that contacted the person.';
COMMENT ON COLUMN @extschema@.lead_state.company_host IS 'The company''s domain as given, where it is a sub-domain of company_domain.';
COMMENT ON COLUMN @extschema@.lead_state.kept_for IS 'The client for which a person contacted earlier is kept from all others until kept_until.';

CREATE TABLE @extschema@.lead_available (
    lead_id uuid NOT NULL,
    score smallint NOT NULL,
    channels smallint NOT NULL,
    has_phone boolean NOT NULL,
    has_linkedin boolean NOT NULL,
    more_industries boolean NOT NULL,
    employees integer,
    revenue double precision,
    created_at timestamptz NOT NULL,
    from_at timestamptz,
    country_code text COLLATE "C",
    industry text COLLATE "C",
    email_status text COLLATE "C",
    seniority text COLLATE "C",
    region text COLLATE "C",
    city text COLLATE "C",
    domain text COLLATE "C",
    company_domain text COLLATE "C",
    company_org text COLLATE "C",
    CONSTRAINT lead_available_pkey PRIMARY KEY (lead_id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX lead_available_score ON @extschema@.lead_available (score DESC, lead_id);
CREATE INDEX lead_available_country ON @extschema@.lead_available (country_code, score DESC, lead_id);
CREATE INDEX lead_available_segment ON @extschema@.lead_available (country_code, industry, score DESC, lead_id);
CREATE INDEX lead_available_industry ON @extschema@.lead_available (industry, score DESC, lead_id);
CREATE INDEX lead_available_created ON @extschema@.lead_available (created_at DESC, lead_id);
CREATE INDEX lead_available_domain ON @extschema@.lead_available (domain);
/*
 * What is asked for by default, verified addresses, has ranges of its own: of a
 * segment whose best are gone the others would stand in front and be read by
 * every call.
 */
CREATE INDEX lead_available_verified_score ON @extschema@.lead_available (score DESC, lead_id)
    WHERE email_status = 'verified';
CREATE INDEX lead_available_verified_country ON @extschema@.lead_available (country_code, score DESC, lead_id)
    WHERE email_status = 'verified';
CREATE INDEX lead_available_verified_segment ON @extschema@.lead_available (country_code, industry, score DESC, lead_id)
    WHERE email_status = 'verified';
CREATE INDEX lead_available_verified_industry ON @extschema@.lead_available (industry, score DESC, lead_id)
    WHERE email_status = 'verified';
COMMENT ON TABLE @extschema@.lead_available IS
    'One slim row for each lead that may be handed out; allocation claims rows from it. Derived: never dumped, rebuilt after a restore.';

CREATE TABLE @extschema@.lead_available_built (
    built boolean NOT NULL DEFAULT true,
    built_at timestamptz NOT NULL,
    CONSTRAINT lead_available_built_pkey PRIMARY KEY (built),
    CONSTRAINT lead_available_built_once CHECK (built)
);
COMMENT ON TABLE @extschema@.lead_available_built IS
    'Present once lead_available and lead_terms have been filled in this database; absent after a restore, so that the first allocation rebuilds them.';

CREATE TABLE @extschema@.lead_terms (
    lead_id uuid NOT NULL,
    terms text[] COLLATE "C" NOT NULL,
    CONSTRAINT lead_terms_pkey PRIMARY KEY (lead_id)
);
CREATE INDEX lead_terms_terms ON @extschema@.lead_terms USING gin (terms);
COMMENT ON TABLE @extschema@.lead_terms IS
    'Words of title, technologies, keywords, departments and further industries of a lead, prefixed by kind, so that a rare filter never scans the pool. Derived like lead_available.';

CREATE TABLE @extschema@.lead_identities (
    kind text NOT NULL,
    value text COLLATE "C" NOT NULL,
    lead_id uuid NOT NULL,
    identifies boolean NOT NULL,
    key_hash bytea NOT NULL,
    source text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    CONSTRAINT lead_identities_pkey PRIMARY KEY (kind, value, lead_id),
    CONSTRAINT lead_identities_kind CHECK (kind IN ('apollo_id', 'email', 'phone', 'linkedin')),
    CONSTRAINT lead_identities_length CHECK (octet_length(value) BETWEEN 1 AND 320),
    CONSTRAINT lead_identities_phone CHECK (kind <> 'phone' OR NOT identifies)
);
CREATE UNIQUE INDEX lead_identities_one_lead ON @extschema@.lead_identities (kind, value) WHERE identifies;
CREATE INDEX lead_identities_lead ON @extschema@.lead_identities (lead_id);
CREATE INDEX lead_identities_key_hash ON @extschema@.lead_identities (key_hash);
ALTER TABLE @extschema@.lead_identities ALTER COLUMN value SET STATISTICS 0;
COMMENT ON TABLE @extschema@.lead_identities IS
    'Every key by which a person is or was known; the only truth for deduplication. A key leaves only with an erasure.';
COMMENT ON COLUMN @extschema@.lead_identities.identifies IS
    'True: the key names one person and ties captures together. False: a phone, a role address or a shared one, known to bans only.';
COMMENT ON COLUMN @extschema@.lead_identities.key_hash IS 'The key as bans know it (HMAC under the ban key).';

CREATE TABLE @extschema@.lead_companies (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    apollo_id text,
    primary_domain text,
    facts jsonb NOT NULL DEFAULT '{}',
    captured_at timestamptz,
    CONSTRAINT lead_companies_pkey PRIMARY KEY (id),
    CONSTRAINT lead_companies_key CHECK (apollo_id IS NOT NULL OR primary_domain IS NOT NULL),
    CONSTRAINT lead_companies_length CHECK (octet_length(apollo_id) <= 320 AND octet_length(primary_domain) <= 320)
);
CREATE UNIQUE INDEX lead_companies_apollo_id ON @extschema@.lead_companies (apollo_id) WHERE apollo_id IS NOT NULL;
CREATE INDEX lead_companies_domain ON @extschema@.lead_companies (primary_domain);
COMMENT ON TABLE @extschema@.lead_companies IS
    'One row a company: what organization answers told; it fills the company_* columns that its leads lack.';
COMMENT ON COLUMN @extschema@.lead_companies.primary_domain IS 'Registrable domain; free-mail domains make no company.';

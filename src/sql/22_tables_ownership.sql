/* Clients, their mailboxes and numbers, who owns whom, what was sent. */

CREATE TABLE @extschema@.lead_clients (
    id uuid NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    time_zone text NOT NULL DEFAULT 'UTC',
    settings jsonb NOT NULL DEFAULT '{}',
    paused_reason text,
    cancelled_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    bounces_after uuid,
    CONSTRAINT lead_clients_pkey PRIMARY KEY (id),
    CONSTRAINT lead_clients_status CHECK (status IN ('active', 'paused', 'cancelled'))
);
COMMENT ON TABLE @extschema@.lead_clients IS 'The agencies that leads are handed out to.';
COMMENT ON COLUMN @extschema@.lead_clients.bounces_after IS 'An id made when the client was last resumed: only bounces recorded later count for the breaker.';

CREATE TABLE @extschema@.lead_senders (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    client_id uuid NOT NULL,
    channel @extschema@.lp_channel NOT NULL,
    sender text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    paused_reason text,
    daily_limit integer,
    time_zone text,
    min_gap interval NOT NULL DEFAULT '0',
    warmup_ready boolean,
    warmup_started_on date,
    warmup_days integer NOT NULL DEFAULT 21,
    last_used_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    sender_match text COLLATE "C" NOT NULL,
    bounces_after uuid,
    CONSTRAINT lead_senders_pkey PRIMARY KEY (id),
    CONSTRAINT lead_senders_one_client UNIQUE (channel, sender_match),
    CONSTRAINT lead_senders_status CHECK (status IN ('active', 'paused')),
    CONSTRAINT lead_senders_paused CHECK (paused_reason IN ('operator', 'bounce_rate', 'client')),
    CONSTRAINT lead_senders_daily_limit CHECK (daily_limit >= 0),
    CONSTRAINT lead_senders_warmup_days CHECK (warmup_days > 0),
    CONSTRAINT lead_senders_length CHECK (octet_length(sender) <= 320)
);
CREATE INDEX lead_senders_client ON @extschema@.lead_senders (client_id);
COMMENT ON TABLE @extschema@.lead_senders IS 'Mailboxes, numbers and profiles that clients send from; one belongs to one client.';
COMMENT ON COLUMN @extschema@.lead_senders.bounces_after IS 'As in lead_clients.';
COMMENT ON COLUMN @extschema@.lead_senders.sender_match IS 'The sender as it is compared: match-email, E.164, or trimmed and case-folded.';

CREATE TABLE @extschema@.lead_assignments (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    lead_id uuid NOT NULL,
    client_id uuid NOT NULL,
    campaign_id uuid,
    status text NOT NULL DEFAULT 'active',
    outcome text,
    origin text NOT NULL,
    reason text,
    request_key text,
    assigned_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text,
    kept_until timestamptz,
    first_contacted_at timestamptz,
    last_contacted_at timestamptz,
    replied_at timestamptz,
    not_interested_at timestamptz,
    converted_at timestamptz,
    CONSTRAINT lead_assignments_pkey PRIMARY KEY (id),
    CONSTRAINT lead_assignments_status CHECK (status IN ('active', 'released', 'cancelled', 'transferred', 'merged_away', 'erased')),
    CONSTRAINT lead_assignments_outcome CHECK (outcome IN ('replied', 'interested', 'not_interested', 'meeting_booked', 'converted')),
    CONSTRAINT lead_assignments_origin CHECK (origin IN ('allocate', 'assign', 'transfer', 'request', 'import', 'merge')),
    CONSTRAINT lead_assignments_ended CHECK ((status = 'active') = (ended_at IS NULL)),
    CONSTRAINT lead_assignments_order CHECK (ended_at >= assigned_at)
);
CREATE UNIQUE INDEX lead_assignments_one_owner ON @extschema@.lead_assignments (lead_id) WHERE status = 'active';
CREATE INDEX lead_assignments_lead ON @extschema@.lead_assignments (lead_id, assigned_at);
CREATE INDEX lead_assignments_client ON @extschema@.lead_assignments (client_id, assigned_at);
CREATE INDEX lead_assignments_active ON @extschema@.lead_assignments (client_id) WHERE status = 'active';
COMMENT ON TABLE @extschema@.lead_assignments IS
    'Ownership over time. The unique index lead_assignments_one_owner is the promise that one lead belongs to one client.';
COMMENT ON COLUMN @extschema@.lead_assignments.kept_until IS 'Until when an ended assignment keeps the lead from every other client (infinity: for ever).';

CREATE TABLE @extschema@.lead_company_holds (
    company text COLLATE "C" NOT NULL,
    client_id uuid NOT NULL,
    held_at timestamptz NOT NULL,
    CONSTRAINT lead_company_holds_pkey PRIMARY KEY (company),
    CONSTRAINT lead_company_holds_length CHECK (octet_length(company) <= 330)
);
CREATE INDEX lead_company_holds_client ON @extschema@.lead_company_holds (client_id);
COMMENT ON TABLE @extschema@.lead_company_holds IS
    'Companies that a client with company_exclusive has to itself while it owns a lead there; the primary key is the promise.';
COMMENT ON COLUMN @extschema@.lead_company_holds.company IS '''domain:'' and the registrable domain, or ''apollo:'' and the Apollo organization id.';

CREATE TABLE @extschema@.lead_allocations (
    client_id uuid NOT NULL,
    request_key text NOT NULL,
    arguments_hash bytea NOT NULL,
    assignment_ids uuid[] NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT lead_allocations_pkey PRIMARY KEY (client_id, request_key),
    CONSTRAINT lead_allocations_length CHECK (octet_length(request_key) <= 320)
);
COMMENT ON TABLE @extschema@.lead_allocations IS 'Answers of lp_allocate by request_key, so that a retry gets the first answer; kept for 30 days.';

CREATE TABLE @extschema@.lead_requests (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    client_id uuid NOT NULL,
    campaign_id uuid,
    criteria jsonb NOT NULL,
    criteria_hash bytea NOT NULL,
    wanted integer NOT NULL,
    filled integer NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'open',
    stop_reason text,
    searched integer NOT NULL DEFAULT 0,
    next_page integer NOT NULL DEFAULT 1,
    enriched integer NOT NULL DEFAULT 0,
    credits numeric NOT NULL DEFAULT 0,
    per_company_max integer,
    asked_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT lead_requests_pkey PRIMARY KEY (id),
    CONSTRAINT lead_requests_status CHECK (status IN ('open', 'searching', 'filled', 'stopped', 'cancelled')),
    CONSTRAINT lead_requests_stop_reason CHECK (stop_reason IN ('budget', 'no_results', 'client_inactive', 'operator')),
    CONSTRAINT lead_requests_wanted CHECK (wanted >= 0 AND filled >= 0)
);
CREATE UNIQUE INDEX lead_requests_one_open ON @extschema@.lead_requests
    (client_id, coalesce(campaign_id, '00000000-0000-0000-0000-000000000000'::uuid), criteria_hash)
    WHERE status IN ('open', 'searching');
CREATE INDEX lead_requests_waiting ON @extschema@.lead_requests (created_at, id)
    WHERE status IN ('open', 'searching', 'stopped');
CREATE INDEX lead_requests_same ON @extschema@.lead_requests (client_id, criteria_hash);
COMMENT ON TABLE @extschema@.lead_requests IS 'Demand that the pool could not meet; one open request a client, campaign and criteria.';
COMMENT ON COLUMN @extschema@.lead_requests.searched IS 'People whom searches found for it.';
COMMENT ON COLUMN @extschema@.lead_requests.per_company_max IS 'The option of the call that noted the shortage: leads of one company, those that the call gave included.';
COMMENT ON COLUMN @extschema@.lead_requests.asked_at IS 'The time of that call.';
COMMENT ON COLUMN @extschema@.lead_requests.next_page IS 'The page that the next search asks for; 0: the provider has no more.';

CREATE TABLE @extschema@.lead_touches (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    lead_id uuid NOT NULL,
    client_id uuid NOT NULL,
    assignment_id uuid,
    campaign_id uuid,
    step text,
    channel @extschema@.lp_channel NOT NULL,
    sender text,
    state text NOT NULL,
    claimed_at timestamptz,
    expires_at timestamptz,
    dispatched_at timestamptz,
    sent_at timestamptz,
    ended_at timestamptz,
    provider_message_id text,
    error text,
    flags text[] NOT NULL DEFAULT '{}',
    counted_at timestamptz,
    address_key bigint,
    sender_match text COLLATE "C",
    CONSTRAINT lead_touches_pkey PRIMARY KEY (id),
    CONSTRAINT lead_touches_state CHECK (state IN ('claimed', 'dispatched', 'sent', 'failed', 'unknown', 'expired', 'fenced')),
    CONSTRAINT lead_touches_counted CHECK ((state IN ('claimed', 'dispatched', 'sent', 'unknown')) = (counted_at IS NOT NULL)),
    CONSTRAINT lead_touches_claimed CHECK (state <> 'claimed' OR (claimed_at IS NOT NULL AND expires_at IS NOT NULL)),
    CONSTRAINT lead_touches_step_length CHECK (octet_length(step) <= 320),
    CONSTRAINT lead_touches_sender_length CHECK (octet_length(sender) <= 320)
);
CREATE UNIQUE INDEX lead_touches_step ON @extschema@.lead_touches (lead_id, campaign_id, step)
    WHERE campaign_id IS NOT NULL AND step IS NOT NULL AND claimed_at IS NOT NULL
      AND state NOT IN ('failed', 'expired', 'fenced')
      /*
       * A claim that had ended and was sent all the same is a fact, never
       * refused; so are the touches of two leads that were merged.
       */
      AND NOT flags && '{late,after_fence,merged}';
CREATE INDEX lead_touches_lead ON @extschema@.lead_touches (lead_id, counted_at);
CREATE INDEX lead_touches_address ON @extschema@.lead_touches (address_key, counted_at) WHERE address_key IS NOT NULL;
CREATE INDEX lead_touches_sender ON @extschema@.lead_touches (sender_match, channel, counted_at) WHERE counted_at IS NOT NULL;
CREATE INDEX lead_touches_client ON @extschema@.lead_touches (client_id, counted_at) WHERE counted_at IS NOT NULL;
CREATE INDEX lead_touches_open ON @extschema@.lead_touches (client_id) WHERE state = 'claimed';
CREATE INDEX lead_touches_message ON @extschema@.lead_touches (md5(provider_message_id)) WHERE provider_message_id IS NOT NULL;
COMMENT ON TABLE @extschema@.lead_touches IS 'The ledger of claims and sends; refusals go to lead_decisions.';
COMMENT ON COLUMN @extschema@.lead_touches.counted_at IS
    'The moment at which the touch counts for recency, cooling and limits: claim, dispatch or send by state; null once it counts nowhere.';
COMMENT ON COLUMN @extschema@.lead_touches.address_key IS 'Keyed hash of the address used: people behind one address are one recipient.';

CREATE TABLE @extschema@.lead_limit_days (
    scope text COLLATE "C" NOT NULL,
    scope_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    CONSTRAINT lead_limit_days_pkey PRIMARY KEY (scope, scope_id, starts_at),
    CONSTRAINT lead_limit_days_scope CHECK (scope IN ('sender', 'client')),
    CONSTRAINT lead_limit_days_order CHECK (ends_at > starts_at)
);
COMMENT ON TABLE @extschema@.lead_limit_days IS
    'The local days in which a sender or client has claimed: their bounds stay fixed by the zone in force when they began, and the row is the lock of the day''s counter.';

CREATE TABLE @extschema@.lead_decisions (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    touch_id uuid,
    lead_id uuid NOT NULL,
    client_id uuid NOT NULL,
    channel @extschema@.lp_channel NOT NULL,
    allowed boolean NOT NULL,
    failed text[] NOT NULL,
    facts jsonb NOT NULL DEFAULT '{}',
    decided_at timestamptz NOT NULL,
    decided_for uuid,
    CONSTRAINT lead_decisions_pkey PRIMARY KEY (id)
);
CREATE INDEX lead_decisions_lead ON @extschema@.lead_decisions (lead_id, decided_at);
CREATE INDEX lead_decisions_decided ON @extschema@.lead_decisions (decided_at);
COMMENT ON TABLE @extschema@.lead_decisions IS 'Every decision of a claim, with the values that it rested on.';
COMMENT ON COLUMN @extschema@.lead_decisions.decided_for IS 'The id that the lead had then, where a merge has made it an alias of lead_id since.';

CREATE TABLE @extschema@.lead_events (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    event text NOT NULL,
    lead_id uuid,
    client_id uuid,
    channel @extschema@.lp_channel,
    touch_id uuid,
    external_id text,
    effect text NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    address_hash bytea,
    bounce_class text,
    sender_match text COLLATE "C",
    CONSTRAINT lead_events_pkey PRIMARY KEY (id),
    CONSTRAINT lead_events_bounce_class CHECK (bounce_class IN ('hard', 'soft', 'policy')),
    CONSTRAINT lead_events_sender_length CHECK (octet_length(sender_match) <= 320),
    CONSTRAINT lead_events_external_length CHECK (octet_length(external_id) <= 1000)
);
CREATE UNIQUE INDEX lead_events_external ON @extschema@.lead_events (event, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX lead_events_lead ON @extschema@.lead_events (lead_id, occurred_at) WHERE lead_id IS NOT NULL;
CREATE INDEX lead_events_address ON @extschema@.lead_events (address_hash) WHERE address_hash IS NOT NULL;
CREATE INDEX lead_events_touch ON @extschema@.lead_events (touch_id) WHERE touch_id IS NOT NULL;
CREATE INDEX lead_events_client_bounces ON @extschema@.lead_events (client_id, id) WHERE bounce_class = 'hard';
CREATE INDEX lead_events_sender_bounces ON @extschema@.lead_events (sender_match, id) WHERE bounce_class IN ('hard', 'policy');
COMMENT ON TABLE @extschema@.lead_events IS 'What happened after a send, as reported; idempotent by event and external_id.';
COMMENT ON COLUMN @extschema@.lead_events.bounce_class IS 'Of a bounce: hard (no such address), soft (later perhaps), policy (the sender was refused).';
COMMENT ON COLUMN @extschema@.lead_events.sender_match IS 'Of a bounce: the sender whose message came back, as it is compared.';
COMMENT ON COLUMN @extschema@.lead_events.address_hash IS 'Keyed hash of the address or number reported, so that an event that came before its lead finds it.';

CREATE TABLE @extschema@.lead_conflicts (
    id uuid NOT NULL DEFAULT @extschema@.lp_new_id(),
    kind text NOT NULL,
    lead_id uuid NOT NULL,
    other_lead_id uuid,
    client_kept uuid,
    client_lost uuid,
    assignment_id uuid,
    replacement_owed boolean NOT NULL DEFAULT false,
    replacement_id uuid,
    status text NOT NULL DEFAULT 'open',
    detail text,
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    CONSTRAINT lead_conflicts_pkey PRIMARY KEY (id),
    CONSTRAINT lead_conflicts_kind CHECK (kind IN ('merge_owner', 'identity', 'import_owner')),
    CONSTRAINT lead_conflicts_status CHECK (status IN ('open', 'settled'))
);
CREATE UNIQUE INDEX lead_conflicts_once ON @extschema@.lead_conflicts
    (kind, lead_id, other_lead_id, coalesce(assignment_id, '00000000-0000-0000-0000-000000000000'::uuid))
    WHERE status = 'open';
CREATE INDEX lead_conflicts_other ON @extschema@.lead_conflicts (other_lead_id);
COMMENT ON TABLE @extschema@.lead_conflicts IS 'What an operator must know or owes: two leads that look like one person, owners that clashed.';

/*
 * Who may do what, in one place.  Nothing is granted to PUBLIC or anon; an
 * object that is missing from lead_grants gets no grant and fails a test.
 */

CREATE VIEW @extschema@.lead_grants (object, kind, who) AS
VALUES
    /* functions: service = service_role and operators */
    ('lp_capture_apollo', 'function', 'service'),
    ('lp_capture_apollo_raw', 'function', 'service'),
    ('lp_capture', 'function', 'service'),
    ('lp_find_lead', 'function', 'service'),
    ('lp_field_map', 'function', 'service'),
    ('lp_suppress', 'function', 'service'),
    ('lp_is_suppressed', 'function', 'service'),
    ('lp_client_set', 'function', 'service'),
    ('lp_sender_set', 'function', 'service'),
    ('lp_allocate', 'function', 'service'),
    ('lp_assign', 'function', 'service'),
    ('lp_release', 'function', 'service'),
    ('lp_client_cancel', 'function', 'service'),
    ('lp_explain_allocation', 'function', 'service'),
    ('lp_proof_banned_contacts', 'function', 'service'),
    ('lp_proof_uncaptured_fields', 'function', 'service'),
    ('lp_score', 'function', 'service'),
    ('lp_jit_check', 'function', 'service'),
    ('lp_jit_check_batch', 'function', 'service'),
    ('lp_jit_explain', 'function', 'service'),
    ('lp_jit_claim', 'function', 'service'),
    ('lp_jit_claim_batch', 'function', 'service'),
    ('lp_touch_dispatch', 'function', 'service'),
    ('lp_touch_confirm', 'function', 'service'),
    ('lp_touch_fail', 'function', 'service'),
    ('lp_touch_record', 'function', 'service'),
    ('lp_record_event', 'function', 'service'),
    ('lp_provenance', 'function', 'service'),
    ('lp_subject_export', 'function', 'service'),
    ('lp_enrich', 'function', 'service'),
    ('lp_search_more', 'function', 'service'),
    ('lp_job_retry', 'function', 'service'),
    ('lp_job_cancel', 'function', 'service'),
    ('lp_receive_webhook', 'function', 'service'),
    ('lp_new_id', 'function', 'service'),
    ('lp_normalize', 'function', 'service'),
    ('lp_contact_hours', 'function', 'service'),
    ('lp_fold', 'function', 'owner'),
    ('lp_lead_terms', 'function', 'owner'),
    ('lp_fold_country', 'function', 'owner'),
    ('lp_worker_status', 'function', 'service'),
    ('lp_provider_check', 'function', 'service'),
    ('lp_worker_start', 'function', 'operator'),
    ('lp_worker_stop', 'function', 'operator'),
    ('lp_state_move', 'function', 'owner'),
    ('lp_unsuppress', 'function', 'operator'),
    ('lp_merge', 'function', 'operator'),
    ('lp_unmerge', 'function', 'operator'),
    ('lp_pin', 'function', 'operator'),
    ('lp_unpin', 'function', 'operator'),
    ('lp_drop_source', 'function', 'operator'),
    ('lp_forget', 'function', 'operator'),
    ('lp_transfer', 'function', 'operator'),
    ('lp_rebuild_available', 'function', 'operator'),
    ('lp_grant', 'function', 'operator'),
    /* tables and views: read = SELECT for service_role and operators */
    ('lead_pool', 'table', 'read'),
    ('lead_state', 'table', 'read'),
    ('lead_available', 'table', 'read'),
    ('lead_available_built', 'table', 'owner'),
    ('lead_terms', 'table', 'read'),
    ('lead_identities', 'table', 'read'),
    ('lead_companies', 'table', 'read'),
    ('lead_captures', 'table', 'read'),
    ('lead_capture_keys', 'table', 'owner'),
    ('lead_unmapped', 'table', 'read'),
    ('lead_clients', 'table', 'read'),
    ('lead_senders', 'table', 'read'),
    ('lead_assignments', 'table', 'read'),
    ('lead_company_holds', 'table', 'read'),
    ('lead_allocations', 'table', 'owner'),
    ('lead_requests', 'table', 'read'),
    ('lead_touches', 'table', 'read'),
    ('lead_limit_days', 'table', 'read'),
    ('lead_decisions', 'table', 'read'),
    ('lead_events', 'table', 'read'),
    ('lead_conflicts', 'table', 'read'),
    ('lead_merges', 'table', 'read'),
    ('lead_merge_rows', 'table', 'owner'),
    ('lead_suppressions', 'table', 'read'),
    ('lead_keys', 'table', 'read'),
    ('lead_pins', 'table', 'read'),
    /* rules that are data: operators change them, site rows only */
    ('lead_quiet_hours', 'table', 'rules'),
    ('lead_holidays', 'table', 'rules'),
    ('lead_zones', 'table', 'rules'),
    ('lead_score_weights', 'table', 'rules'),
    ('lead_provider_calls', 'table', 'read'),
    ('lead_provider_calls_id_seq', 'sequence', 'owner'),
    ('lead_jobs', 'table', 'read'),
    ('lead_jobs_id_seq', 'sequence', 'owner'),
    ('lead_provider_answers', 'table', 'owner'),
    ('lead_request_candidates', 'table', 'read'),
    ('lead_budgets', 'table', 'read'),
    ('lead_provider_state', 'table', 'read'),
    ('lead_webhook_tokens', 'table', 'owner'),
    ('lead_job_stats', 'view', 'read'),
    ('lead_provider_stats', 'view', 'read'),
    ('lead_worker_identity', 'table', 'read'),
    ('lead_worker_events', 'table', 'read'),
    ('lead_worker_events_id_seq', 'sequence', 'owner'),
    ('lead_worker_status', 'view', 'read'),
    ('lead_unmapped_paths', 'view', 'read'),
    ('lead_proof_collisions', 'view', 'read'),
    ('lead_proof_unclaimed_sends', 'view', 'read'),
    ('lead_proof_banned_contacts', 'view', 'read'),
    ('lead_proof_uncaptured_fields', 'view', 'read'),
    ('lead_proof_double_spend', 'view', 'read'),
    ('lead_grants', 'view', 'read'),
    ('lead_personal_data', 'view', 'read'),
    /* types */
    ('lp_channel', 'type', 'service'),
    ('lp_jit_verdict', 'type', 'service');
COMMENT ON VIEW @extschema@.lead_grants IS
    'The permission policy that lp_grant applies: service = service_role and operators, operator = leadpool_operator, read = SELECT for both, rules = read, and rows may be changed by operators, owner = nobody else.';

CREATE FUNCTION @extschema@.lp_grant() RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    item record;
    grantee text;
BEGIN
    FOR item IN
        SELECT g.kind, g.who,
               CASE g.kind WHEN 'function' THEN 'FUNCTION ' || p.oid::regprocedure
                           WHEN 'type' THEN 'TYPE ' || t.oid::regtype
                           WHEN 'sequence' THEN 'SEQUENCE ' || c.oid::regclass
                           ELSE 'TABLE ' || c.oid::regclass END AS object
        FROM @extschema@.lead_grants g
        LEFT JOIN pg_proc p ON g.kind = 'function' AND p.proname = g.object
                           AND p.pronamespace = '@extschema@'::regnamespace
        LEFT JOIN pg_type t ON g.kind = 'type' AND t.typname = g.object
                           AND t.typnamespace = '@extschema@'::regnamespace
        LEFT JOIN pg_class c ON g.kind IN ('table', 'view', 'sequence') AND c.relname = g.object
                            AND c.relnamespace = '@extschema@'::regnamespace
        WHERE coalesce(p.oid, t.oid, c.oid) IS NOT NULL
    LOOP
        /* Supabase grants to these by default privileges. */
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', item.object);
        FOR grantee IN SELECT rolname FROM pg_roles
                       WHERE rolname IN ('anon', 'authenticated', 'service_role', 'leadpool_operator')
        LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %I', item.object, grantee);
        END LOOP;
        FOR grantee IN SELECT rolname FROM pg_roles
                       WHERE rolname = 'leadpool_operator'
                          OR (rolname = 'service_role' AND item.who <> 'operator')
        LOOP
            CONTINUE WHEN item.who = 'owner';
            EXECUTE format('GRANT %s ON %s TO %I',
                           CASE item.kind WHEN 'function' THEN 'EXECUTE' WHEN 'type' THEN 'USAGE'
                                ELSE CASE WHEN item.who = 'rules' AND grantee = 'leadpool_operator'
                                          THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END END,
                           item.object, grantee);
        END LOOP;
    END LOOP;
    FOR grantee IN SELECT rolname FROM pg_roles WHERE rolname IN ('service_role', 'leadpool_operator')
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', '@extschema@', grantee);
    END LOOP;
END
$function$;
COMMENT ON FUNCTION @extschema@.lp_grant() IS
$$Applies the permission policy of lead_grants to the roles that exist (service_role, leadpool_operator), and takes away what default privileges gave to PUBLIC, anon and authenticated. Repeatable; call it after creating one of the roles. Operators only.
Result: nothing.
Errors: 42501 (the caller is no operator).
Example: SELECT lp_grant();$$;

/* Everything belongs to leadpool_owner, then the policy is applied. */
DO $leadpool$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT CASE d.classid WHEN 'pg_class'::regclass THEN
                        CASE c.relkind WHEN 'v' THEN 'VIEW ' ELSE 'TABLE ' END || d.objid::regclass
                    WHEN 'pg_proc'::regclass THEN 'FUNCTION ' || d.objid::regprocedure
                    ELSE 'TYPE ' || d.objid::regtype END AS object
        FROM pg_depend d
        JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
        LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
        WHERE e.extname = 'leadpool' AND d.deptype = 'e'
          AND (c.relkind IN ('r', 'v') OR d.classid = 'pg_proc'::regclass
               OR (t.typtype IN ('e', 'c') AND (t.typrelid = 0 OR EXISTS (
                   SELECT FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind = 'c'))))
    LOOP
        EXECUTE format('ALTER %s OWNER TO leadpool_owner', item.object);
    END LOOP;
    PERFORM @extschema@.lp_grant();
END
$leadpool$;

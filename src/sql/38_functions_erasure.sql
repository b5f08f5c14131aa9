/*
 * Forgetting a person, and telling what is known.
 *
 * The list below decides about every column of every table; a test fails for
 * one that is not in it.  What happens at an erasure: "keep" nothing (ids,
 * times, counts, words, facts of clients and companies), "clear" the column's
 * default, "delete" the row, "clean" mentions of the person are taken out,
 * "hash" nothing (a keyed hash, or the hash of a body, that tells nobody
 * anything).  found_by names the columns by which rows of a lead are found;
 * null: they are found by the person's keys.  searched: free text about anybody,
 * which is read through for mentions of the person (notes.c).
 */
CREATE VIEW @extschema@.lead_personal_data (table_name, column_name, what, found_by, searched) AS
SELECT d.table_name, c.column_name, d.what, d.found_by,
       (d.table_name, c.column_name) IN (
           ('lead_allocations', 'request_key'), ('lead_assignments', 'reason'), ('lead_assignments', 'request_key'),
           ('lead_assignments', 'end_reason'), ('lead_clients', 'paused_reason'), ('lead_conflicts', 'detail'),
           ('lead_decisions', 'facts'), ('lead_events', 'external_id'), ('lead_events', 'detail'),
           ('lead_merge_rows', 'before'), ('lead_merge_rows', 'after'), ('lead_merges', 'reason'), ('lead_pins', 'value'),
           ('lead_suppressions', 'note'), ('lead_suppressions', 'lift_reason'), ('lead_touches', 'step'),
           ('lead_touches', 'provider_message_id'), ('lead_touches', 'error'))
FROM (VALUES
    ('lead_pool', 'keep', NULL,
      'id state merged_into created_at updated_at'),
    ('lead_pool', 'clear', 'id',
      'score email email_match email_status email_locked email_role email_bounced_at unsubscribed_at phone phone_type ' ||
      'phone_status line_type carrier linkedin_url linkedin_slug country_code zone sources first_source enriched_at ' ||
      'apollo_id first_name last_name full_name title linkedin_headline photo_url twitter_url github_url facebook_url ' ||
      'extrapolated_email_confidence email_domain_catchall personal_emails hashed_email street_address city ' ||
      'person_state country postal_code formatted_address time_zone seniority departments subdepartments functions ' ||
      'employment_history person_organization_id account_id account contact_id contact phone_numbers ' ||
      'revealed_for_current_team is_likely_to_engage show_intent intent_strength match_confidence starred_by_user_ids ' ||
      'excluded_for_leadgen flagged_datum mobile_phone sanitized_phone last_name_obfuscated last_refreshed_at ' ||
      'has_email has_city has_state has_country has_direct_phone enrichment_status waterfall_emails waterfall ' ||
      'company_apollo_id company_name company_website_url company_primary_domain company_blog_url ' ||
      'company_angellist_url company_crunchbase_url company_linkedin_url company_linkedin_uid company_twitter_url ' ||
      'company_facebook_url company_logo_url company_phone company_sanitized_phone company_primary_phone ' ||
      'company_languages company_num_languages company_alexa_ranking company_founded_year ' ||
      'company_publicly_traded_symbol company_publicly_traded_exchange company_market_cap company_industry ' ||
      'company_industries company_secondary_industries company_industry_tag_id company_industry_tag_hash ' ||
      'company_keywords company_sic_codes company_naics_codes company_estimated_num_employees company_snippets_loaded ' ||
      'company_retail_location_count company_num_retail_locations company_raw_address company_street_address ' ||
      'company_city company_state company_postal_code company_country company_owned_by_organization_id ' ||
      'company_owned_by_organization company_owned_by_chain company_ultimate_parent_organization ' ||
      'company_suborganizations company_num_suborganizations company_subsidiary_rollups company_seo_description ' ||
      'company_description company_revenue company_annual_revenue company_annual_revenue_printed ' ||
      'company_organization_revenue company_revenue_printed company_total_funding company_total_funding_printed ' ||
      'company_latest_funding_round_date company_latest_funding_stage company_funding_events company_technologies ' ||
      'company_current_technologies company_chart_root_people_ids company_chart_sector company_chart_removed ' ||
      'company_chart_show_department_filter company_departmental_head_count company_headcount_growth_6m ' ||
      'company_headcount_growth_12m company_headcount_growth_24m company_employee_metrics company_account_id ' ||
      'company_account company_show_intent company_intent_strength company_has_intent_signal_account ' ||
      'company_intent_signal_account company_generic_org_insights company_detail_view_loaded company_persona_counts ' ||
      'company_starred_by_user_ids company_has_industry company_has_phone company_has_city company_has_state ' ||
      'company_has_country company_has_zip_code company_has_revenue company_has_employee_count'),
    ('lead_state', 'keep', NULL,
      'lead_id state contacted_by contacted_at kept_for kept_until replied_at not_interested_at converted_at ' ||
      'converted_by'),
    ('lead_state', 'clear', 'lead_id',
      'flags email_key phone_key linkedin_key country_code region zone email_domain company_domain company_host company_org'),
    ('lead_available', 'delete', 'lead_id',
      'lead_id score channels has_phone has_linkedin more_industries employees revenue created_at from_at ' ||
      'country_code industry email_status seniority region city domain company_domain company_org'),
    ('lead_available_built', 'keep', NULL,
      'built built_at'),
    ('lead_terms', 'delete', 'lead_id',
      'lead_id terms'),
    ('lead_identities', 'delete', 'lead_id',
      'kind value lead_id identifies key_hash source first_seen_at'),
    ('lead_companies', 'keep', NULL,
      'id apollo_id primary_domain captured_at'),
    ('lead_companies', 'clean', NULL,
      'facts'),
    ('lead_captures', 'keep', NULL,
      'id source envelope_id ordinal lead_id company_id element cuts captured_at first_seen_at'),
    ('lead_captures', 'clean', NULL,
      'part'),
    ('lead_captures', 'hash', NULL,
      'content_hash'),
    ('lead_capture_keys', 'keep', NULL,
      'capture_id'),
    ('lead_capture_keys', 'hash', NULL,
      'key_hash'),
    ('lead_unmapped', 'keep', NULL,
      'capture_id provider seen_at'),
    ('lead_unmapped', 'clean', NULL,
      'json_path sample'),
    ('lead_clients', 'keep', NULL,
      'id name status time_zone settings cancelled_at created_at updated_at bounces_after'),
    ('lead_clients', 'clean', NULL,
      'paused_reason'),
    ('lead_senders', 'keep', NULL,
      'id client_id channel sender status paused_reason daily_limit time_zone min_gap warmup_ready warmup_started_on ' ||
      'warmup_days last_used_at created_at updated_at sender_match bounces_after'),
    ('lead_assignments', 'keep', NULL,
      'id lead_id client_id campaign_id status outcome origin assigned_at ended_at kept_until first_contacted_at ' ||
      'last_contacted_at replied_at not_interested_at converted_at'),
    ('lead_assignments', 'clear', 'lead_id',
      'reason request_key end_reason'),
    ('lead_company_holds', 'keep', NULL,
      'company client_id held_at'),
    ('lead_allocations', 'keep', NULL,
      'client_id arguments_hash assignment_ids created_at'),
    ('lead_allocations', 'clean', NULL,
      'request_key'),
    ('lead_requests', 'keep', NULL,
      'id client_id campaign_id criteria criteria_hash wanted filled status stop_reason searched next_page enriched ' ||
      'credits per_company_max asked_at created_at updated_at'),
    ('lead_touches', 'keep', NULL,
      'id lead_id client_id assignment_id campaign_id channel sender state claimed_at expires_at dispatched_at ' ||
      'sent_at ended_at flags counted_at sender_match'),
    ('lead_touches', 'clear', 'lead_id',
      'step provider_message_id error address_key'),
    ('lead_limit_days', 'keep', NULL,
      'scope scope_id starts_at ends_at'),
    ('lead_decisions', 'keep', NULL,
      'id touch_id lead_id client_id channel allowed failed decided_at decided_for'),
    ('lead_decisions', 'clear', 'lead_id',
      'facts'),
    ('lead_events', 'keep', NULL,
      'id event lead_id client_id channel touch_id effect occurred_at recorded_at bounce_class sender_match'),
    ('lead_events', 'clean', NULL,
      'external_id'),
    ('lead_events', 'clear', 'lead_id',
      'detail address_hash'),
    ('lead_conflicts', 'keep', NULL,
      'id kind lead_id other_lead_id client_kept client_lost assignment_id replacement_owed replacement_id status ' ||
      'created_at settled_at'),
    ('lead_conflicts', 'clear', 'lead_id other_lead_id',
      'detail'),
    ('lead_suppressions', 'keep', NULL,
      'id ban_id kind key_id domain channel reason client_id origin created_at expires_at lifted_at'),
    ('lead_suppressions', 'hash', NULL,
      'value_hash key_hash'),
    ('lead_suppressions', 'clean', NULL,
      'note lift_reason'),
    ('lead_keys', 'keep', NULL,
      'key_id fingerprint created_at'),
    ('lead_quiet_hours', 'keep', NULL,
      'country_code state channel days opens closes law version shipped'),
    ('lead_holidays', 'keep', NULL,
      'country_code state holiday name version shipped'),
    ('lead_zones', 'keep', NULL,
      'country_code state zones shipped'),
    ('lead_score_weights', 'keep', NULL,
      'part value points shipped'),
    ('lead_merges', 'keep', NULL,
      'id survivor duplicate merged_at unmerged_at turn'),
    ('lead_merges', 'clear', 'survivor duplicate',
      'reason'),
    ('lead_merge_rows', 'keep', NULL,
      'merge_id relation'),
    ('lead_merge_rows', 'clean', NULL,
      'key before after'),
    ('lead_provider_calls', 'keep', NULL,
      'id job_id provider endpoint http_status outcome credits cost reserved reason started_at finished_at ms'),
    ('lead_provider_calls', 'hash', NULL,
      'subjects'),
    ('lead_jobs', 'keep', NULL,
      'id kind provider state priority lead_id request_id ingestion_id subject parameters attempts next_at lease_until ' ||
      'call_id found error_code credits_reserved credits created_by created_at started_at finished_at'),
    ('lead_jobs', 'clear', 'lead_id',
      'reason error'),
    ('lead_provider_answers', 'keep', NULL,
      'call_id later ms received_at error deaths'),
    ('lead_provider_answers', 'clean', NULL,
      'body'),
    ('lead_request_candidates', 'delete', 'lead_id',
      'request_id lead_id found_at asked_at'),
    ('lead_budgets', 'keep', NULL,
      'provider day reserved spent'),
    ('lead_provider_state', 'keep', NULL,
      'provider endpoint hold_until hold_reason rate_left failures breaker breaker_until updated_at'),
    ('lead_webhook_tokens', 'keep', NULL,
      'call_id created_at expires_at used_at'),
    ('lead_webhook_tokens', 'hash', NULL,
      'token_hash'),
    ('lead_worker_identity', 'keep', NULL,
      'system_identifier database timeline instance approved_at approved_by'),
    ('lead_worker_events', 'keep', NULL,
      'id at level provider job_id code message'),
    ('lead_pins', 'delete', 'lead_id',
      'lead_id column_name value pinned_by pinned_at')
) d (table_name, what, found_by, columns),
LATERAL string_to_table(d.columns, ' ') c (column_name);
COMMENT ON VIEW @extschema@.lead_personal_data IS
    'Every column of every table, and what an erasure (lp_forget) does with it: keep, clear, delete (the row), clean (mentions are taken out), hash (a hash stays). searched: text about others, too, is read through for the person''s keys.';

CREATE FUNCTION @extschema@.lp_forget(lead_id uuid DEFAULT NULL, email text DEFAULT NULL, phone text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
    AS 'MODULE_PATHNAME', 'lp_forget';
COMMENT ON FUNCTION @extschema@.lp_forget(uuid, text, text) IS
$$Erases a person. In one transaction: an erasure ban over every key of the person, open claims void, the assignment ended as erased, every personal column of every table cleared (lead_personal_data is the list), the person's payloads removed, and mentions of the person taken out of what was captured and written about others. What stays are ids, times, counts and keyed hashes; a later capture of the person stores nothing. A person who is not known is banned all the same. Operators only.
Arguments: lead_id, email, phone - who it is; several together mean all of whom they name. People who were merged are one person; a number or address that another lead has too stays with that lead. A repeat takes out what was written since.
Result: a certificate without personal data: certificate_id (the ban_id of the ban), found, erased_at, leads, captures_cleaned, identities, events, claims_voided, jobs_cancelled, bans (rows in force under the certificate), key_id. A repeat changes nothing else.
Errors: 22004 (no argument), 22023 (no address or number), 42501 (the caller is no operator), LP001 (no such lead; one that was erased is found false), LP008 (the ban key is missing), 40001 (the person changed meanwhile: again).
Example: SELECT lp_forget(email => 'sam@buildright.example');$$;

CREATE FUNCTION @extschema@.lp_subject_export(lead_id uuid DEFAULT NULL, email text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
    AS 'MODULE_PATHNAME', 'lp_subject_export';
COMMENT ON FUNCTION @extschema@.lp_subject_export(uuid, text) IS
$$Everything that is stored about a person, for the person who asks. Times are in UTC.
Arguments: lead_id or email; with both, lead_id counts.
Result: an object: lead (the row of lead_pool), identities, captures (each payload verbatim), assignments, touches, events (by the person's addresses too), consents, suppressions (lifted ones too), provenance (every value with its source), state, merged (leads that were merged into it), merges, merge_rows (their journal), pins, conflicts, decisions.
Errors: 22004 (no argument), 22023 (no address), LP001 (nobody is known by it, or the person was erased).
Example: SELECT lp_subject_export(email => 'sam@buildright.example') -> 'lead';$$;

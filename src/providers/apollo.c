/*
 * apollo.c
 *	  The fields of Apollo's payloads: the one place that names them.
 *
 * A person's key, the column that takes its value, and what is known inside.
 * The column's type says how a value is converted.  "contact" and "account"
 * are the customer's own CRM data and may name another human: they are kept
 * whole and never read for identity.
 */
#include "postgres.h"

#include "providers/provider.h"

static LpShape account;
static LpShape contact;
static LpShape organization;

static LpShape employment = {
	.plain = "_id id key organization_id organization_name title start_date"
	" end_date current description raw_address kind degree major"
	" grade_level created_at updated_at",
	.lists = "emails",
};

/* Both shapes: of an answer (type, status) and of a webhook (type_cd ...). */
static LpShape dialer_flags = {
	.plain = "country_name country_enabled high_risk_calling_enabled"
	" potential_high_risk_number",
};
static const LpField phone_fields[] = {
	{"dialer_flags", NULL, &dialer_flags},
	{NULL}
};
static LpShape phone = {
	.fields = phone_fields,
	.plain = "raw_number sanitized_number type position status dnc_status"
	" source_name third_party_vendor_name _id id key type_cd"
	" status_cd confidence_cd direct_dial_source_cd dnc_status_cd"
	" dnc_status_updated_at created_at updated_at",
	.lists = "vendor_validation_statuses",
	.open = "dnc_other_info",
};

static LpShape found_email = {
	.plain = "email email_status_cd email_source_cd position"
	" extrapolated_email_confidence third_party_data_provider_id"
	" waterfall_enriched_at",
	.lists = "vendor_validation_statuses",
};

static LpShape vendor = {
	.plain = "id name status usedForVerification statusCode statusMessage"
	" authMechanism",
	.lists = "emails phone_numbers",
};
static const LpField vendors_fields[] = {
	{"vendors", NULL, &vendor, true},
	{NULL}
};
static LpShape vendors = {
	.fields = vendors_fields,
};
static const LpField waterfall_fields[] = {
	{"emails", NULL, &vendors, true},
	{"phone_numbers", NULL, &vendors, true},
	{NULL}
};
static LpShape waterfall = {
	.fields = waterfall_fields,
};

static LpShape primary_phone = {
	.plain = "number source sanitized_number country_code_added_from_hq",
};
static LpShape parent = {
	.plain = "id name website_url",
};
static LpShape suborganization = {
	.plain = "id name website_url estimated_num_employees country",
	.lists = "industries",
};
static LpShape rollups = {
	.plain = "total_estimated_employee_count",
	.lists = "countries industries",
};
static LpShape funding = {
	.plain = "id date news_url type investors amount currency",
};
static LpShape technology = {
	.plain = "uid name category",
};
static LpShape head_count = {
	.plain = "accounting administrative arts_and_design business_development"
	" consulting data_science education engineering entrepreneurship"
	" finance human_resources information_technology legal marketing"
	" media_and_commmunication operations product_management sales"
	" support",
};
static LpShape metrics_department = {
	.plain = "functions new retained churned",
};
static const LpField metrics_fields[] = {
	{"departments", NULL, &metrics_department, true},
	{NULL}
};
static LpShape metrics = {
	.fields = metrics_fields,
	.plain = "start_date",
};

static LpShape week = {
	.plain = "week_start_date count",
};
static LpShape top_path = {
	.plain = "_id total_visits",
};
static const LpField domain_fields[] = {
	{"weekly_aggregates", NULL, &week, true},
	{"top_5_paths", NULL, &top_path, true},
	{NULL}
};
static LpShape domain_aggregate = {
	.fields = domain_fields,
	.plain = "domain total_visits unique_visitors first_visit last_visit"
	" intent intent_score first_intent_signal_received_at"
	" last_intent_signal_received_at",
};
static LpShape page_views = {
	.plain = "one_day_count seven_day_count fifteen_day_count thirty_day_count"
	" sixty_day_count ninety_day_count",
};
static const LpField visitor_fields[] = {
	{"domain_aggregates", NULL, &domain_aggregate, true},
	{"page_view_aggregates", NULL, &page_views},
	{NULL}
};
static LpShape visitor_metrics = {
	.fields = visitor_fields,
	.plain = "overall_intent total_visits unique_visitors"
	" first_intent_signal_received_at last_intent_signal_received_at",
	.lists = "pages",
};
static const LpField intent_fields[] = {
	{"domain_aggregates", NULL, &domain_aggregate, true},
	{"website_visitor_metrics", NULL, &visitor_metrics},
	{NULL}
};
static LpShape intent_signal = {
	.fields = intent_fields,
	.plain = "_id id key account_id pre_generated_account_id organization_id"
	" team_id team_org_id aggregated_at created_at updated_at"
	" computed need_aggregation need_es_update new_reveal random"
	" overall_intent total_visits unique_visitors first_visited_at"
	" last_visited_at",
};

static LpShape rule_status = {
	.plain = "_id id key rule_action_config_id rule_config_id status_cd"
	" created_at updated_at",
};
static LpShape playbook_status = {
	.plain = "_id id key account_playbook_id playbook_id status_cd status"
	" paused_reason_cd created_at updated_at",
};
static LpShape month = {
	.plain = "month year inbound outbound",
};
static const LpField account_fields[] = {
	{"primary_phone", NULL, &primary_phone},
	{"suborganizations", NULL, &suborganization, true},
	{"funding_events", NULL, &funding, true},
	{"current_technologies", NULL, &technology, true},
	{"intent_signal_account", NULL, &intent_signal},
	{"parent_account", NULL, &parent},
	{"account_rule_config_statuses", NULL, &rule_status, true},
	{"account_playbook_statuses", NULL, &playbook_status, true},
	{"engagement_graph", NULL, &month, true},
	{NULL}
};
static LpShape account = {
	.fields = account_fields,
	.plain = "id name domain team_id organization_id account_stage_id source"
	" original_source source_display_name creator_id owner_id"
	" created_at phone sanitized_phone phone_status hubspot_id"
	" salesforce_id salesforce_record_url crm_owner_id crm_record_url"
	" parent_account_id linkedin_url existence_level modality"
	" show_intent intent_strength has_intent_signal_account"
	" num_contacts last_activity_date disable_flag"
	" suggest_location_enrichment organization_raw_address"
	" organization_street_address organization_city"
	" organization_state organization_country"
	" organization_postal_code test_predictive_score"
	" salesforce_owner_id hubspot_record_url salesloft_id"
	" salesloft_url website_url primary_domain blog_url angellist_url"
	" crunchbase_url linkedin_uid twitter_url facebook_url logo_url"
	" alexa_ranking founded_year publicly_traded_symbol"
	" publicly_traded_exchange market_cap industry industry_tag_id"
	" estimated_num_employees snippets_loaded retail_location_count"
	" raw_address street_address city state postal_code country"
	" owned_by_organization_id short_description num_suborganizations"
	" annual_revenue annual_revenue_printed organization_revenue"
	" organization_revenue_printed total_funding"
	" total_funding_printed latest_funding_round_date"
	" latest_funding_stage org_chart_sector org_chart_removed"
	" org_chart_show_department_filter"
	" organization_headcount_six_month_growth"
	" organization_headcount_twelve_month_growth"
	" organization_headcount_twenty_four_month_growth",
	.lists = "label_ids contact_emailer_campaign_ids account_queues"
	" starred_by_user_ids languages industries secondary_industries"
	" keywords org_chart_root_people_ids technology_names",
	.open = "industry_tag_hash typed_custom_fields custom_field_errors"
	" contact_campaign_status_tally persona_counts"
	" generic_org_insights",
};

static LpShape contact_email = {
	.plain = "email email_md5 email_sha256 email_status email_source"
	" extrapolated_email_confidence position email_from_customer"
	" free_domain source third_party_vendor_name email_needs_tickling"
	" email_true_status email_status_unavailable_reason"
	" email_last_engaged_at",
	.lists = "vendor_validation_statuses",
};
static LpShape campaign_status = {
	.plain = "id emailer_campaign_id send_email_from_user_id inactive_reason"
	" status added_at added_by_user_id finished_at paused_at"
	" auto_unpause_at send_email_from_email_address"
	" send_email_from_email_account_id manually_set_unpause"
	" failure_reason current_step_id"
	" in_response_to_emailer_message_id current_step_position",
	.lists = "cc_emails bcc_emails to_emails",
};
static const LpField contact_fields[] = {
	{"organization", NULL, &organization},
	{"account", NULL, &account},
	{"contact_emails", NULL, &contact_email, true},
	{"phone_numbers", NULL, &phone, true},
	{"employment_history", NULL, &employment, true},
	{"contact_rule_config_statuses", NULL, &rule_status, true},
	{"contact_campaign_statuses", NULL, &campaign_status, true},
	{NULL}
};
static LpShape contact = {
	.fields = contact_fields,
	.plain = "id person_id first_name last_name name title headline"
	" linkedin_url linkedin_uid twitter_url facebook_url github_url"
	" photo_url organization_name organization_id"
	" organization_logo_url account_id email email_status"
	" email_true_status updated_email_true_status email_source"
	" email_from_customer email_needs_tickling"
	" email_status_unavailable_reason email_unsubscribed"
	" email_domain_catchall extrapolated_email_confidence free_domain"
	" has_pending_email_arcgate_request has_email_arcgate_request"
	" email_manually_changed sanitized_phone account_phone_note"
	" direct_dial_status direct_dial_enrichment_failed_at"
	" call_opted_out present_raw_address street_address city state"
	" country postal_code formatted_address time_zone"
	" contact_stage_id owner_id creator_id source original_source"
	" source_display_name existence_level created_at updated_at"
	" last_activity_date next_contact_id person_deleted"
	" is_likely_to_engage show_intent intent_strength"
	" suggested_from_rule_engine_config_id crm_id crm_owner_id"
	" crm_record_url queued_for_crm_push salesforce_id"
	" salesforce_lead_id salesforce_contact_id salesforce_account_id"
	" salesforce_record_url salesforce_owner_id hubspot_vid"
	" hubspot_company_id test_predictive_score lead_request_id",
	.lists = "contact_roles label_ids emailer_campaign_ids merged_crm_ids"
	" starred_by_user_ids",
	.open = "contact_job_change_event typed_custom_fields custom_field_errors"
	" failed_email_verify_request crm_job",
};

static const LpField organization_fields[] = {
	{"id", "company_apollo_id"},
	{"name", "company_name"},
	{"website_url", "company_website_url"},
	{"primary_domain", "company_primary_domain"},
	{"blog_url", "company_blog_url"},
	{"angellist_url", "company_angellist_url"},
	{"crunchbase_url", "company_crunchbase_url"},
	{"linkedin_url", "company_linkedin_url"},
	{"linkedin_uid", "company_linkedin_uid"},
	{"twitter_url", "company_twitter_url"},
	{"facebook_url", "company_facebook_url"},
	{"logo_url", "company_logo_url"},
	{"phone", "company_phone"},
	{"sanitized_phone", "company_sanitized_phone"},
	{"primary_phone", "company_primary_phone", &primary_phone},
	{"languages", "company_languages", NULL, true},
	{"num_languages", "company_num_languages"},
	{"alexa_ranking", "company_alexa_ranking"},
	{"founded_year", "company_founded_year"},
	{"publicly_traded_symbol", "company_publicly_traded_symbol"},
	{"publicly_traded_exchange", "company_publicly_traded_exchange"},
	{"market_cap", "company_market_cap"},
	{"industry", "company_industry"},
	{"industries", "company_industries", NULL, true},
	{"secondary_industries", "company_secondary_industries", NULL, true},
	{"industry_tag_id", "company_industry_tag_id"},
	{"industry_tag_hash", "company_industry_tag_hash", NULL, false, true},
	{"keywords", "company_keywords", NULL, true},
	{"sic_codes", "company_sic_codes", NULL, true},
	{"naics_codes", "company_naics_codes", NULL, true},
	{"estimated_num_employees", "company_estimated_num_employees"},
	{"snippets_loaded", "company_snippets_loaded"},
	{"retail_location_count", "company_retail_location_count"},
	{"num_retail_locations", "company_num_retail_locations"},
	{"raw_address", "company_raw_address"},
	{"street_address", "company_street_address"},
	{"city", "company_city"},
	{"state", "company_state"},
	{"postal_code", "company_postal_code"},
	{"country", "company_country"},
	{"owned_by_organization_id", "company_owned_by_organization_id"},
	{"owned_by_organization", "company_owned_by_organization", &parent},
	{"owned_by_chain", "company_owned_by_chain", NULL, true},
	{"ultimate_parent_organization", "company_ultimate_parent_organization", &parent},
	{"suborganizations", "company_suborganizations", &suborganization, true},
	{"num_suborganizations", "company_num_suborganizations"},
	{"subsidiary_rollups", "company_subsidiary_rollups", &rollups},
	{"seo_description", "company_seo_description"},
	{"short_description", "company_description"},
	{"annual_revenue", "company_annual_revenue"},
	{"annual_revenue_printed", "company_annual_revenue_printed"},
	{"organization_revenue", "company_organization_revenue"},
	{"organization_revenue_printed", "company_revenue_printed"},
	{"total_funding", "company_total_funding"},
	{"total_funding_printed", "company_total_funding_printed"},
	{"latest_funding_round_date", "company_latest_funding_round_date"},
	{"latest_funding_stage", "company_latest_funding_stage"},
	{"funding_events", "company_funding_events", &funding, true},
	{"technology_names", "company_technologies", NULL, true},
	{"current_technologies", "company_current_technologies", &technology, true},
	{"org_chart_root_people_ids", "company_chart_root_people_ids", NULL, true},
	{"org_chart_sector", "company_chart_sector"},
	{"org_chart_removed", "company_chart_removed"},
	{"org_chart_show_department_filter", "company_chart_show_department_filter"},
	{"departmental_head_count", "company_departmental_head_count", &head_count},
	{"organization_headcount_six_month_growth", "company_headcount_growth_6m"},
	{"organization_headcount_twelve_month_growth", "company_headcount_growth_12m"},
	{"organization_headcount_twenty_four_month_growth", "company_headcount_growth_24m"},
	{"employee_metrics", "company_employee_metrics", &metrics, true},
	{"account_id", "company_account_id"},
	{"account", "company_account", &account},
	{"show_intent", "company_show_intent"},
	{"intent_strength", "company_intent_strength"},
	{"has_intent_signal_account", "company_has_intent_signal_account"},
	{"intent_signal_account", "company_intent_signal_account", &intent_signal},
	{"generic_org_insights", "company_generic_org_insights", NULL, false, true},
	{"detail_view_loaded", "company_detail_view_loaded"},
	{"persona_counts", "company_persona_counts", NULL, false, true},
	{"starred_by_user_ids", "company_starred_by_user_ids", NULL, true},
	{"has_industry", "company_has_industry"},
	{"has_phone", "company_has_phone"},
	{"has_city", "company_has_city"},
	{"has_state", "company_has_state"},
	{"has_country", "company_has_country"},
	{"has_zip_code", "company_has_zip_code"},
	{"has_revenue", "company_has_revenue"},
	{"has_employee_count", "company_has_employee_count"},
	{NULL}
};
static LpShape organization = {
	.fields = organization_fields,
};

static const LpField person_fields[] = {
	{"id", "apollo_id"},
	{"first_name", "first_name"},
	{"last_name", "last_name"},
	{"name", "full_name"},
	{"linkedin_url", "linkedin_url"},
	{"title", "title"},
	{"headline", "linkedin_headline"},
	{"photo_url", "photo_url"},
	{"twitter_url", "twitter_url"},
	{"github_url", "github_url"},
	{"facebook_url", "facebook_url"},
	{"email", "email"},
	{"email_status", "email_status"},
	{"extrapolated_email_confidence", "extrapolated_email_confidence"},
	{"email_domain_catchall", "email_domain_catchall"},
	{"personal_emails", "personal_emails", NULL, true},
	{"hashed_email", "hashed_email"},
	{"street_address", "street_address"},
	{"city", "city"},
	{"state", "person_state"},
	{"country", "country"},
	{"postal_code", "postal_code"},
	{"formatted_address", "formatted_address"},
	{"time_zone", "time_zone"},
	{"seniority", "seniority"},
	{"departments", "departments", NULL, true},
	{"subdepartments", "subdepartments", NULL, true},
	{"functions", "functions", NULL, true},
	{"employment_history", "employment_history", &employment, true},
	{"organization_id", "person_organization_id"},
	{"organization", NULL, &organization},
	{"account_id", "account_id"},
	{"account", "account", &account},
	{"contact_id", "contact_id"},
	{"contact", "contact", &contact},
	{"phone_numbers", "phone_numbers", &phone, true},
	{"revealed_for_current_team", "revealed_for_current_team"},
	{"is_likely_to_engage", "is_likely_to_engage"},
	{"show_intent", "show_intent"},
	{"intent_strength", "intent_strength"},
	{"match_confidence", "match_confidence"},
	{"starred_by_user_ids", "starred_by_user_ids", NULL, true},
	{"excluded_for_leadgen", "excluded_for_leadgen"},
	{"flagged_datum", "flagged_datum", NULL, false, true},
	{"mobile_phone", "mobile_phone"},
	{"sanitized_phone", "sanitized_phone"},
	{"last_name_obfuscated", "last_name_obfuscated"},
	{"last_refreshed_at", "last_refreshed_at"},
	{"has_email", "has_email"},
	{"has_city", "has_city"},
	{"has_state", "has_state"},
	{"has_country", "has_country"},
	{"has_direct_phone", "has_direct_phone"},
	{"status", "enrichment_status"},
	{"emails", "waterfall_emails", &found_email, true},
	{"waterfall", "waterfall", &waterfall},
	{NULL}
};
static LpShape person = {
	.fields = person_fields,
};

static LpShape envelope;

static const LpField envelope_fields[] = {
	{"webhook_result", NULL, &envelope},
	{NULL}
};
static LpShape envelope = {
	.fields = envelope_fields,
	.plain = "status error_code error_message request_id total_entries"
	" total_requested_enrichments total_requested_records"
	" total_requested_domains unique_enriched_records unique_domains"
	" unique_records missing_records credits_consumed"
	" partial_results_only has_join disable_eu_prospecting"
	" partial_results_limit num_fetch_result records_enriched"
	" email_records_enriched mobile_records_enriched"
	" enrichment_not_found email_records_not_found"
	" mobile_records_not_found request_initiated request_completed"
	" webhook_status request_type last_dispatched_at failure_reason"
	" person organization",
	.lists = "people matches contacts organizations target_fields model_ids",
	.open = "breadcrumbs pagination derived_params waterfall"
	" phone_enrichment error_details accounts",
};

const LpProvider lp_apollo = {
	.name = "apollo",
	.person = &person,
	.organization = &organization,
	.contact = &contact,
	.envelope = &envelope,
};

# Fill.pm
#	  Fills a database through the public functions: what a dump must carry and
#	  a crash must not tear.  Every table with data of a site gets rows.
package Fill;

use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(fill capture_batch client consistency);

# The id of client n.
sub client
{
	my ($n) = @_;
	return sprintf('10000000-0000-7000-8000-%012d', $n);
}

# A call of lp_capture for the people from .. to, made up by a rule.
sub capture_batch
{
	my ($from, $to) = @_;
	return qq(
		SELECT count(*) FROM lp_capture('list', (
			SELECT jsonb_agg(jsonb_build_object(
				'first_name', 'First' || n, 'last_name', 'Last' || n, 'full_name', 'First' || n || ' Last' || n,
				'email', 'person' || n || '\@company' || n % 997 || '.example',
				'email_status', CASE WHEN n % 10 = 0 THEN 'guessed' ELSE 'verified' END,
				'title', (ARRAY['CEO', 'VP Sales', 'Head of Operations', 'Engineer'])[n % 4 + 1],
				'seniority', (ARRAY['c_suite', 'vp', 'head', 'entry'])[n % 4 + 1],
				'country', (ARRAY['United States', 'Germany', 'Australia'])[n % 3 + 1],
				'linkedin_url', 'https://www.linkedin.com/in/person-' || n,
				'company_name', 'Company ' || n % 997,
				'company_primary_domain', 'company' || n % 997 || '.example',
				'company_industry', (ARRAY['retail', 'machinery'])[n % 2 + 1],
				'company_technologies', jsonb_build_array('Technology ' || n % 50),
				'company_estimated_num_employees', n % 5000) ORDER BY n)
			FROM generate_series($from, $to) n), '2026-02-01 00:00+00'));
}

# fill(node, database, leads): clients, senders, leads in every state.
sub fill
{
	my ($node, $database, $leads) = @_;
	my ($one, $two, $three) = map { client($_) } 1 .. 3;
	my $script = qq(
		SET leadpool.now = '2026-03-04 15:00+00';
		SELECT count(*) FROM lp_client_set('$one', 'First agency', '{"time_zone": "Europe/Berlin", "company_exclusive": true, "exclude_domains": ["company7.example"]}');
		SELECT count(*) FROM lp_client_set('$two', 'Second agency');
		SELECT count(*) FROM lp_client_set('$three', 'Third agency', '{"status": "paused"}');
		SELECT count(*) FROM lp_sender_set('$one', 'email', 'ann\@first.example', '{"warmup_ready": true, "daily_limit": 500}');
		SELECT count(*) FROM lp_sender_set('$two', 'email', 'bob\@second.example', '{"warmup_ready": true, "daily_limit": 500}');
		SELECT count(*) FROM lp_sender_set('$two', 'sms', '+12025550101');
		INSERT INTO lead_score_weights VALUES ('seniority', 'site', 7);
		INSERT INTO lead_quiet_hours VALUES ('US', 'zz', 'voice', '{1,2}', '10:00', '12:00', 'site', 'site');
		INSERT INTO lead_holidays VALUES ('US', '', '2026-11-27', 'Day after Thanksgiving', 'site');
		INSERT INTO lead_zones VALUES ('US', 'zz', '{America/Denver}');
		SELECT count(*) FROM lp_suppress('email', 'early\@nowhere.example', 'operator');
	);
	for (my $from = 1; $from <= $leads; $from += 1000)
	{
		my $to = $from + 999 < $leads ? $from + 999 : $leads;
		$script .= capture_batch($from, $to) . ";\n";
	}
	# Two people of two clients who turn out to be one, and a body that has what
	# no column is for.
	$script .= qq(
		SELECT count(*) FROM lp_capture_apollo('{"person": {"id": "apollo-1", "email": "person1\@company1.example", "email_status": "verified",
			"brand_new_field": {"deep": [1, 2]}, "organization": {"id": "org-1", "name": "Company 1", "primary_domain": "company1.example"}}}');
		SELECT count(*) FROM lp_capture_apollo('{"person": {"id": "apollo-2", "email": "person2\@company2.example", "email_status": "verified"}}');
		SELECT lp_assign(lp_find_lead(apollo_id => 'apollo-1'), '$one'), lp_assign(lp_find_lead(apollo_id => 'apollo-2'), '$two');
		SELECT count(*) FROM lp_capture_apollo('{"person": {"id": "apollo-1", "email": "person2\@company2.example", "email_status": "verified"}}');
		SELECT count(*) FROM lp_capture_apollo('{"organization": {"id": "org-2", "name": "Company 2", "primary_domain": "company2.example"}}');
		SELECT count(*) FROM lp_allocate('$one', '40000000-0000-7000-8000-000000000001', 40, '{"seniorities": ["vp"]}', '{"request_key": "first", "per_company_max": 2}');
		SELECT count(*) FROM lp_allocate('$two', '40000000-0000-7000-8000-000000000002', 300, '{"countries": ["Germany"]}');
		SELECT count(*) FROM lp_allocate('$two', '40000000-0000-7000-8000-000000000002', 5, '{"industries": ["nothing like it"]}');
		CREATE TEMP TABLE mine AS SELECT lead_id, row_number() OVER (ORDER BY lead_id) AS n FROM lead_assignments
			WHERE client_id = '$two' AND status = 'active';
		CREATE TEMP TABLE claimed AS SELECT m.n, m.lead_id, c.touch_id FROM mine m
			CROSS JOIN LATERAL lp_jit_claim(m.lead_id, '$two', 'email', 'bob\@second.example',
				'40000000-0000-7000-8000-000000000002', 'step 1') c WHERE m.n <= 60;
		SELECT count(*) FROM lp_jit_claim((SELECT lead_id FROM claimed WHERE n = 1), '$two', 'email', 'bob\@second.example');
		SELECT count(lp_touch_dispatch(touch_id)) FROM claimed WHERE n <= 50;
		SELECT count(*) FROM claimed, lp_touch_confirm(touch_id, 'message ' || n) WHERE n <= 40;
		SELECT count(*) FROM claimed, lp_touch_fail(touch_id, 'refused by the server') WHERE n BETWEEN 41 AND 45;
		SELECT count(*) FROM claimed, lp_record_event('replied', touch_id => touch_id, external_id => 'reply ' || n) WHERE n = 1;
		SELECT count(*) FROM claimed, lp_record_event('unsubscribed', touch_id => touch_id, external_id => 'stop ' || n) WHERE n = 2;
		SELECT count(*) FROM claimed, lp_record_event('bounced', touch_id => touch_id, external_id => 'bounce ' || n) WHERE n = 3;
		SELECT count(*) FROM claimed, lp_record_event('not_interested', touch_id => touch_id) WHERE n = 4;
		SELECT count(*) FROM claimed, lp_record_event('converted', touch_id => touch_id) WHERE n = 5;
		SELECT count(lp_pin(p.id, 'title', '"Pinned"')) FROM (SELECT id FROM lead_pool ORDER BY id LIMIT 3) p;
		SELECT count(*) FROM lp_record_event('unsubscribed', email => 'later\@nowhere.example', external_id => 'stop early');
		SELECT count(*) FROM claimed, lp_release(lead_id, '$two', 'done') WHERE n IN (6, 7);
		SELECT count(*) FROM mine, lp_release(lead_id, '$two', 'never used') WHERE n BETWEEN 100 AND 110;
		SELECT lp_suppress('domain', 'company11.example', 'operator'), lp_suppress('phone', '+12025550199', 'dnc'),
			lp_suppress('email', 'person3\@company3.example', 'excluded', client_id => '$one');
		INSERT INTO lead_provider_calls (provider, endpoint, subjects, outcome, credits, started_at)
			VALUES ('apollo', 'people/match', '{person1}', 'ok', 1, '2026-03-04 14:00+00');
		INSERT INTO lead_jobs (kind, provider, state, lead_id, subject, next_at, created_by, created_at)
			SELECT 'enrich', 'apollo', 'queued', p.id, p.id::text, '2026-03-04 14:00+00', 'somebody', '2026-03-04 14:00+00'
			FROM (SELECT id FROM lead_pool ORDER BY id LIMIT 1) p;
		INSERT INTO lead_provider_answers (call_id, body, ms, received_at, error) VALUES (1, '{}', 12, '2026-03-04 14:00+00', '22P02');
		INSERT INTO lead_budgets VALUES ('apollo', '2026-03-04', 1, 2);
		INSERT INTO lead_provider_state (provider, endpoint, updated_at) VALUES ('apollo', '', '2026-03-04 14:00+00');
		INSERT INTO lead_webhook_tokens VALUES ('\\x00', 1, '2026-03-04 14:00+00', '2026-04-04 14:00+00');
		INSERT INTO lead_request_candidates SELECT p.id, p.id, '2026-03-04 14:00+00' FROM (SELECT id FROM lead_pool LIMIT 1) p;
		INSERT INTO lead_worker_identity VALUES (1, 2, 3, '', '2026-03-04 14:00+00', 'somebody');
		INSERT INTO lead_worker_events (at, level, code, message) VALUES ('2026-03-04 14:00+00', 'error', 'XX000', 'no');
		SELECT lp_unsuppress(lp_suppress('email', 'lifted\@nowhere.example', 'operator'), 'by mistake');
	);
	# One statement fails: all of it is known to have run.
	my $out = $node->safe_psql($database, $script);
	return $out;
}

# Statements that return a row for each thing that hangs in the air: rows that
# point at nothing, rows that belong together and are not.  No row: consistent.
sub consistency
{
	return q(
		SELECT what, count(*), min(which) AS one_of_them FROM (
		SELECT 'lead without state' AS what, p.id::text AS which FROM lead_pool p
			WHERE NOT EXISTS (SELECT FROM lead_state s WHERE s.lead_id = p.id)
		UNION ALL SELECT 'state without lead', s.lead_id::text FROM lead_state s
			WHERE NOT EXISTS (SELECT FROM lead_pool p WHERE p.id = s.lead_id)
		UNION ALL SELECT 'state differs', p.id::text FROM lead_pool p JOIN lead_state s ON s.lead_id = p.id
			WHERE p.state <> s.state
		UNION ALL SELECT 'lead without identity', p.id::text FROM lead_pool p
			WHERE p.state = 'active' AND NOT EXISTS (SELECT FROM lead_identities i WHERE i.lead_id = p.id)
		UNION ALL SELECT 'email without identity', p.id::text FROM lead_pool p
			WHERE p.state = 'active' AND p.email_match IS NOT NULL AND NOT p.email_locked
			  AND NOT EXISTS (SELECT FROM lead_identities i WHERE i.lead_id = p.id AND i.kind = 'email')
		UNION ALL SELECT 'identity without lead', i.lead_id::text FROM lead_identities i
			WHERE NOT EXISTS (SELECT FROM lead_pool p WHERE p.id = i.lead_id)
		UNION ALL SELECT 'lead without capture', p.id::text FROM lead_pool p
			WHERE p.state = 'active' AND NOT EXISTS (SELECT FROM lead_captures c WHERE c.lead_id = p.id)
		UNION ALL SELECT 'capture without lead', c.id::text FROM lead_captures c
			WHERE c.lead_id IS NOT NULL AND NOT EXISTS (SELECT FROM lead_pool p WHERE p.id = c.lead_id)
		UNION ALL SELECT 'part without envelope', c.id::text FROM lead_captures c
			WHERE c.envelope_id IS NOT NULL AND NOT EXISTS (SELECT FROM lead_captures e WHERE e.id = c.envelope_id AND e.envelope_id IS NULL)
		UNION ALL SELECT 'envelope without parts', e.id::text FROM lead_captures e
			WHERE e.envelope_id IS NULL AND cardinality(array_remove(e.cuts, NULL)) > (SELECT count(*) FROM lead_captures c WHERE c.envelope_id = e.id)
		UNION ALL SELECT 'key without capture', k.capture_id::text FROM lead_capture_keys k
			WHERE NOT EXISTS (SELECT FROM lead_captures c WHERE c.id = k.capture_id)
		UNION ALL SELECT 'unmapped without capture', u.capture_id::text FROM lead_unmapped u
			WHERE NOT EXISTS (SELECT FROM lead_captures c WHERE c.id = u.capture_id)
		UNION ALL SELECT 'owned and available', a.lead_id::text FROM lead_assignments a
			JOIN lead_available v ON v.lead_id = a.lead_id WHERE a.status = 'active'
		UNION ALL SELECT 'available without lead', v.lead_id::text FROM lead_available v
			WHERE NOT EXISTS (SELECT FROM lead_pool p WHERE p.id = v.lead_id AND p.state = 'active')
		UNION ALL SELECT 'terms without lead', t.lead_id::text FROM lead_terms t
			WHERE NOT EXISTS (SELECT FROM lead_pool p WHERE p.id = t.lead_id AND p.state = 'active')
		UNION ALL SELECT 'two owners', a.lead_id::text FROM lead_assignments a
			WHERE a.status = 'active' GROUP BY a.lead_id HAVING count(*) > 1
		UNION ALL SELECT 'assignment without lead', a.id::text FROM lead_assignments a
			WHERE NOT EXISTS (SELECT FROM lead_pool p WHERE p.id = a.lead_id)
		UNION ALL SELECT 'assignment without client', a.id::text FROM lead_assignments a
			WHERE NOT EXISTS (SELECT FROM lead_clients c WHERE c.id = a.client_id)
		UNION ALL SELECT 'sender without client', s.id::text FROM lead_senders s
			WHERE NOT EXISTS (SELECT FROM lead_clients c WHERE c.id = s.client_id)
		UNION ALL SELECT 'touch without lead', t.id::text FROM lead_touches t
			WHERE NOT EXISTS (SELECT FROM lead_pool p WHERE p.id = t.lead_id)
		UNION ALL SELECT 'touch without assignment', t.id::text FROM lead_touches t
			WHERE t.assignment_id IS NOT NULL AND NOT EXISTS (SELECT FROM lead_assignments a WHERE a.id = t.assignment_id)
		UNION ALL SELECT 'decision without touch', d.id::text FROM lead_decisions d
			WHERE d.touch_id IS NOT NULL AND NOT EXISTS (SELECT FROM lead_touches t WHERE t.id = d.touch_id)
		UNION ALL SELECT 'event without touch', e.id::text FROM lead_events e
			WHERE e.touch_id IS NOT NULL AND NOT EXISTS (SELECT FROM lead_touches t WHERE t.id = e.touch_id)
		UNION ALL SELECT 'answer without assignments', l.request_key FROM lead_allocations l
			WHERE EXISTS (SELECT FROM unnest(l.assignment_ids) x WHERE NOT EXISTS (SELECT FROM lead_assignments a WHERE a.id = x))
		UNION ALL SELECT 'hold without owner', h.company FROM lead_company_holds h
			WHERE NOT EXISTS (SELECT FROM lead_assignments a WHERE a.client_id = h.client_id AND a.status = 'active')
		UNION ALL SELECT 'ban without key', s.id::text FROM lead_suppressions s
			WHERE NOT EXISTS (SELECT FROM lead_keys k WHERE k.key_id = s.key_id)
		) x GROUP BY what ORDER BY what);
}

1;

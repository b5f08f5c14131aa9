# A pool that runs dry: what is searched, bought and handed out for a request,
# and what stops it, against a stand-in that answers like Apollo.
use strict;
use warnings;

use lib "$ENV{LEADPOOL_TOP}/test/lib";

use Calls;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Standin;
use Test::More;

Calls::await_day();
my %plain = (limits => undef, invent => \1, not_found_percent => 0, locked_percent => 0, no_email_percent => 0);
my $standin = Standin->start(settings => { apollo => { %plain } });
my $secrets = PostgreSQL::Test::Utils::tempdir();
append_to_file("$secrets/leadpool_apollo_key", "apollo-EXAMPLE\n");
chmod 0600, "$secrets/leadpool_apollo_key";

my $node = PostgreSQL::Test::Cluster->new('requests');
$node->init;
my $base = $standin->url('apollo') . '/api/v1';
$node->append_conf('postgresql.conf', qq{
fsync = off
leadpool.secrets_dir = '$secrets'
leadpool.apollo_base_url = '$base'
leadpool.allow_loopback_http = on
leadpool.apollo_daily_credits = -1
leadpool.apollo_rate = '100000/s'
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');

sub sql { return $node->safe_psql('postgres', @_) }

# Waits until a query is true; what it finds else is told.
sub until_true
{
	my ($query, $what) = @_;
	return pass($what) if $node->poll_query_until('postgres', $query);
	diag(sql('TABLE lead_requests') . "\n" . sql('SELECT kind, state, error_code, count(*) FROM lead_jobs GROUP BY 1,2,3')
		. "\n" . sql('TABLE lead_worker_events') . "\n" . sql('TABLE lead_worker_status'));
	die "waited in vain: $what\n";
}

sub client
{
	my ($name, $settings) = @_;
	return sql(sprintf("SELECT id FROM lp_client_set(gen_random_uuid(), '%s', '%s')", $name, $settings // '{}'));
}

# Rows that a call of lp_allocate gives.
sub allocate
{
	my ($client, $wanted, $criteria, $options) = @_;
	return sql(sprintf("SELECT count(*) FROM lp_allocate('%s', NULL, %d, '%s', '%s')", $client, $wanted, $criteria, $options // '{}'));
}

sub request
{
	my ($client, $columns) = @_;
	return sql("SELECT $columns FROM lead_requests WHERE client_id = '$client' ORDER BY created_at, id");
}

# Settings: when it returns, the worker has had a turn since.
sub conf
{
	$node->append_conf('postgresql.conf', $_) for @_;
	my $loaded = sql('SELECT pg_conf_load_time()');
	$node->reload;
	$node->poll_query_until('postgres', "SELECT pg_conf_load_time() > '$loaded'") or die "waited in vain for a reload\n";
	$node->poll_query_until('postgres', 'SELECT pid IS NULL OR last_turn_at > pg_conf_load_time() FROM lead_worker_status')
	  or die "waited in vain for a turn after a reload\n";
	return;
}

# Everything that was asked for has ended, and the sweep after it too.
sub quiet
{
	return until_true("SELECT count(*) = 0 FROM lead_jobs WHERE state IN ('queued', 'leased', 'started') AND kind <> 'phone_poll'", $_[0] // 'nothing is under way');
}

sub calls
{
	my ($endpoint) = @_;
	return grep { $_->{endpoint} eq $endpoint } $standin->ledger(provider => 'apollo');
}

# --- A shortage in a database that never had a worker -------------------------

my $first = client('First', '{"max_active_leads": 30}');
is(allocate($first, 40, '{"seniorities": ["vp"], "countries": ["US", "Netherlands"]}'), 0, 'an empty pool gives nothing');
is(request($first, 'status, wanted, filled, searched, enriched, credits'), 'open|30|0|0|0|0', 'the request is for no more than the client may have');
is(sql('SELECT count(*) FROM lead_worker_identity'), 1, 'this database is the one that spends');
sql('SELECT lp_worker_start()');
until_true("SELECT status = 'filled' FROM lead_requests", 'the worker fills it');
quiet();
is(request($first, 'wanted, filled, stop_reason IS NULL, searched >= 30, enriched >= 30, updated_at > created_at'), '30|30|t|t|t|t', 'and counts');
is(sql("SELECT count(*), count(DISTINCT lead_id), min(origin) FROM lead_assignments WHERE client_id = '$first' AND status = 'active'"),
	'30|30|request', 'as many leads, of origin "request"');
is(sql("SELECT count(*) FROM lead_assignments a JOIN lead_pool p ON p.id = a.lead_id
		WHERE p.seniority = 'vp' AND p.country IN ('United States', 'Netherlands') AND p.email_status = 'verified'"), 30, 'all of the kind');
my $money = "round((SELECT sum(credits) FROM lead_requests), 4), round((SELECT sum(credits) FROM lead_provider_calls), 4),
	round((SELECT sum(credits) FROM lead_jobs), 4), round((SELECT sum(spent) FROM lead_budgets), 4)";
my ($by_request, @others) = split /\|/, sql("SELECT $money");
my $billed = 0;
$billed += $_->{credits} for calls('people/bulk_match'), calls('people/match');
is_deeply([ map { $_ + 0 } @others, sprintf('%.4f', $billed) ], [ ($by_request + 0) x 4 ], 'request, ledger, jobs, budget and provider count the same money');
cmp_ok($by_request, '<=', 45, 'no more people than were needed, and those that did not fit');


# --- Criteria as filters of the search ---------------------------------------

# What Apollo was asked, by criteria: each filter, and what is left out on purpose.
my @bodies = (
	[ '{}', '{"contact_email_status": ["verified"]}' ],
	[ '{"titles": [" VP Engineering "], "seniorities": ["VP"], "departments": ["master_sales"]}',
		'{"person_titles": ["vp engineering"], "person_seniorities": ["vp"], "person_department_or_subdepartments": ["master_sales"],
		"contact_email_status": ["verified"]}' ],
	[ '{"industries": ["Retail"], "exclude_industries": ["construction"]}',
		'{"q_organization_keyword_tags": ["retail"], "q_not_organization_keyword_tags": ["construction"], "contact_email_status": ["verified"]}' ],
	[ '{"industries": ["Retail"], "keywords": ["loyalty"]}', '{"q_organization_keyword_tags": ["loyalty"], "contact_email_status": ["verified"]}' ],
	[ '{"countries": ["DE", "Holland"]}', '{"person_locations": ["germany", "netherlands"], "contact_email_status": ["verified"]}' ],
	[ '{"countries": ["GBR"], "states": ["England"], "cities": ["London", "Leeds"]}',
		'{"person_locations": ["london, england, united kingdom", "leeds, england, united kingdom"], "contact_email_status": ["verified"]}' ],
	[ '{"employees_min": 51, "revenue_max": 1000000.5}',
		'{"organization_num_employees_ranges": ["51"], "revenue_range": {"max": 1000001}, "contact_email_status": ["verified"]}' ],
	[ '{"employees_min": 51, "employees_max": 200, "revenue_min": 0.5, "revenue_max": 1e9}',
		'{"organization_num_employees_ranges": ["51,200"], "revenue_range": {"min": 0, "max": 1000000000}, "contact_email_status": ["verified"]}' ],
	[ '{"employees_max": 10}', '{"organization_num_employees_ranges": ["0,10"], "contact_email_status": ["verified"]}' ],
	[ '{"technologies": ["WordPress.org"], "technologies_all": ["Amazon AWS", "gmail"]}',
		'{"currently_using_any_of_technology_uids": ["wordpress_org"], "currently_using_all_of_technology_uids": ["amazon_aws", "gmail"],
		"contact_email_status": ["verified"]}' ],
	[ '{"domains": ["https://www.Acme.example/about"]}', '{"q_organization_domains_list": ["acme.example"], "contact_email_status": ["verified"]}' ],
	[ '{"email_statuses": ["verified", "Likely to engage"]}', '{"contact_email_status": ["verified", "likely to engage"]}' ],
	[ '{"email_statuses": ["extrapolated"]}', '{}' ],
	[ '{"channels": ["email", "linkedin"]}', '{}' ],
	[ '{"exclude_domains": ["acme.example"], "has_linkedin": true, "has_phone": false, "min_score": 5, "sources": ["apollo"], "titles": []}',
		'{"contact_email_status": ["verified"]}' ]);
my $nobody = ', "domains": ["nobody.example"]}';
$standin->script([ { match => { path => '/api/v1/mixed_people' }, do => { status => 200, body => { total_entries => 0, people => [] } } } ]);
for my $one (@bodies)
{
	my $job = sql("SELECT lp_search_more('$one->[0]', 1)");
	until_true("SELECT state = 'done' FROM lead_jobs WHERE id = $job", "searched $one->[0]");
	my $asked = decode_json((calls('mixed_people/api_search'))[-1]{subjects}[0]);
	is(delete($asked->{page}) . ' ' . delete($asked->{per_page}), '1 100', 'the first page');
	is_deeply($asked, decode_json($one->[1]), 'with these filters');
}
$standin->script([]);

# --- Order, and leads that an engine captures ---------------------------------

# Without money a request stops and says so, but what arrives is handed out.
conf("leadpool.apollo_daily_credits = 0\n");
my $old = client('Old');
my $new = client('New');
my $berlin = '{"cities": ["Springfield"], "countries": ["DE"]}';
allocate($old, 3, $berlin);
allocate($new, 3, $berlin);
until_true("SELECT count(*) = 2 FROM lead_requests WHERE client_id IN ('$old', '$new') AND status = 'stopped' AND stop_reason = 'budget'",
	'without money both stop: budget');
is(sql("SELECT count(*) FROM lead_jobs j JOIN lead_requests r ON r.id = j.request_id WHERE r.client_id IN ('$old', '$new')"), 0, 'and ask for nothing');
my $people = sub {
	my ($from, $to) = @_;
	return sql("SELECT count(*) FROM lp_capture_apollo(jsonb_build_object('people', (SELECT jsonb_agg(jsonb_build_object(
		'id', 'springfield' || i, 'email', 'p' || i || '\@springfield.example', 'email_status', 'verified', 'city', 'Springfield', 'country', 'Germany'))
		FROM generate_series($from, $to) i)))");
};
$people->(1, 4);
until_true("SELECT sum(filled) = 4 FROM lead_requests WHERE client_id IN ('$old', '$new')", 'captured leads are handed out');
is(request($old, 'status, filled, stop_reason IS NULL'), 'filled|3|t', 'first to who asked first');
is(request($new, 'status, filled, stop_reason'), 'stopped|1|budget', 'the rest to the next');
is(allocate($new, 5, $berlin), 0, 'a later shortage');
is(sql("SELECT count(*), max(wanted), max(filled) FROM lead_requests WHERE client_id = '$new'"), '1|5|0', 'replaces what was wanted');
until_true("SELECT stop_reason = 'budget' FROM lead_requests WHERE client_id = '$new'", 'there still is no money');

# --- Money comes back; nobody knows more people -------------------------------

conf("leadpool.apollo_daily_credits = -1\n");
until_true("SELECT stop_reason = 'no_results' FROM lead_requests WHERE client_id = '$new'", 'with money it goes on, and finds nobody');
$people->(5, 6);
until_true("SELECT filled = 2 FROM lead_requests WHERE client_id = '$new'", 'what arrives is handed out all the same');
my $searches = calls('mixed_people/api_search');
allocate($new, 1, $berlin);
until_true("SELECT stop_reason = 'no_results' FROM lead_requests WHERE client_id = '$new'", 'asked for again, nobody is known');
is(scalar(calls('mixed_people/api_search')), $searches + 1, 'but it was searched again');

# --- The day's money ----------------------------------------------------------

my $spent = sql("SELECT spent FROM lead_budgets");
conf('leadpool.apollo_daily_credits = ' . ($spent + 8) . "\n");
my $poor = client('Poor');
allocate($poor, 20, '{"seniorities": ["director"], "countries": ["US"]}');
until_true("SELECT stop_reason = 'budget' FROM lead_requests WHERE client_id = '$poor'", 'stops when the money is used up');
quiet();
cmp_ok(request($poor, 'credits'), '==', 8, 'all of it was used');
is(sql("SELECT spent + reserved FROM lead_budgets"), $spent + 8, 'and no more');
conf("leadpool.now = '" . sql("SELECT (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day 1 minute')::text || '+00'") . "'\n");
until_true("SELECT credits >= 16 OR status = 'filled' FROM lead_requests WHERE client_id = '$poor'", 'the next day it goes on');
conf("leadpool.now = ''\n", "leadpool.apollo_daily_credits = -1\n");
until_true("SELECT status = 'filled' AND filled = 20 FROM lead_requests WHERE client_id = '$poor'", 'until it is filled');
quiet();
is(sql("SELECT count(*) FROM lead_requests WHERE client_id = '$poor'"), 1, 'the same request');

# --- Two requests for the same few people --------------------------------------

my ($one, $two) = (client('One'), client('Two'));
my $company = sql("SELECT company_primary_domain FROM lead_pool WHERE company_primary_domain IS NOT NULL ORDER BY id LIMIT 1");
my $before = calls('people/bulk_match');
allocate($one, 50, qq({"domains": ["$company"]}));
allocate($two, 50, qq({"domains": ["$company"]}));
until_true("SELECT count(*) = 2 FROM lead_requests WHERE client_id IN ('$one', '$two') AND stop_reason = 'no_results'", 'neither is filled');
quiet();
is(sql("SELECT count(*) FROM (SELECT lead_id FROM lead_assignments WHERE status = 'active' GROUP BY 1 HAVING count(*) > 1) x"), 0, 'nobody is given to two');
is(sql("SELECT count(*) FROM (SELECT lead_id FROM lead_jobs WHERE kind = 'enrich' AND state = 'done' GROUP BY 1 HAVING count(*) > 1) x"), 0,
	'nor paid for twice');
is(sql("SELECT count(*) FROM lead_requests r JOIN lead_assignments a ON a.client_id = r.client_id AND a.origin = 'request'
		WHERE r.client_id = '$two'"), request($two, 'filled'), 'filled says how many were handed out');

# --- A client that is not active, or has no room --------------------------------

my $paused = client('Paused');
conf("leadpool.apollo_daily_credits = 0\n");
allocate($paused, 2, $berlin);
until_true("SELECT stop_reason = 'budget' FROM lead_requests WHERE client_id = '$paused'", 'waits');
sql("SELECT lp_client_set('$paused', settings => '{\"status\": \"paused\"}')");
$people->(10, 12);
conf("leadpool.apollo_daily_credits = -1\n");
until_true("SELECT filled = 1 FROM lead_requests WHERE client_id = '$new'", 'another client gets what arrives');
is(sql("SELECT count(*) FROM lead_assignments WHERE client_id = '$paused'"), 0, 'a paused one does not');
sql("SELECT lp_client_set('$paused', settings => '{\"status\": \"active\"}')");
until_true("SELECT status = 'filled' FROM lead_requests WHERE client_id = '$paused'", 'it does once it is back');


# A request that is looked at after all others.  The look may have begun before
# it was made: when a second one, made after it, is filled as well, they were all
# looked at.
my $marks = 100;
sub mark
{
	my $last = client('Last');
	my $n = $marks++;
	allocate($last, 1, qq({"cities": ["Mark$n"]}));
	sql("SELECT count(*) FROM lp_capture_apollo('{\"people\": [{\"id\": \"mark$n\", \"email\": \"m$n\@mark.example\", \"email_status\": \"verified\", \"city\": \"Mark$n\"}]}')");
	return until_true("SELECT status = 'filled' FROM lead_requests WHERE client_id = '$last'", "request $n, after the others, is filled");
}

sub sweep
{
	mark();
	return mark();
}

my $full = client('Full', '{"max_active_leads": 1}');
conf("leadpool.apollo_daily_credits = 0\n");
allocate($full, 5, '{"cities": ["Denver"], "seniorities": ["owner"]}');
sql("SELECT count(*) FROM lp_capture_apollo('{\"people\": [{\"id\": \"aside\", \"email\": \"aside\@aside.example\", \"email_status\": \"verified\"}]}')");
sql("SELECT lp_assign(lp_find_lead('aside\@aside.example'), '$full')");
conf("leadpool.apollo_daily_credits = -1\n");
sweep();
is(request($full, 'wanted, filled, credits, searched'), '1|0|0|0', 'for a client without room nothing is bought, nor searched');
sql("SELECT lp_release(lp_find_lead('aside\@aside.example'), '$full', 'done')");
sql("SELECT lp_client_set('$full', settings => '{\"max_active_leads\": 2}')");
until_true("SELECT status = 'filled' FROM lead_requests WHERE client_id = '$full'", 'with room it is filled');

# --- One request that fails stops no other ---------------------------------------

conf("leadpool.apollo_daily_credits = 0\n");
my ($broken, $refused, $locked) = map { client($_) } qw(Broken Refused Locked);
allocate($_, 1, '{"cities": ["Shelbyville"]}') for $broken, $refused, $locked;
sql("UPDATE lead_requests SET criteria = '{\"no_such_criterion\": 1}' WHERE client_id = '$broken'");
sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF new.client_id = ''$refused'' THEN RAISE ''not for this one''; END IF; RETURN new; END'");
sql('CREATE TRIGGER refuse BEFORE INSERT ON lead_assignments FOR EACH ROW EXECUTE FUNCTION refuse()');
my $gate = $node->background_psql('postgres');
$gate->query_safe("BEGIN; SELECT count(*) FROM lp_allocate('$locked', NULL, 0, '{}')");
sql("SELECT count(*) FROM lp_capture_apollo('{\"people\": [{\"id\": \"shelby\", \"email\": \"s\@shelby.example\", \"email_status\": \"verified\", \"city\": \"Shelbyville\"}]}')");
sweep();
is(request($broken, 'status, stop_reason'), 'stopped|operator', 'criteria that cannot be read: somebody has to look');
is(sql("SELECT count(*) FROM lead_worker_events WHERE code = '22023' AND level = 'error'"), 1, 'and an event tells');
is(request($refused, 'filled'), 0, 'an error of one request');
is(request($locked, 'filled'), 0, 'a client that is locked');
$gate->query_safe('COMMIT');
until_true("SELECT status = 'filled' FROM lead_requests WHERE client_id = '$locked'", 'is given its lead as soon as it is free');
sweep();
is(sql("SELECT count(*) FROM lead_worker_events WHERE code = 'P0001'"), 1, 'the error was reported once');
sql('DROP TRIGGER refuse ON lead_assignments');
sweep();
$people->(20, 20);
sql("SELECT count(*) FROM lp_capture_apollo('{\"people\": [{\"id\": \"shelby2\", \"email\": \"s2\@shelby.example\", \"email_status\": \"verified\", \"city\": \"Shelbyville\"}]}')");
until_true("SELECT status = 'filled' FROM lead_requests WHERE client_id = '$refused'", 'and once it has gone the request is filled');

# --- Who is not paid for -----------------------------------------------------------

# Of those whom a search finds: erased, somebody else's, banned, of another title.
my @staff = map { $standin->people(7 + 625 * $_, 1) } 0 .. 7;
my $place = $staff[0]{domain};
my ($erased, $owned, $banned) = map { $_->{id} } @staff[0 .. 2];
my $teaser = '{"people": [' . join(',', map { qq({"id": "$_->{id}", "first_name": "T", "title": "$_->{title}"}) } @staff) . ']}';
sql("SELECT count(*) FROM lp_capture_apollo(\$\$$teaser\$\$)");
sql("SELECT lp_forget((SELECT id FROM lead_pool WHERE apollo_id = '$erased'))");
sql("SELECT lp_suppress('apollo_id', '$banned', 'do_not_contact')");
sql("SELECT lp_assign((SELECT id FROM lead_pool WHERE apollo_id = '$owned'), '$old')");
my $title = $staff[3]{title};
my $picky = client('Picky');
conf("leadpool.apollo_daily_credits = -1\n");
my $calls = calls('people/bulk_match') + calls('people/match');
allocate($picky, 50, qq({"domains": ["$place"], "titles": ["$title"]}));
until_true("SELECT stop_reason = 'no_results' FROM lead_requests WHERE client_id = '$picky'", 'all who can be found are');
quiet();
my %paid = map { $_ => 1 } map { @{ $_->{subjects} } } (calls('people/bulk_match'), calls('people/match'));
ok(!$paid{$erased}, 'not an erased person');
ok(!$paid{$owned}, 'not who is somebody else\'s');
ok(!$paid{$banned}, 'not who is banned');
is(join(' ', grep { $_->{title} ne $title && $paid{ $_->{id} } } @staff), '', 'not who has another title');
ok($paid{ $staff[3]{id} }, 'but who fits');

# --- What a search cannot find ------------------------------------------------------

my $wants = sub {
	my ($criteria) = @_;
	my $client = client('Wants');
	allocate($client, 1, $criteria);
	until_true("SELECT stop_reason = 'no_results' FROM lead_requests WHERE client_id = '$client'", "not for $criteria");
	return request($client, 'searched, enriched');
};
is($wants->('{"sources": ["list"]}'), '0|0', 'people of another source');
is($wants->(qq({"ingestion_id": "$old"})), '0|0', 'people of a file');
is($wants->('{"channels": ["voice", "sms"], "cities": ["Utrecht"]}'), '0|0', 'numbers, where none can be sent to');
conf("leadpool.webhook_url = 'https://relay.example/'\n");
my $caller = client('Caller');
allocate($caller, 2, '{"has_phone": true, "cities": ["Leeds"]}');
until_true("SELECT count(*) >= 1 FROM lead_jobs j JOIN lead_requests r ON r.id = j.request_id
	WHERE r.client_id = '$caller' AND j.kind = 'enrich' AND j.parameters ? 'reveal_phone' AND j.state = 'done'", 'with a relay they are asked for');
sweep();
cmp_ok(sql("SELECT count(*) FROM lead_jobs j JOIN lead_requests r ON r.id = j.request_id WHERE r.client_id = '$caller' AND j.kind = 'enrich'"),
	'<=', 2, 'and waited for before more are bought');
# A number costs eight credits, and comes later: the request counts that, too.
conf("leadpool.apollo_daily_credits = 0\n");
quiet();
my $paid = request($caller, 'credits');
$standin->settle(state => 'success');
sql("UPDATE lead_jobs SET next_at = now() WHERE kind = 'phone_poll' AND state = 'queued'");
$node->reload;
until_true("SELECT NOT EXISTS (SELECT FROM lead_provider_calls WHERE endpoint = 'people/bulk_match' AND reserved > 0)", 'the numbers come');
cmp_ok(request($caller, 'credits'), '>=', $paid + 8, 'and are counted');
is(sql("SELECT $money") =~ /^[\d.]*\|([\d.]+)\|\1\|\1$/ ? 1 : 0, 1, 'by jobs, ledger and budget') or diag(sql("SELECT $money"));
is(sql("SELECT trim_scale(round(sum(j.credits), 4)) FROM lead_jobs j JOIN lead_requests r ON r.id = j.request_id WHERE r.client_id = '$caller'"),
	request($caller, 'trim_scale(round(credits, 4))'), 'request and its jobs agree');
conf("leadpool.webhook_url = ''\n");
sql("UPDATE lead_requests SET status = 'cancelled', stop_reason = NULL WHERE client_id = '$caller'");
conf("leadpool.apollo_daily_credits = -1\n");

# --- What the provider finds and the rules refuse ---------------------------------------

# Apollo also finds people with other titles, and knows nothing of who has replied.
my @mixed = map { $standin->people(11 + 625 * $_, 1) } 0 .. 7;
my ($wanted, $replied, $other) = @mixed[ 0 .. 2 ];
$_->{title} = 'Chief Mischief Officer' for $wanted, $replied;
$_->{title} = 'Deputy of the Chief Officer of Mischief' for $other;
$standin->script([ { match => { path => '/api/v1/mixed_people' }, do => { status => 200, body => { total_entries => 3,
	people => [ map { { id => $_->{id}, first_name => 'T', title => $_->{title}, has_email => \1 } } $wanted, $replied, $other ] } } } ]);
sql("SELECT count(*) FROM lp_capture_apollo('{\"people\": [{\"id\": \"$replied->{id}\", \"first_name\": \"T\"}]}')");
sql("SELECT effect FROM lp_record_event('replied', lead_id => (SELECT id FROM lead_pool WHERE apollo_id = '$replied->{id}'))");
my $strict = client('Strict');
allocate($strict, 3, '{"titles": ["chief mischief officer"], "email_statuses": ["verified"]}');
until_true("SELECT stop_reason = 'no_results' FROM lead_requests WHERE client_id = '$strict'", 'three were found');
quiet();
is(request($strict, 'searched'), 3, 'by the search');
%paid = map { $_ => 1 } map { @{ $_->{subjects} } } (calls('people/bulk_match'), calls('people/match'));
is(join(' ', map { $paid{ $_->{id} } ? 1 : 0 } $wanted, $replied, $other), '1 0 0', 'who fits is paid for, not who has replied or another title');
$standin->script([]);

# --- Of one company no more than was asked for --------------------------------------------

my @crew = map { $standin->people(13 + 625 * $_, 1) } 0 .. 7;
my $firm = $crew[0]{domain};
my $modest = client('Modest');
my $bought = sql("SELECT count(*) FROM lead_jobs WHERE kind = 'enrich' AND found");
allocate($modest, 6, qq({"domains": ["$firm"]}), '{"per_company_max": 2}');
until_true("SELECT stop_reason = 'no_results' FROM lead_requests WHERE client_id = '$modest'", 'a request for two of a company');
quiet();
is(request($modest, 'filled, per_company_max'), '2|2', 'is given two');
is(sql("SELECT count(*) FROM lead_jobs WHERE kind = 'enrich' AND found") - $bought, 2, 'nor are more paid for');
sql("SELECT count(*) FROM lp_capture_apollo(jsonb_build_object('people', (SELECT jsonb_agg(jsonb_build_object('id', 'crew' || i, 'email', 'crew' || i || '\@$firm',
	'email_status', 'verified', 'organization', jsonb_build_object('primary_domain', '$firm'))) FROM generate_series(1, 3) i)))");
sweep();
is(request($modest, 'filled'), 2, 'nor who arrives later');
is(allocate($modest, 6, qq({"domains": ["$firm"]}), '{"per_company_max": 3}'), 3, 'another call counts anew');
is(request($modest, 'filled, per_company_max, wanted'), '0|3|3', 'and its request with it');

# --- A search that Apollo refuses ----------------------------------------------------

until_true("SELECT count(*) = 0 FROM lead_requests WHERE status IN ('open', 'searching')", 'all requests have come to an end');
$standin->script([ { match => { path => '/api/v1/mixed_people' }, do => { status => 422, body => { error => 'no' } } } ]);
$searches = calls('mixed_people/api_search');
my $unlucky = client('Unlucky');
allocate($unlucky, 1, '{"cities": ["Perth"], "seniorities": ["owner"]}');
until_true("SELECT stop_reason = 'no_results' FROM lead_requests WHERE client_id = '$unlucky'", 'a refused search ends');
is(sql("SELECT count(*) FROM lead_worker_events WHERE code = 'search_refused'"), 1, 'an event tells');
sweep();
is(scalar(grep { $_->{subjects}[0] =~ /perth/ } calls('mixed_people/api_search')), 1, 'and it is not tried again and again');
$standin->script([]);
sql("SELECT lp_job_retry(id) FROM lead_jobs j WHERE kind = 'search' AND state = 'dead' AND request_id = (SELECT id FROM lead_requests WHERE client_id = '$unlucky')");
until_true("SELECT status = 'filled' FROM lead_requests WHERE client_id = '$unlucky'", 'an operator may have it tried again');

# A provider that is away for a while is asked again.
conf("leadpool.breaker_failures = 1000\n", "leadpool.job_attempts = 2\n", "leadpool.backoff_base = '10ms'\n", "leadpool.backoff_max = '2s'\n");
$standin->script([ { match => { path => '/api/v1/mixed_people' }, do => { status => 503 } } ]);
my $patient = client('Patient');
allocate($patient, 1, '{"cities": ["Perth"], "seniorities": ["vp"]}');
until_true("SELECT count(*) >= 1 FROM lead_jobs WHERE kind = 'search' AND state = 'dead' AND request_id = (SELECT id FROM lead_requests WHERE client_id = '$patient')", 'its search fails');
sweep();
is(request($patient, 'status, stop_reason IS NULL'), 'searching|t', 'the request goes on');
$standin->script([]);
until_true("SELECT lp_worker_start() > 0 AND EXISTS (SELECT FROM lead_requests WHERE client_id = '$patient' AND status = 'filled')", 'and is filled when the provider is back');
conf("leadpool.breaker_failures = 5\n", "leadpool.job_attempts = 5\n", "leadpool.backoff_base = '500ms'\n", "leadpool.backoff_max = '5min'\n");

# --- lp_search_more --------------------------------------------------------------------

my $leads = sql("SELECT count(*) FROM lead_pool WHERE enriched_at IS NOT NULL");
my $more = sql(q(SELECT lp_search_more('{"seniorities": ["founder"], "countries": ["Australia"]}', 7)));
quiet();
cmp_ok(sql("SELECT count(*) FROM lead_pool WHERE enriched_at IS NOT NULL"), '==', $leads + 7, 'as many as were wanted are enriched');
is(sql("SELECT status = 'ok' FROM (SELECT outcome AS status FROM lead_provider_calls WHERE job_id = $more) x"), 't', 'the search is a free call');
is(sql("SELECT count(*) FROM lead_worker_events WHERE level = 'error' AND code NOT IN ('22023', 'P0001')"), 0, 'no other errors') or diag(sql('TABLE lead_worker_events'));
is(sql("SELECT $money") =~ /^[\d.]*\|([\d.]+)\|.*\|\1$/ ? 1 : 0, 1, 'spend is the ledger') or diag(sql("SELECT $money"));
$billed = 0;
$billed += $_->{credits} for $standin->ledger(provider => 'apollo');
cmp_ok(sql('SELECT sum(credits) FROM lead_provider_calls'), '==', sprintf('%.4f', $billed), 'which is what the provider counted');

sql('SELECT lp_worker_stop()');
$node->stop;
done_testing();

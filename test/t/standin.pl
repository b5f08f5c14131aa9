# The stand-in for the providers answers as they do, misbehaves as it is told,
# and counts what it answered so that no kill loses it.
use strict;
use warnings;
use File::Temp;
use FindBin;
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64;
use Standin;
use Test::More;
use Time::HiRes;

my $json = JSON::PP->new->utf8->canonical;
my $top = $ENV{LEADPOOL_TOP} // "$FindBin::Bin/../..";
my %settings = (apollo => { people => 400 });
my $standin = Standin->start(settings => \%settings, state => 0);
my $http = HTTP::Tiny->new(timeout => 20, no_proxy => ['127.0.0.1']);

sub fixture
{
	my ($name) = @_;
	open(my $in, '<:raw', "$top/test/fixtures/$name") or die "could not read $name: $!";
	local $/ = undef;
	return $json->decode(scalar <$in>);
}

# A call of a provider: the response, its body decoded if it is JSON.
my %auth = (
	apollo => { 'x-api-key' => 'apollo-EXAMPLE' },
	twilio => { authorization => 'Basic ' . encode_base64('ACEXAMPLE:token-EXAMPLE', '') },
	dnc => { authorization => 'Bearer dnc-EXAMPLE' },
	segment => { authorization => 'Basic ' . encode_base64('EXAMPLEwriteKEY0000000000000000A:', '') },
	segment_public => { authorization => 'Bearer segment-EXAMPLE' },
	storage => { authorization => 'Bearer service-role-EXAMPLE', apikey => 'service-role-EXAMPLE' });

sub call
{
	my ($provider, $method, $path, $body, %headers) = @_;
	my %options = (headers => { %{ $auth{$provider} }, %headers });
	$options{content} = ref $body ? $json->encode($body) : $body if defined $body;
	my $response = $http->request($method, $standin->url($provider) . $path, \%options);
	$response->{body} = eval { $json->decode($response->{content}) };
	return $response;
}

sub apollo
{
	my ($path, $body, %headers) = @_;
	return call('apollo', defined $body ? 'POST' : 'GET', "/api/v1/$path", $body, %headers);
}

sub statuses { return join ' ', map { $_->{status} } @_ }
sub same_keys
{
	my ($got, $expected, $name) = @_;
	is(join(' ', sort keys %$got), join(' ', sort keys %$expected), $name);
	return;
}

# People.
my @all = $standin->people(0, 400);
my @known = grep { !$_->{missing} && !$_->{locked} && !$_->{no_email} } @all;
my (undef, $first, $second) = @known;
my $person = apollo('people/match', { id => $first->{id} })->{body}{person};
is($person->{email}, $first->{email}, 'a person is found by id');
# One in fifty has the keys of old payloads too.
my $full = fixture('apollo/people_match_full.json')->{person};
$person = apollo('people/match', { id => $all[0]{id} })->{body}{person};
is_deeply([ grep { !exists $person->{$_} } sort keys %$full ], [], 'a person has every key that is known');
is_deeply([ grep { !exists $person->{organization}{$_} } sort keys %{ $full->{organization} } ],
	[], 'and its organization');
same_keys($person->{employment_history}[0], $full->{employment_history}[0], 'and its jobs');
my @ways = (
	{ email => uc $first->{email} }, { linkedin_url => "https://linkedin.com/in/" . ($first->{linkedin_url} =~ s|.*/||r) . '/?x=1' },
	{ first_name => $first->{first_name}, last_name => $first->{last_name}, domain => "www.$first->{domain}" },
	{ name => "$first->{first_name} $first->{last_name}", organization_name => $first->{organization_name} });
is_deeply([ map { apollo('people/match', $_)->{body}{person}{id} } @ways ], [ ($first->{id}) x @ways ],
	'by address, profile and name it is the same one');
is(call('apollo', 'POST', "/api/v1/people/match?id=$second->{id}")->{body}{person}{id}, $second->{id}, 'parameters in the query');
my @misses = map { apollo('people/match', { email => "nobody$_\@nowhere.example" })->{body} } 1 .. 12;
is_deeply([ sort { $a <=> $b } keys %{ { map { (defined $_->{person} ? 1 : 0) => 1 } @misses } } ], [ 0, 1 ], 'nobody is told in both ways');
is(scalar(grep { $_->{person} && ($_->{person}{id} || $_->{person}{match_confidence} ne 'none') } @misses), 0, 'neither has an id');
$standin->settings({ apollo => { people => 5000 } });
my @many = $standin->people(0, 5000);
for my $key (qw(id email linkedin_url mobile))
{
	my %seen;
	$seen{$_}++ for grep { defined } map { $_->{$key} } @many;
	is(scalar(grep { $_ > 1 } values %seen), 0, "no two of 5,000 people share $key");
}
$standin->settings({ apollo => { people => 400, invent => JSON::PP::true } });
my %stranger = (email => 'Zoe.Quist@strangers.example', first_name => 'Zoe', last_name => 'Quist');
my ($invented, $again) = map { apollo('people/match', $_)->{body}{person} } { %stranger }, { email => lc $stranger{email} };
is("$invented->{name} $invented->{email} $invented->{organization}{primary_domain}", 'Zoe Quist zoe.quist@strangers.example strangers.example', 'somebody can be invented');
is($again->{id}, $invented->{id}, 'who stays the same');
$standin->settings({ apollo => { invent => JSON::PP::false } });

# Batches and credits.
my $before = $standin->stats->{apollo}{credits};
my $batch = apollo('people/bulk_match', { details => [ { id => $first->{id} }, { email => 'ghost@nowhere.example' },
			{ email => $second->{email} }, { linkedin_url => $first->{linkedin_url} } ] })->{body};
my %expected = %{ fixture('apollo/bulk_match_10_with_nulls_and_duplicates.json') };
same_keys($batch, \%expected, 'the envelope of a batch');
is_deeply([ map { $_ && $_->{id} } @{ $batch->{matches} } ], [ $first->{id}, undef, $second->{id}, $first->{id} ], 'a batch is in order');
is("$batch->{unique_enriched_records} $batch->{missing_records} $batch->{credits_consumed}", '2 1 2', 'who comes twice is billed once');
is($standin->stats->{apollo}{credits} - $before, 2, 'the ledger says so too');
my $line = $standin->last_call;
is_deeply($line->{billed}, [ $first->{id}, $second->{id} ], 'and who was billed');
is_deeply($line->{subjects}, [ $first->{id}, 'ghost@nowhere.example', $second->{email}, $first->{linkedin_url} ], 'and who was asked for');
is_deeply(apollo('people/bulk_match', { details => [] })->{body}, fixture('apollo/error_400_bulk_empty.json'), 'an empty batch');
is(apollo('people/bulk_match', { details => [ map { { id => "$_" } } 1 .. 11 ] })->{body}{error_code}, 'RECORD_LIMIT_EXCEEDED', 'a batch of 11');
is(apollo('people/bulk_match', { details => 'x' })->{status}, 422, 'a batch of the wrong type');
$standin->settings({ apollo => { locked_percent => 100 } });
my $locked = apollo('people/match', { id => $second->{id} })->{body}{person};
is("$locked->{email} $locked->{email_status}", 'email_not_unlocked@domain.com verified', 'a locked address');
is($standin->last_call->{credits}, 0, 'which costs nothing');
$standin->settings({ apollo => { locked_percent => 3, credits => $standin->stats->{apollo}{credits} + 1 } });
is(statuses(map { apollo('people/match', { id => $_->{id} }) } $first, $first), '200 422', 'credits end');
is(apollo('people/match', { id => $first->{id} })->{body}{error_details}{code}, 'BILLING.LIMIT.CREDITS_EXHAUSTED', 'and it says so');
is(apollo('usage_stats/credit_usage_stats', {})->{body}{credit_usage_stats}{lead_credit}{left_over}, 0, 'the balance is nil');
$standin->settings({ apollo => { credits => 100000 } });

# Keys.
my $person_body = { id => $first->{id} };
is(apollo('people/match', $person_body, 'x-api-key' => 'wrong')->{body}{error_details}{code}, 'AUTH.AUTHENTICATION.API_KEY_INVALID', 'a wrong key');
$standin->settings({ apollo => { auth_form => 'plain' } });
like(apollo('people/match', $person_body, 'x-api-key' => 'wrong')->{headers}{'content-type'}, qr{^text/plain}, 'as plain text');
is(apollo('people/bulk_match', $person_body, 'x-api-key' => 'apollo-scoped-EXAMPLE')->{status}, 403, 'a key for another endpoint');
is(apollo('mixed_people/api_search', {}, 'x-api-key' => 'apollo-free-EXAMPLE')->{body}{error_code}, 'API_INACCESSIBLE', 'a key of a free plan');
is_deeply([ map { apollo('auth/health', undef, 'x-api-key' => $_)->{body}{is_logged_in} ? 1 : 0 } 'apollo-EXAMPLE', 'wrong' ], [ 1, 0 ], 'health');

# Rate limits.
$standin->settings({ apollo => { limits => { 'people/match' => [ 100, 2 + (grep { $_->{endpoint} eq 'people/match' && $_->{status} !~ /^40/ } $standin->ledger), undef ] } } });
my @limited = map { apollo('people/match', $person_body) } 1 .. 3;
is(statuses(@limited), '200 200 429', 'a limit a hour');
is($limited[1]{headers}{'x-hourly-requests-left'}, 0, 'the headers count down');
is($limited[1]{headers}{'x-rate-limit-24-hour'}, '', 'no limit is an empty header');
cmp_ok($limited[2]{headers}{'retry-after'}, '>', 3000, 'retry-after is when the window ends');
is($limited[2]{body}{error_details}{suggestions}[0]{retry_after_seconds}, $limited[2]{headers}{'retry-after'}, 'the body says it too');
is(apollo('people/bulk_match', { details => [$person_body] })->{status}, 200, 'other endpoints go on');
ok(apollo('usage_stats/api_usage_stats', {})->{body}{'["api/v1/people", "match"]'}{hour}{limit} > 2, 'the usage of an endpoint');
$standin->settings({ apollo => { limits => undef } });

# Search and companies.
my @vps = grep { $_->{seniority} eq 'vp' && $_->{country} eq 'Germany' } @all;
my %german = (person_seniorities => ['vp'], person_locations => ['Germany'], no_such_filter => 1);
my $page = apollo('mixed_people/api_search', { %german, page => 1, per_page => 2 })->{body};
is($page->{total_entries}, scalar @vps, 'filters are all-of');
same_keys($page->{people}[0], fixture('apollo/people_api_search_page1.json')->{people}[0], 'a teaser');
my $next = apollo('mixed_people/api_search', { %german, page => 2, per_page => 2 })->{body};
is_deeply([ map { $_->{id} } @{ $page->{people} }, @{ $next->{people} } ], [ map { $_->{id} } grep { defined } @vps[ 0 .. 3 ] ], 'pages follow each other');
is(call('apollo', 'POST', '/api/v1/mixed_people/api_search?person_seniorities[]=vp&person_locations[]=Germany')->{body}{total_entries}, scalar @vps, 'filters in the query');
is(apollo('mixed_people/api_search', { q_organization_domains_list => [ $first->{domain} ] })->{body}{total_entries},
	scalar(grep { $_->{domain} eq $first->{domain} } @all), 'by domain');
my @sizes = map { apollo('mixed_people/api_search', { organization_num_employees_ranges => [$_] })->{body}{total_entries} } '1,500', '501', '1,100000';
is($sizes[0] + $sizes[1], $sizes[2], 'by number of employees');
is(statuses(map { apollo('mixed_people/api_search', $_) } { page => 501, per_page => 100 }, { revenue_range => '1,2' }), '422 422', 'too far, and a range of the wrong type');
is(apollo('mixed_people/search', {})->{status}, 422, 'the old search');
my $company = call('apollo', 'GET', "/api/v1/organizations/enrich?domain=$first->{domain}")->{body}{organization};
is($company->{name}, $first->{organization_name}, 'a company');
is(call('apollo', 'GET', '/api/v1/organizations/enrich?domain=no-such.example')->{content}, '{}', 'no company');
is(call('apollo', 'GET', '/api/v1/organizations/enrich')->{status}, 422, 'no question');
my $companies = call('apollo', 'POST', "/api/v1/organizations/bulk_enrich?domains[]=$first->{domain}&domains[]=no-such.example")->{body};
my $bulk = fixture('apollo/organizations_bulk_enrich.json');
same_keys($companies, $bulk, 'the envelope of companies');
is("$companies->{unique_enriched_records} $companies->{missing_records}", '1 1', 'found and missing');
is_deeply([ grep { !exists $companies->{organizations}[0]{$_} } keys %{ $bulk->{organizations}[0] } ], [], 'a company in a batch');

# Phone numbers come later.
my %reveal = (reveal_phone_number => JSON::PP::true, webhook_url => 'https://hooks.example/token-1');
my ($with) = grep { $_->{mobile} } @known;
is(apollo('people/match', { id => $with->{id}, reveal_phone_number => JSON::PP::true })->{status}, 422, 'without a webhook_url');
my $asked = apollo('people/bulk_match', { details => [ map { { id => $_->{id} } } @known[ 0 .. 9 ] ], %reveal })->{body};
is($asked->{phone_enrichment}{status}, 'pending', 'the numbers are asked for');
my $request = $asked->{phone_enrichment}{request_id};
is(apollo('people/bulk_match', { details => [ { id => $known[0]{id} } ], %reveal })->{body}{phone_enrichment}{status}, 'skipped', 'an earlier request runs');
is_deeply(apollo("webhook_result/$request")->{body}, fixture('apollo/webhook_result_pending.json'), 'a poll before');
is(statuses(apollo('webhook_result/12'), apollo('webhook_result/x')), '404 400', 'polls for what is unknown');
my ($hook) = $standin->settle(request_id => $request);
is($hook->{url}, 'https://hooks.example/token-1', 'the url of the webhook');
same_keys($hook->{payload}, fixture('apollo/phone_webhook.json'), 'its body');
my ($found) = grep { @{ $_->{phone_numbers} } } @{ $hook->{payload}{people} };
same_keys($found->{phone_numbers}[0], fixture('apollo/phone_webhook.json')->{people}[0]{phone_numbers}[0], 'a number in it');
is_deeply(apollo("webhook_result/$request")->{body}{webhook_result}, $hook->{payload}, 'a poll after');
my @billed = grep { $_->{endpoint} eq 'webhook/phone' } $standin->ledger;
is($billed[0]{credits}, $hook->{payload}{credits_consumed}, 'the numbers are billed when they come');
$standin->settle;
is(scalar(grep { $_->{endpoint} eq 'webhook/phone' } $standin->ledger), scalar @billed, 'once');
my $waterfall = apollo('people/bulk_match', { details => [ { id => $second->{id} }, { id => '1' } ], run_waterfall_email => JSON::PP::true, webhook_url => 'https://hooks.example/2' })->{body};
is("$waterfall->{waterfall}{status} " . exists($waterfall->{credits_consumed}), 'accepted ', 'a waterfall');
ok(!exists $waterfall->{matches}[0]{email} && $waterfall->{matches}[1]{match_confidence} eq 'none', 'comes without addresses');
is(scalar(grep { !defined $_->{payload} } $standin->webhooks), 1, 'and waits');
($hook) = $standin->settle(state => 'expired');
is(apollo("webhook_result/$hook->{request_id}")->{status}, 410, 'until it expires');
apollo('people/match', { id => $second->{id}, run_waterfall_email => JSON::PP::true, webhook_url => 'https://hooks.example/3' });
($hook) = $standin->settle;
same_keys($hook->{payload}, fixture('apollo/waterfall_webhook.json'), 'the body of a waterfall');

# Twilio Lookup.
my $lookup = call('twilio', 'GET', '/v2/PhoneNumbers/%2B12025550143?Fields=line_type_intelligence');
same_keys($lookup->{body}, fixture('twilio/lookup_mobile_us.json'), 'a number');
same_keys($lookup->{body}{line_type_intelligence}, fixture('twilio/lookup_mobile_us.json')->{line_type_intelligence}, 'its line');
is(call('twilio', 'GET', '/v2/PhoneNumbers/%2B1202555?Fields=line_type_intelligence')->{body}{validation_errors}[0], 'TOO_SHORT', 'no number');
$standin->settings({ twilio => { numbers => { '+12025550144' => { error_code => 60600 } } } });
is(call('twilio', 'GET', '/v2/PhoneNumbers/%2B12025550144?Fields=line_type_intelligence')->{body}{line_type_intelligence}{error_code}, 60600, 'an error inside');
is(call('twilio', 'GET', '/v2/PhoneNumbers/%2B12025550144', undef, authorization => 'Basic eA==')->{body}{code}, 20003, 'a wrong secret');
is(statuses(call('twilio', 'GET', '/v2/PhoneNumbers/'), call('twilio', 'GET', '/v2/PhoneNumbers/%2B12025550144?Fields=reassigned_number')), '404 400', 'no number, no date');
my $query = call('twilio', 'POST', '/v2/batch/query', fixture('twilio/batch_query_request.json'))->{body};
is(join(' ', sort map { "$_->{correlation_id}=" . ($_->{valid} ? 'valid' : "@{ $_->{validation_errors} }") } @{ $query->{phone_numbers} }),
	'lead-1001=valid lead-1002=valid lead-1003=TOO_SHORT', 'a batch of numbers');
is(call('twilio', 'GET', '/v1/PhoneNumbers/%2B12025550143?Type=carrier')->{body}{carrier}{type} =~ /mobile|landline|voip/, 1, 'the old form');

# The DNC adapter.
$standin->settings({ dnc => { numbers => { '+61491570156' => 'clear', '+61491570157' => 'listed' } } });
my $scrub = fixture('dnc/scrub_request.json');
my $scrubbed = call('dnc', 'POST', '/v1/scrub', $scrub);
same_keys($scrubbed->{body}, fixture('dnc/scrub_200.json'), 'a scrub');
my %by_ref = map { $_->{ref} => $_->{status} } @{ $scrubbed->{body}{results} };
is("$by_ref{1001} $by_ref{1002}", 'clear listed', 'its results');
is($standin->last_call->{credits}, 4, 'it is charged');
call('dnc', 'POST', '/v1/scrub', $scrub);
is($standin->last_call->{credits}, 0, 'once');
is(statuses(call('dnc', 'POST', '/v1/scrub', { %$scrub, channel => 'sms' }), call('dnc', 'POST', '/v1/scrub', '{'),
		call('dnc', 'POST', '/v1/scrub', { %$scrub, jurisdiction => 'XX' }), call('dnc', 'GET', '/v1/status', undef, authorization => 'x'),
		call('dnc', 'GET', '/v1/scrub/none')), '409 400 422 401 404', 'what it refuses');
same_keys(call('dnc', 'GET', '/v1/status')->{body}, fixture('dnc/status_ok.json'), 'its status');
$standin->settings({ dnc => { pending_polls => 2 } });
my $id = '00000000-0000-4000-8000-000000000001';
is(statuses(call('dnc', 'POST', '/v1/scrub', { %$scrub, request_id => $id }), map { call('dnc', 'GET', "/v1/scrub/$id") } 1, 2), '202 202 200', 'a scrub that takes its time');

# Segment.
my $events = fixture('segment/batch_request.json');
is(call('segment', 'POST', '/v1/batch', $events)->{content}, '{
  "success": true
}', 'events');
my $kept = $standin->events;
is($kept, scalar @{ $events->{batch} }, 'are kept');
call('segment', 'POST', '/v1/batch', $events);
call('segment', 'POST', '/v1/batch', { batch => [ { type => 'identify', userId => 'x' } ] }, authorization => 'Basic ' . encode_base64('deadEXAMPLEkey:', ''));
is(scalar $standin->events, $kept, 'once, and not with a dead key');
is(statuses(call('segment', 'POST', '/v1/batch', { batch => [ { type => 'identify', userId => 'x' x 33000 } ] }), call('segment', 'POST', '/v1/batch', '{')), '400 400', 'too large, no JSON');
is_deeply(call('segment_public', 'GET', '/sources/srcEXAMPLE0000000000001')->{body}, fixture('segment/source_ok.json'), 'a source');
is(statuses(map { call('segment_public', 'GET', $_) } '/spaces/s/audiences/audEXAMPLE001', '/spaces/s/audiences/gone', '/v1/projects/dead/settings'), '200 404 404', 'audiences and keys');
my $audiences = call('segment_public', 'GET', '/spaces/s/audiences')->{body};
is_deeply(call('segment_public', 'GET', "/spaces/s/audiences?pagination[cursor]=$audiences->{data}{pagination}{next}")->{body}, fixture('segment/audiences_page2.json'), 'the second page');
is(call('segment_public', 'GET', '/echo', undef, authorization => 'Bearer x')->{status}, 401, 'a wrong token');

# Storage.
my $list = call('storage', 'POST', '/v1/object/list/lead-uploads', { prefix => '', limit => 100 })->{body};
same_keys($list->[0], fixture('supabase/storage_list_ok.json')->[0], 'a bucket');
my $object = call('storage', 'GET', '/v1/object/authenticated/lead-uploads/leads_us_40.csv');
is(length $object->{content}, -s "$top/test/fixtures/lists/leads_us_40.csv", 'a file');
same_keys(call('storage', 'GET', '/v1/object/info/authenticated/lead-uploads/leads_us_40.csv')->{body}, fixture('supabase/storage_object_info.json'), 'what is known of it');
$standin->put_object('lead-uploads', 'a/b c.csv', "x\n");
is(call('storage', 'GET', '/v1/object/authenticated/lead-uploads/a/b%20c.csv')->{content}, "x\n", 'one put there');
is(join(' ', map { call('storage', 'GET', $_->[0], undef, @$_[ 1 .. $#$_ ])->{body}{code} } ['/v1/object/authenticated/lead-uploads/none'],
		['/v1/object/authenticated/none/none'], [ '/v1/object/authenticated/lead-uploads/none', apikey => 'x' ]), 'NoSuchKey NoSuchBucket InvalidJWT', 'what is not');

# What goes wrong.
my %match = (provider => 'apollo', path => '/api/v1/people/match');
$standin->reset;
is(scalar $standin->ledger, 0, 'a fresh ledger');
sub with
{
	my (%do) = @_;
	$standin->script([ { match => {%match}, do => {%do} } ]);
	my $began = Time::HiRes::time();
	my $response = apollo('people/match', $person_body);
	$response->{took} = Time::HiRes::time() - $began;
	$response->{line} = $standin->last_call;
	return $response;
}
sub line { return join ' ', map { $_->{line}{status} . '/' . $_->{line}{credits} . '/' . ($_->{line}{written} ? 'whole' : 'cut') } @_ }
cmp_ok(with(latency_ms => 300)->{took}, '>=', 0.3, 'latency');
{
	$standin->script([ { match => {%match}, do => { hold => \1 } } ]);
	my $before = $standin->last_call->{n};
	my $one = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $standin->port, Timeout => 60) or die "could not connect: $!";
	my $content = $json->encode($person_body);
	print $one "POST /apollo/api/v1/people/match HTTP/1.1\r\nx-api-key: apollo-EXAMPLE\r\nconnection: close\r\ncontent-length: " . length($content) . "\r\n\r\n$content";
	$standin->wait_call($before);
	is($standin->last_call->{written} ? 'written' : 'held', 'held', 'an answer that is held');
	$standin->script;
	like(scalar(<$one>), qr{^HTTP/1.1 200}, '... until other rules are set');
}
my $failed = with(status => 503, body => '<html>', content_type => 'text/html', headers => { 'x-y' => 'z' });
is("$failed->{status} $failed->{content} $failed->{headers}{'content-type'} $failed->{headers}{'x-y'}", '503 <html> text/html z', 'status, body, headers');
is(line($failed), '503/0/whole', 'not billed');
is(line(with(status => 500, billed => JSON::PP::true)), '500/1/whole', 'but when it is said');
my $limited = with(fixture => 'apollo/error_429_rate_limit.json');
is("$limited->{status} $limited->{headers}{'retry-after'} $limited->{headers}{'x-minute-requests-left'}", '429 41 0', 'a fixture');
my $cut = with(cut => 100);
is("$cut->{status} " . line($cut), '599 200/1/cut', 'a body that is cut is billed');
is(line(with(close_before => JSON::PP::true)), '0/0/cut', 'no answer at all');
is(line(with(hang => 0.1)), '0/1/cut', 'an answer that never comes');
cmp_ok(with(drip => 40000)->{took}, '>=', 0.1, 'a drip');
my $huge = with(huge => 3_000_000);
is(length($huge->{content}) . " $huge->{body}{person}{id}", "3000000 $first->{id}", 'a huge body');
my $malformed = with(malformed => JSON::PP::true);
is("$malformed->{status} " . defined $malformed->{body}, '200 ', 'malformed JSON');
is(with(content_type => 'text/html')->{headers}{'content-type'}, 'text/html', 'another content-type');
is(with(locked => JSON::PP::true)->{body}{person}{email}, 'email_not_unlocked@domain.com', 'locked addresses');
my $null = with(nulls => JSON::PP::true);
ok(!$null->{body}{person} || !$null->{body}{person}{id}, 'nulls');
$standin->script([ { match => { provider => 'apollo' }, do => { duplicates => JSON::PP::true } } ]);
my $twins = apollo('people/bulk_match', { details => [ { id => $first->{id} }, { id => $second->{id} } ] })->{body};
is("$twins->{matches}[0]{id} $twins->{matches}[1]{id} $twins->{credits_consumed}", "$first->{id} $first->{id} 1", 'duplicates');

# Which calls.
sub pattern
{
	my ($times, @rules) = @_;
	$standin->script(\@rules);
	return statuses(map { apollo('people/match', $person_body) } 1 .. $times);
}
is(pattern(4, { match => { %match, nth => [ 2, 3 ] }, do => { status => 500 } }), '200 500 500 200', 'the nth');
is(pattern(4, { match => { %match, every => 2 }, do => { status => 500 } }), '200 500 200 500', 'every so many');
is(pattern(3, { match => {%match}, do => { status => 500 }, times => 2 }), '500 500 200', 'so many times');
is(pattern(2, { match => { subject => 'other' }, do => { status => 500 } }), '200 200', 'a subject');
is(pattern(2, { match => { path => '/api/v1/mixed' }, do => { status => 500 } }), '200 200', 'a path');
is(pattern(1, { match => {}, do => { status => 500 } }, { match => {}, do => { status => 501, headers => { 'x-a' => 1 } } }), '500', 'the first rule counts');
my @chance = map { pattern(40, { match => { percent => 30, seed => 7 }, do => { status => 500 } }) } 1, 2;
is($chance[0], $chance[1], 'chance is the same for the same seed');
my $hit = () = $chance[0] =~ /500/g;
cmp_ok(abs($hit - 12), '<', 9, 'and about as often as it is said');
is(($standin->rules)[0]{fired}, $hit, 'a rule counts');
is($http->post($standin->url . '/_control/script', { content => '[{"match": {"pat": 1}, "do": {}}]' })->{status}, 400, 'a rule that is none');
$standin->script;

# A connection is used again, and requests that come together wait their turn.
my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $standin->port) or die "could not connect: $!";
print $socket "GET /apollo/api/v1/auth/health HTTP/1.1\r\nhost: x\r\n\r\n" x 3 . "GET /apollo/api/v1/auth/health HTTP/1.1\r\nconnection: close\r\n\r\n";
my $piped = do { local $/ = undef; <$socket> };
my $answers = () = $piped =~ m{HTTP/1\.1 200 OK}g;
is($answers, 4, 'four requests in one write');

my @pieces = ('{"id": ', qq("$first->{id}"), '}');
my $chunked = $http->post($standin->url('apollo') . '/api/v1/people/match', { headers => $auth{apollo}, content => sub { shift @pieces } });
like($chunked->{content}, qr/"id": "$first->{id}"/, 'a body in chunks');
$socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $standin->port) or die "could not connect: $!";
print $socket "POST /apollo/api/v1/people/match HTTP/1.1\r\nx-api-key: apollo-EXAMPLE\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 2\r\n\r\n";
is(scalar <$socket>, "HTTP/1.1 100 Continue\r\n", 'a client that waits to be asked for the body');
print $socket '{}';
like(do { local $/ = undef; <$socket> }, qr{^\r\nHTTP/1\.1 422}, 'and sends it then');
$socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $standin->port) or die "could not connect: $!";
print $socket "nonsense\r\n\r\n";
like(do { local $/ = undef; <$socket> }, qr{^HTTP/1\.1 400}, 'what is no request');

$standin->stop;
is($standin->output, '', 'it had nothing to complain of');

# Killed and started again, it goes on counting.
$standin = Standin->start(settings => \%settings);
$standin->script([ { match => { %match, nth => 5 }, do => { status => 503 } } ]);
$standin->settings({ apollo => { credits => 90000 } });
apollo('people/match', $person_body) for 1 .. 3;
apollo('people/bulk_match', { details => [ { id => $with->{id} } ], %reveal });
call('dnc', 'POST', '/v1/scrub', $scrub);
my @ledger = $standin->ledger;
my $stats = $standin->stats;
$standin->kill9;
$standin->restart;
is_deeply([ $standin->ledger ], \@ledger, 'the ledger survives kill -9');
is_deeply($standin->stats, $stats, 'and its sums');
is(scalar(grep { !$_->{payload} } $standin->webhooks), 1, 'and what waits');
is(apollo('usage_stats/credit_usage_stats', {})->{body}{credit_usage_stats}{lead_credit}{left_over}, 90000 - $stats->{apollo}{credits}, 'and the balance');
call('dnc', 'POST', '/v1/scrub', $scrub);
is($standin->last_call->{credits}, 0, 'and what was charged');
is(statuses(map { apollo('people/match', $person_body) } 1 .. 2), '200 503', 'and the rules, where they stood');
@ledger = $standin->ledger;
is($ledger[-1]{n}, scalar @ledger, 'the numbers go on');

# What was answered is on the disk already.
sub lines
{
	open(my $in, '<', $standin->state_file) or die "could not read: $!";
	return scalar grep { /^\["call",/ } <$in>;
}
$standin->script;
my $lines = lines();
my @late = grep { apollo('people/match', $person_body); lines() != $lines + $_ } 1 .. 10;
is("@late", '', 'an answer is entered before it leaves');

# In the middle of an answer: billed, and not whole.
$standin->script([ { match => {%match}, do => { latency_ms => 60000 } } ]);
my $waiting = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $standin->port) or die "could not connect: $!";
my $body = $json->encode($person_body);
my $entered = $standin->last_call->{n};
print $waiting "POST /apollo/api/v1/people/match HTTP/1.1\r\nx-api-key: apollo-EXAMPLE\r\ncontent-length: " . length($body) . "\r\n\r\n$body";
$standin->wait_call($entered);
$standin->kill9;
open(my $torn, '>>', $standin->state_file) or die "could not open: $!";
print $torn '["call",{"n":';
close $torn;
$standin->restart;
my $last = $standin->last_call;
is("$last->{credits} " . ($last->{written} ? 'whole' : 'cut'), '1 cut', 'an answer that a kill cut off is in the ledger');
is(do { local $/ = undef; <$waiting> }, '', 'and was not sent');

# The same in TLS.
my $tls = File::Temp::tempdir(CLEANUP => 1);
system("cd $tls && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
	  . ' -addext subjectAltName=IP:127.0.0.1 -keyout key -out cert 2> log < /dev/null && cat key cert > pem') == 0
  or die "could not make a certificate";
my $secure = Standin->start(tls => "$tls/pem");
my $url = $secure->url('apollo', 'https') . '/api/v1/auth/health';
my $spoken = `python3 -c 'import ssl, sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20, context=ssl.create_default_context(cafile=sys.argv[2])).read().decode())' $url $tls/cert 2>&1`;
like($spoken, qr{"healthy": true}, 'it speaks TLS');
$secure->stop;
is($secure->output, '', 'without complaint');

# It ends on a signal, and with the process that started it: each has the
# write end of a pipe as long as it lives.
sub ended
{
	my ($how) = @_;
	local $^F = 255;
	pipe(my $out, my $in) or die "could not make a pipe: $!";
	my $dir = File::Temp::tempdir(CLEANUP => 1);
	my $pid = fork() // die "could not fork: $!";
	if ($pid == 0)
	{
		close $out;
		my $other = Standin->start(dir => $dir);
		print $in $other->pid . "\n";
		$in->flush;
		$how eq 'parent' ? kill('KILL', $$) : kill('TERM', $other->pid);
		waitpid($other->pid, 0);
		POSIX::_exit(0);
	}
	close $in;
	waitpid($pid, 0);
	local $SIG{ALRM} = sub { die "it lives on\n" };
	alarm(30);
	my $said = eval { local $/ = undef; <$out> };
	alarm(0);
	return $said // '';
}
like(ended('parent'), qr/^\d+$/, 'it ends with its parent');
like(ended('signal'), qr/^\d+$/, 'it ends on SIGTERM');

$standin->stop;
is($standin->output, '', 'nor had this one');
done_testing();

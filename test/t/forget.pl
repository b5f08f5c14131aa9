# After lp_forget nothing of a person is in any table, in pg_stats or in a
# dump; the ban remains, colleagues remain, and a restored copy still knows.
use strict;
use warnings;
use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub start
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\ndefault_statistics_target = 1000");
	$node->start;
	return $node;
}

my $node = start('first');
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', 'CREATE EXTENSION leadpool');
my $client = '00000000-0000-0000-0000-00000000000a';
my $other = '00000000-0000-0000-0000-00000000000b';
$node->safe_psql('source', qq(SELECT FROM lp_client_set('$client', 'Agency'); SELECT FROM lp_client_set('$other', 'Other');
	SELECT FROM lp_sender_set('$client', 'email', 'out\@agency.example', '{"warmup_ready": true}')));

# Two hundred people whose payloads mention Zebediah, so that what statistics
# keep is what comes often.
my $capture = q(SELECT outcome FROM lp_capture_apollo(jsonb_build_object('matches', (SELECT jsonb_agg(jsonb_build_object(
	'id', 'col' || g, 'name', 'Colleague ' || g, 'email', 'col' || g || '@acme.example', 'email_status', 'verified', 'title', 'Assistant',
	'headline', 'works for Zebediah Quorn', 'aura', jsonb_build_object('boss', 'zebediah.quorn@acme.example'),
	'contact', jsonb_build_object('id', 'cc' || g, 'name', 'Zebediah Quorn', 'email', 'zebediah.quorn@acme.example', 'sanitized_phone', '+13035550199'),
	'organization', jsonb_build_object('id', 'org1', 'name', 'Acme', 'org_chart_root_people_ids', jsonb_build_array('61f0c0ffee0badc0de000001')))) FROM generate_series(1, 200) g),
	'echo', 'https://linkedin.com/in/zeb-quorn-42')));
$node->safe_psql('source', $capture);
my $person = q({"person": {"id": "61f0c0ffee0badc0de000001", "first_name": "Zebediah", "last_name": "Quorn", "name": "Zebediah Quorn", "email": "Zebediah.Quorn@acme.example", "email_status": "verified",
	"linkedin_url": "http://www.linkedin.com/in/zeb-quorn-42", "personal_emails": ["zebq@gmail.com"], "photo_url": "https://img.example/zebq.jpg", "twitter_url": "https://twitter.com/zebq", "city": "Quornville",
	"phone_numbers": [{"raw_number": "(303) 555-0199", "sanitized_number": "+13035550199", "type": "mobile"}], "employment_history": [{"organization_name": "Quorn Brothers", "title": "Quornmaster"}],
	"surprise": "zebq@gmail.com", "organization": {"id": "org1", "name": "Acme", "primary_domain": "acme.example"}}});
$node->safe_psql('source', qq(SELECT FROM lp_capture_apollo('$person')));
$node->safe_psql('source', q(SELECT FROM lp_capture_apollo('{"organization": {"id": "org1", "name": "Acme", "founder": "Zebediah Quorn", "org_chart_root_people_ids": ["61f0c0ffee0badc0de000001"]}}')));
# A body without people, one that repeats its key, and a note about somebody else.
$node->safe_psql('source', q(SELECT FROM lp_capture_apollo('{"error": "no credits for zebq@gmail.com"}')));
$node->safe_psql('source', q(SELECT FROM lp_capture_apollo_raw('{"person": {"id": "z", "email": "zebq@gmail.com", "name": "Zebediah Quorn"}, "person": {"id": "col1", "email": "col1@acme.example"}}')));
$node->safe_psql('source', q(SELECT FROM lp_record_event('opened', email => 'col1@acme.example', external_id => 'to-zebq@gmail.com-1', detail => '{"cc": "Zebediah Quorn, zebq@gmail.com"}')));
my $lead = $node->safe_psql('source', q(SELECT lp_find_lead(email => 'zebediah.quorn@acme.example')));
like($lead, qr/^[0-9a-f-]{36}$/, 'the person is known');
$node->safe_psql('source', qq(
	SELECT FROM lp_assign('$lead', '$client', NULL, 'Zebediah Quorn wanted');
	SELECT FROM lp_pin('$lead', 'linkedin_headline', '"Zebediah the Great"');
	SELECT FROM lp_jit_claim('$lead', '$client', 'linkedin', step => 'hi zebediah', campaign_id => '$client');
	SELECT FROM lp_touch_record('$lead', '$client', 'email', 'out\@agency.example', step => 'dear zebediah', provider_message_id => '<zebediah.quorn\@acme.example>');
	SELECT FROM lp_record_event('delivered', email => 'zebediah.quorn\@acme.example', external_id => 'zebediah.quorn=acme.example', detail => '{"rcpt": "Zebediah Quorn"}');
	SELECT FROM lp_suppress('phone', '+1 303 555 0199', 'Zebediah Quorn called', '$other')));

my @strings = ('zebediah', 'quorn', 'zebq', '5550199', '555-0199', '61f0c0ffee0badc0de000001', 'zeb-quorn-42');

# Tables and statistics as text, by name.
sub texts
{
	my ($n, $database, $analyze) = @_;
	my %texts;
	$n->safe_psql($database, 'ANALYZE') if $analyze;
	for my $table (split /\n/, $n->safe_psql($database, q(SELECT c.relname FROM pg_extension x, unnest(x.extconfig) e (oid)
		JOIN pg_class c ON c.oid = e.oid WHERE x.extname = 'leadpool' AND c.relkind = 'r' ORDER BY 1)))
	{
		$texts{$table} = $n->safe_psql($database, "SELECT t::text FROM $table t");
	}
	$texts{pg_stats} = $n->safe_psql($database, q(SELECT s::text FROM pg_stats s WHERE schemaname = 'public'));
	return \%texts;
}

sub shown
{
	my ($texts) = @_;
	my @found;
	for my $table (sort keys %$texts)
	{
		for my $string (@strings)
		{
			push @found, "$table: $string" if index(lc $texts->{$table}, $string) >= 0;
		}
	}
	return \@found;
}

my $before = texts($node, 'source', 1);
my %shows = map { (split /:/)[0] => 1 } @{ shown($before) };
is_deeply([ sort keys %shows ], [qw(lead_assignments lead_captures lead_companies lead_events lead_identities lead_pins lead_pool lead_suppressions lead_touches lead_unmapped)],
	'the person is in many tables, and already not in the statistics') or diag(explain([ sort keys %shows ]), grep { /zebediah|quorn/i } split /\n/, $before->{pg_stats});

my $certificate = $node->safe_psql('source', qq(SELECT lp_forget('$lead')));
like($certificate, qr/"found": true/, 'found');
like($certificate, qr/"claims_voided": 1/, 'the open claim is void');
like($certificate, qr/"captures_cleaned": 205/, 'payloads were cleaned') or diag($certificate);
is_deeply(shown(texts($node, 'source', 0)), [], 'nothing is in a table or in pg_stats');
is_deeply(shown(texts($node, 'source', 1)), [], 'nor after an ANALYZE');
is_deeply(shown({ certificate => $certificate }), [], 'nothing is in the certificate');

my $dump = $node->basedir . '/plain.sql';
my $custom = $node->basedir . '/custom.dump';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('source') ], 'pg_dump');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $custom, $node->connstr('source') ], 'pg_dump -Fc');
is_deeply(shown({ dump => slurp_file($dump) }), [], 'nothing is in a dump');

# Colleagues remain, and what was captured of them is JSON.
is($node->safe_psql('source', q(SELECT count(*), count(DISTINCT email), bool_and(full_name LIKE 'Colleague %') FROM lead_pool WHERE state = 'active')), '200|200|t', 'colleagues remain');
is($node->safe_psql('source', q(SELECT count(*) FROM lead_captures WHERE lead_id IS NOT NULL AND part::jsonb ->> 'id' LIKE 'col%')), '201', 'their payloads are JSON');
is($node->safe_psql('source', q(SELECT count(*) FROM lead_available)), '200', 'they can be handed out');

# Nothing comes back, not in what else a body says either.
my $again = sub {
	my ($n, $database, $how) = @_;
	is($n->safe_psql($database, qq(SELECT outcome FROM lp_capture_apollo('$person'))), 'suppressed', "$how: the same body is suppressed");
	is($n->safe_psql($database, q(SELECT outcome FROM lp_capture('list', '{"email": "zebq@gmail.com", "full_name": "Zebediah Quorn"}'))), 'suppressed', "$how: another key is suppressed");
	is($n->safe_psql($database, qq(SELECT string_agg(outcome, ' ' ORDER BY ordinal) FROM lp_capture_apollo('{"matches": [{"id": "new-$how", "name": "New", "email": "new-$how\@acme.example",
		"boss": {"email": "zebediah.quorn\@acme.example", "name": "Z. Quorn"}, "headline": "with Zebediah Quorn"}, {"id": "61f0c0ffee0badc0de000001", "name": "Zebediah Quorn"}], "asked": "61f0c0ffee0badc0de000001", "q": "Zebediah Quorn"}'))),
		'inserted suppressed', "$how: of a body with others only the others are stored");
	is($n->safe_psql($database, q(SELECT lp_is_suppressed('email', 'zebediah.quorn+x@acme.example'), lp_is_suppressed('linkedin', 'linkedin.com/in/zeb-quorn-42'))), 't|t', "$how: the ban holds");
	is_deeply(shown(texts($n, $database, 1)), [], "$how: and nothing is stored");
};
$again->($node, 'source', 'here');

my $copy = start('second');
copy($node->data_dir . '/leadpool.key', $copy->data_dir . '/leadpool.key') or die;
chmod 0600, $copy->data_dir . '/leadpool.key';
$copy->safe_psql('postgres', 'CREATE DATABASE restored');
$copy->command_ok([ 'pg_restore', '-d', $copy->connstr('restored'), $custom ], 'pg_restore');
$again->($copy, 'restored', 'restored');

done_testing();

# A standby may lag: a yes from it would be a stale yes, so it answers nothing
# about contacts.  On the primary a read-only transaction may still ask.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--no-locale' ]);
$primary->append_conf('postgresql.conf', slurp_file("$ENV{LEADPOOL_TOP}/test/leadpool.conf"));
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION leadpool');
$primary->backup('backup');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('write'));

my $id = "'00000000-0000-7000-8000-000000000001'";
my %calls = (
	lp_jit_check => "$id, $id, 'email'",
	lp_jit_check_batch => "$id, 'email', ARRAY[$id]::uuid[]",
	lp_jit_explain => "$id, $id, 'email'",
	lp_jit_claim => "$id, $id, 'email'",
	lp_jit_claim_batch => "$id, 'email', ARRAY[$id]::uuid[]",
	lp_touch_dispatch => $id,
	lp_touch_confirm => $id,
	lp_touch_fail => "$id, 'x'",
	lp_touch_record => "$id, $id, 'email'");

foreach my $function (sort keys %calls)
{
	my ($status, $out, $error) = $standby->psql('postgres',
		"\\set VERBOSITY sqlstate\nSELECT $function($calls{$function})");

	like($error, qr/25006/, "$function refuses on a standby");

	($status, $out, $error) = $primary->psql('postgres',
		"\\set VERBOSITY sqlstate\nBEGIN READ ONLY; SELECT $function($calls{$function});");
	if ($function =~ /check|explain/)
	{
		like($out, qr/assignment_active/, "$function answers in a read-only transaction");
	}
	else
	{
		like($error, qr/25006/, "$function refuses in a read-only transaction");
	}
}

# What only looks may lag: the proof of capture is read on the standby.
$primary->safe_psql('postgres', q{SELECT lp_capture_apollo('{"person": {"id": "p1", "name": "Ada", "organization": {"id": "o1", "estimated_num_employees": "lots"}}}')});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('write'));
is($standby->safe_psql('postgres', 'SELECT json_path FROM lead_proof_uncaptured_fields'),
	'organization.estimated_num_employees', 'the proof of capture is read on a standby');

$standby->stop;
$primary->stop;
done_testing();

# A copy of a database, made in whichever way, neither sends nor spends before
# lp_worker_start() says so there; statements that need a database for
# themselves get it.
use strict;
use warnings;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $conf = q(fsync = off
log_min_messages = info
shared_preload_libraries = 'leadpool'
leadpool.databases = 'source, copy, restored'
);
my $node = PostgreSQL::Test::Cluster->new('original');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', $conf);
$node->start;

sub status
{
	my ($n, $database, $columns) = @_;
	return $n->safe_psql($database, "SELECT $columns FROM lead_worker_status");
}

sub wait_state
{
	my ($n, $database, $state) = @_;
	return $n->poll_query_until($database, "SELECT state = '$state' FROM lead_worker_status")
	  || diag(status($n, $database, '*'));
}

# Paused as a copy; approved, it works.
sub is_copy
{
	my ($n, $database, $how) = @_;
	ok(wait_state($n, $database, 'paused'), "$how: paused");
	is(status($n, $database, 'reason'), 'copy of another database: call lp_worker_start() to let it spend here', "$how: and says why");
	ok($n->safe_psql($database, 'SELECT lp_worker_start()') > 0, "$how: approved");
	ok(wait_state($n, $database, 'idle'), "$how: works");
	return;
}

sub code
{
	my ($n, $sql, $database, $role) = @_;
	my ($rc, $out, $err) = $n->psql($database, "\\set VERBOSITY sqlstate\n" . ($role ? "SET ROLE $role;\n" : '') . $sql);
	return $err =~ /ERROR:\s+(\w{5})/ ? $1 : 'ok';
}

$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', q(CREATE EXTENSION leadpool;
	SELECT lp_client_set('00000000-0000-7000-8000-00000000000a', 'A');));
ok(wait_state($node, 'source', 'idle'), 'the original works');

# By template, from under the worker.
is(code($node, 'CREATE DATABASE copy TEMPLATE source', 'postgres'), 'ok', 'CREATE DATABASE ... TEMPLATE has the worker leave');
is_copy($node, 'copy', 'template');
ok(wait_state($node, 'source', 'idle'), 'the worker of the original is back');

# Others cannot send a worker away.
$node->safe_psql('postgres', 'CREATE ROLE creator CREATEDB');
my $pid = status($node, 'source', 'pid');
is(code($node, 'DROP DATABASE source', 'postgres', 'creator'), '42501', 'a stranger may not drop the database');
is(code($node, 'ALTER DATABASE source RENAME TO mine', 'postgres', 'creator'), '42501', 'nor rename it');
is(status($node, 'source', 'pid'), $pid, 'and the worker does not leave for it');

# A statement that fails leaves the worker as it was.
is(code($node, 'ALTER DATABASE source RENAME TO copy', 'postgres'), '42P04', 'a statement that fails');
ok($node->poll_query_until('source', "SELECT state = 'idle' AND pid <> $pid FROM lead_worker_status"), 'the worker is back');

# Within a transaction the worker stays away until its end.
$node->safe_psql('postgres', q(BEGIN; ALTER DATABASE copy RENAME TO copied; ALTER DATABASE copied RENAME TO copy; COMMIT));
ok(wait_state($node, 'copy', 'idle'), 'renamed and back');

# Nor does a statement wait for long for a call that nobody answers: a server
# that takes connections and no more.
my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "could not listen: $!";
my $secrets = $node->basedir . '/secrets';
mkdir $secrets, 0700 or die "could not make $secrets: $!";
append_to_file("$secrets/leadpool_apollo_key", 'apollo-EXAMPLE');
chmod 0600, "$secrets/leadpool_apollo_key";
$node->safe_psql('postgres', $_) for
  "ALTER SYSTEM SET leadpool.secrets_dir = '$secrets'", 'ALTER SYSTEM SET leadpool.allow_loopback_http = on',
  "ALTER SYSTEM SET leadpool.apollo_base_url = 'http://127.0.0.1:@{[$silent->sockport]}'",
  "ALTER SYSTEM SET leadpool.apollo_timeout = '60s'", 'ALTER SYSTEM SET leadpool.apollo_daily_credits = 10', 'SELECT pg_reload_conf()';
my $lead = $node->safe_psql('source', q(SELECT lead_id FROM lp_capture_apollo('{"person": {"id": "5f0000000000000000000001", "first_name": "Jane", "last_name": "Doe"}}')));
$node->safe_psql('source', "SELECT lp_enrich(ARRAY['$lead']::uuid[], 'test', '{\"force\": true}')");
ok($node->poll_query_until('source', "SELECT state = 'started' FROM lead_jobs"), 'a call is under way');
is(code($node, 'ALTER DATABASE source RENAME TO moved', 'postgres'), 'ok', 'a statement has the worker leave its call');
is(code($node, 'ALTER DATABASE moved RENAME TO source', 'postgres'), 'ok', 'and back');
ok($node->poll_query_until('source', "SELECT state = 'unknown' FROM lead_jobs"), 'whether the call was paid nobody knows');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET leadpool.apollo_daily_credits');

# By a dump.
my $dump = $node->basedir . '/source.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('source') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
# The worker sees the empty database first: then it must not adopt it.
$node->command_ok([ 'pg_restore', '--section=pre-data', '-d', $node->connstr('restored'), $dump ], 'pg_restore under a worker');
ok(wait_state($node, 'restored', 'idle'), 'before the data: nothing to do');
$node->command_ok([ 'pg_restore', '--section=data', '-d', $node->connstr('restored'), $dump ], 'the data');
$node->reload;
is_copy($node, 'restored', 'dump');
is($node->safe_psql('restored', 'SELECT count(*), count(DISTINCT database) FROM lead_worker_identity'), '2|2', 'both are known there');

# By a standby: no worker while it is one, and none unasked after its promotion.
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
is(status($standby, 'source', 'state, reason'), 'stopped|this server is a standby', 'a standby has no worker');
is(code($standby, 'SELECT lp_worker_start()', 'source'), '25006', 'and starts none');
is(code($standby, 'SELECT lp_worker_stop()', 'source'), '25006', 'nor stops one');
is(code($standby, q(SELECT lp_provider_check('apollo')), 'source'), '25006', 'nor asks one');
is($standby->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'leadpool%')), '0', 'no process at all');
$standby->promote;
is_copy($standby, 'source', 'promoted');
$standby->stop;

# A base backup that was started with a name of its own.
my $twin = PostgreSQL::Test::Cluster->new('twin');
$twin->init_from_backup($node, 'backup');
$twin->append_conf('postgresql.conf', "leadpool.instance = 'twin'");
$twin->start;
is_copy($twin, 'source', 'leadpool.instance');
$twin->stop;

# By pg_upgrade, of the same version.
SKIP:
{
	chomp(my $bindir = `pg_config --bindir`);
	my ($found) = grep { -x "$_/pg_upgrade" } split(/:/, $ENV{PATH});
	skip 'no pg_upgrade', 6 unless $found;
	$node->stop;
	my $new = PostgreSQL::Test::Cluster->new('upgraded');
	$new->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	$new->append_conf('postgresql.conf', $conf);
	my $directory = $new->basedir . '/upgrade';
	mkdir $directory or die;
	chdir $directory or die;
	command_ok(
		[
			'pg_upgrade', '--no-sync', '--retain',
			'-d', $node->data_dir, '-D', $new->data_dir,
			'-b', $found, '-B', $found,
			'-s', $new->host, '-p', $node->port, '-P', $new->port
		],
		'pg_upgrade with the library preloaded');
	my $logs = join('', map { slurp_file($_) } glob($new->data_dir . '/pg_upgrade_output.d/*/log/*server*.log'));
	isnt($logs, '', 'it kept its logs');
	unlike($logs, qr/leadpool (?:worker|launcher)/, 'no worker ran meanwhile');
	$new->start;
	is_copy($new, 'source', 'pg_upgrade');
	$new->stop;
}

done_testing();

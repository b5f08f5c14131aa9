# A dump carries everything that is not derived, loads in parallel with every
# constraint in place, and is worth nothing to anybody without the ban key.
use strict;
use warnings;
use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Fill qw(fill client consistency);

my $leads = 20_000;
my ($one, $two) = (client(1), client(2));

sub start
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf', "fsync = off\nsynchronous_commit = off\nmaintenance_work_mem = '128MB'\nautovacuum = off");
	$node->start;
	return $node;
}

my $node = start('first');
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', 'CREATE EXTENSION leadpool');
fill($node, 'source', $leads);
is($node->safe_psql('source', consistency()), '', 'the source is consistent');

# Count and checksum of every table, without what a dump leaves out on purpose.
sub contents
{
	my ($n, $database) = @_;
	my %contents;
	for my $line (split /\n/, $n->safe_psql($database, q(
		SELECT c.oid::regclass, e.condition FROM pg_extension x, unnest(x.extconfig, x.extcondition) e (oid, condition)
		JOIN pg_class c ON c.oid = e.oid WHERE x.extname = 'leadpool' AND c.relkind = 'r' AND e.condition <> 'WHERE false')))
	{
		my ($table, $condition) = split /\|/, $line, 2;
		$contents{$table} = $n->safe_psql($database, qq(
			SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1;
			SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")) FROM $table t $condition));
	}
	return \%contents;
}

my $before = contents($node, 'source');
is_deeply([ sort grep { $before->{$_} =~ /^0\|/ } keys %$before ], [],
	'the source has rows in every table') or diag(explain($before));

my $dump = $node->basedir . '/source.dump';
my $plain = $node->basedir . '/source.sql';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('source') ], 'pg_dump -Fc');
$node->command_ok([ 'pg_dump', '-f', $plain, $node->connstr('source') ], 'pg_dump as a script');
my $key = slurp_file($node->data_dir . '/leadpool.key');
is(length($key), 32, 'the key has 32 bytes');
is(index(slurp_file($plain), unpack('H*', $key)), -1, 'the key is not in the dump');

# What every restored copy must show.
sub check_restored
{
	my ($n, $database, $how) = @_;
	is_deeply(contents($n, $database), $before, "$how: no row is lost or changed");
	is($n->safe_psql($database, 'SELECT count(*) FROM pg_constraint WHERE NOT convalidated'), '0', "$how: every constraint is validated");
	is($n->safe_psql($database, 'SELECT count(*) FROM pg_index WHERE NOT indisvalid OR NOT indisready'), '0', "$how: every index is valid");
	is($n->safe_psql($database, 'SELECT count(*) FROM lead_score_weights WHERE shipped'),
		$node->safe_psql('source', 'SELECT count(*) FROM lead_score_weights WHERE shipped'), "$how: shipped rows are there once");
	is($n->safe_psql($database, 'SELECT (SELECT count(*) FROM lead_available) + (SELECT count(*) FROM lead_available_built)'),
		'0', "$how: what is derived was not dumped");

	# The promise is a constraint: raw SQL cannot break it.
	my ($status, $out, $err) = $n->psql($database, qq(\\set VERBOSITY verbose
		INSERT INTO lead_assignments (lead_id, client_id, status, origin, assigned_at)
		SELECT lead_id, '$one', 'active', 'assign', now() FROM lead_assignments WHERE status = 'active' AND client_id = '$two' LIMIT 1));
	like($err, qr/23505.*lead_assignments_one_owner/s, "$how: a second owner is refused");
	return;
}

# What holds where the key is.
sub check_bans
{
	my ($n, $database, $how) = @_;
	is( $n->safe_psql($database, qq(
		SELECT lp_is_suppressed('email', 'early\@nowhere.example'), lp_is_suppressed('email', 'later\@nowhere.example'),
		       lp_is_suppressed('phone', '+1 202 555 0199'), lp_is_suppressed('email', 'person11\@company11.example'),
		       lp_is_suppressed('email', 'person3\@company3.example', '$one'), lp_is_suppressed('email', 'person3\@company3.example'),
		       lp_is_suppressed('email', 'lifted\@nowhere.example'))),
		't|t|t|t|t|f|f', "$how: bans hold, and only those");
	return;
}

# What was handed out before is not again, and the first allocation works.
sub check_allocation
{
	my ($n, $database, $how) = @_;
	is($n->safe_psql($database, qq(SET leadpool.now = '2026-03-05 15:00+00';
		SELECT count(*) FROM lp_allocate('$two', NULL, 100, '{"countries": ["Australia"]}'))), '100',
		"$how: the first allocation rebuilds what is derived");
	is($n->safe_psql($database, q(SELECT count(*) > 1000 FROM lead_available)), 't', "$how: for all leads");
	is($n->safe_psql($database, qq(SET leadpool.now = '2026-03-05 15:00+00';
		SELECT count(*) FROM lp_allocate('$two', NULL, 100, '{"domains": ["company11.example"]}'))), '0',
		"$how: and hands no banned lead out");
	is($n->safe_psql($database, consistency()), '', "$how: consistent after it");
	return;
}

# Parallel restore into another database of the same cluster.
$node->safe_psql('postgres', 'CREATE DATABASE parallel TEMPLATE template0');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-j4', '-d', $node->connstr('parallel'), $dump ], 'pg_restore -j4');
check_restored($node, 'parallel', 'pg_restore -j4');
check_bans($node, 'parallel', 'pg_restore -j4');
check_allocation($node, 'parallel', 'pg_restore -j4');

# As a script.
$node->safe_psql('postgres', 'CREATE DATABASE script TEMPLATE template0');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr('script'), '-f', $plain ], 'psql -f');
check_restored($node, 'script', 'psql');
check_bans($node, 'script', 'psql');
check_allocation($node, 'script', 'psql');

# Another cluster, where the key is not.
my $other = start('second');
$other->safe_psql('postgres', 'CREATE DATABASE moved TEMPLATE template0');
$other->command_ok([ 'pg_restore', '--exit-on-error', '-j4', '-d', $other->connstr('moved'), $dump ], 'pg_restore into another cluster');
check_restored($other, 'moved', 'another cluster');

my $lead = $other->safe_psql('moved', "SELECT lead_id FROM lead_assignments WHERE status = 'active' AND client_id = '$two' ORDER BY lead_id DESC LIMIT 1");
my $open = $other->safe_psql('moved', "SELECT id FROM lead_touches WHERE state = 'claimed' LIMIT 1");
my %door = (
	lp_capture_apollo => q(lp_capture_apollo('{"person": {"id": "late", "email": "late@nowhere.example"}}')),
	lp_capture_apollo_raw => q(lp_capture_apollo_raw('{"person": {"id": "late", "email": "late@nowhere.example"}}')),
	lp_capture => q(lp_capture('list', '{"email": "late@nowhere.example"}')),
	lp_allocate => "lp_allocate('$two', NULL, 1)",
	lp_assign => "lp_assign('$lead', '$two')",
	lp_jit_check => "lp_jit_check('$lead', '$two', 'email', 'bob\@second.example')",
	lp_jit_check_batch => "lp_jit_check_batch('$two', 'email', ARRAY['$lead'::uuid], 'bob\@second.example')",
	lp_jit_explain => "lp_jit_explain('$lead', '$two', 'email', 'bob\@second.example')",
	lp_jit_claim => "lp_jit_claim('$lead', '$two', 'email', 'bob\@second.example')",
	lp_touch_dispatch => "lp_touch_dispatch('$open')",
	lp_suppress => q(lp_suppress('email', 'x@nowhere.example', 'operator')),
	lp_is_suppressed => q(lp_is_suppressed('email', 'early@nowhere.example')));

sub doors_refuse
{
	my ($how) = @_;
	for my $name (sort keys %door)
	{
		my ($status, $out, $err) = $other->psql('moved', "\\set VERBOSITY verbose\nSET leadpool.now = '2026-03-04 15:05+00'; SELECT * FROM $door{$name}");
		like($err, qr/ERROR:  LP008: /, "$how: $name refuses with LP008");
	}
	is_deeply(contents($other, 'moved'), $before, "$how: nothing was written");
	return;
}
doors_refuse('without the key');
ok(!-e $other->data_dir . '/leadpool.key', 'no new key is made over existing bans');

# A wrong key is no key.
my $file = $other->data_dir . '/leadpool.key';
open(my $out, '>:raw', $file) or die $!;
print $out 'x' x 32;
close $out;
chmod 0600, $file;
doors_refuse('with another key');

# With the key.
unlink $file;
copy($node->data_dir . '/leadpool.key', $file) or die $!;
chmod 0600, $file;
check_bans($other, 'moved', 'with the key');
check_allocation($other, 'moved', 'with the key');

$node->stop;
$other->stop;
done_testing();

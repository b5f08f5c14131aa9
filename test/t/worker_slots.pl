# Which databases have a worker: what is forgotten with a database, what a start
# means to a worker that leaves, and a worker that comes when its database has
# left the list.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub make_node
{
	my ($name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf', "fsync = off\nlog_min_messages = info\n$conf");
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE original');
	$node->safe_psql('original', 'CREATE EXTENSION leadpool');
	return $node;
}

# More databases than there are slots, stopped and dropped.
sub stop_and_drop_many
{
	my ($node) = @_;
	for my $n (1 .. 33)
	{
		$node->safe_psql('postgres', 'CREATE DATABASE brief TEMPLATE original');
		$node->safe_psql('brief', 'SELECT lp_worker_stop()');
		$node->safe_psql('postgres', 'DROP DATABASE brief');
	}
	return;
}

#
# Started by hand.
#
my $node = make_node('by_hand', '');
stop_and_drop_many($node);
ok($node->safe_psql('original', 'SELECT lp_worker_start()') > 0, 'stops are forgotten with their databases');

# Asked to leave, and to stay, at about the same time: what a start returns runs
# on, whenever the worker has noticed the stop.
my $lost = 0;
for my $n (1 .. 60)
{
	my $ms = 1 + $n % 6;
	my ($rc, $out, $err) = $node->psql('original',
		"SET statement_timeout = '${ms}ms'; \nSELECT lp_worker_stop();\n SET statement_timeout = 0;\n SELECT lp_worker_start();");
	my ($pid) = reverse split /\n/, $out;
	$node->poll_query_until('original', "SELECT state IN ('idle', 'stopped') AND last_turn_at IS NOT NULL OR pid IS NULL FROM lead_worker_status");
	$lost++ if $node->safe_psql('original', "SELECT coalesce(pid, 0) FROM lead_worker_status") != $pid;
}
is($lost, 0, 'a start never returns a worker that leaves');
$node->stop;

#
# Preloaded.
#
$node = make_node('preloaded', "shared_preload_libraries = 'leadpool'\nleadpool.databases = 'listed'");
stop_and_drop_many($node);
$node->safe_psql('postgres', 'CREATE DATABASE listed TEMPLATE original');
ok($node->poll_query_until('listed', "SELECT state = 'idle' FROM lead_worker_status"), 'the launcher forgets them too');

# A statement that a transaction does not allow leaves the worker alone.
sub worker { return $node->safe_psql('listed', 'SELECT pid FROM lead_worker_status') }
my $pid = worker();
for my $sql ('DROP DATABASE listed', 'CREATE DATABASE copy TEMPLATE listed', 'ALTER DATABASE listed SET TABLESPACE pg_default')
{
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nBEGIN; $sql");
	like($err, qr/25001/, "in a transaction: $sql");
	is(worker(), $pid, 'the worker stays');
}

# A worker that has been asked for and has not come yet when its database leaves
# the list.  A postmaster that is stopped starts none.
SKIP:
{
	my $session = $node->background_psql('postgres');
	skip 'background_psql without query_safe', 1 unless $session->can('query_safe');
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	my $has_looked = sub {
		my $since = $session->query_safe('SELECT clock_timestamp()');
		$session->query_safe($_[0]);
		for (1 .. 1800)
		{
			return 1 if $session->query_safe(
				"SELECT state_change > '$since' AND state = 'idle' FROM pg_stat_activity WHERE backend_type = 'leadpool launcher'") eq 't';
			select(undef, undef, undef, 0.01);
		}
		return 0;
	};
	$has_looked->('ALTER DATABASE listed RENAME TO other');
	ok($node->poll_query_until('other', 'SELECT pid IS NULL FROM lead_worker_status'), 'renamed away: it has none');
	kill 'STOP', $postmaster;
	my $renamed = $has_looked->('ALTER DATABASE other RENAME TO listed') && $has_looked->('ALTER DATABASE listed RENAME TO other');
	my $since = $session->query_safe('SELECT clock_timestamp()');
	kill 'CONT', $postmaster;
	ok($renamed, 'renamed to the listed name, and away, before a worker came');
	ok($node->poll_query_until('other', "SELECT started_at > '$since' AND pid IS NULL FROM lead_worker_status"), 'the worker that comes leaves');
	$session->quit;
}
$node->stop;
done_testing();

# Which databases have a worker: what is forgotten with a database, what a start
# means to a worker that leaves, and a worker that comes when its database has
# left the list.
use strict;
use warnings;
use IPC::Run;
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

# A start while the worker leaves returns the one after it.  A debugger holds it
# where it has decided to leave.
SKIP:
{
	skip 'no gdb', 2 unless eval { IPC::Run::run([ 'gdb', '--version' ], '>', '/dev/null', '2>', '/dev/null') };
	my ($held, $old, $new) = ('') x 3;
	my $go = PostgreSQL::Test::Utils::tempdir() . '/go';
	$old = $node->safe_psql('original', 'SELECT lp_worker_start()');
	$node->poll_query_until('original', "SELECT state IN ('idle', 'paused') FROM lead_worker_status");
	my $gdb = IPC::Run::start([ 'gdb', '-p', $old, '-batch', '-ex', 'handle SIGUSR1 SIGURG nostop noprint pass',
			'-ex', 'break give_up_slot', '-ex', 'echo READY\n', '-ex', 'continue', '-ex', 'echo LEAVING\n',
			'-ex', "shell until test -e $go; do sleep 0.05; done", '-ex', 'detach' ], '>', \$held, '2>&1', IPC::Run::timeout(120));
	$gdb->pump until $held =~ /^READY/m || !$gdb->pumpable;
	if ($held !~ /^Breakpoint 1 at/m)
	{
		$gdb->finish;
		skip 'gdb may not look at processes here', 2;
	}
	$node->psql('original', "SET statement_timeout = '500ms';\nSELECT lp_worker_stop()");
	$gdb->pump until $held =~ /^LEAVING/m || !$gdb->pumpable;
	my $start = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('original'), '-c', 'SELECT lp_worker_start()' ], '>', \$new);
	# it waits; what does not has returned something
	until ($new =~ /\n/ || $node->safe_psql('postgres', q(SELECT EXISTS (SELECT FROM pg_stat_activity
		WHERE query = 'SELECT lp_worker_start()' AND wait_event_type = 'Extension'))) eq 't')
	{
		$start->pump_nb;
		last unless $start->pumpable;
	}
	append_to_file($go, '');
	$_->finish for $gdb, $start;
	chomp $new;
	isnt($new, $old, 'a start never returns a worker that leaves');
	ok( $node->poll_query_until('original', "SELECT pid IS DISTINCT FROM $old FROM lead_worker_status")
		&& $node->safe_psql('original', "SELECT pid FROM lead_worker_status") eq $new, 'but the one after it');
}
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

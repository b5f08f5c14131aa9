# How the worker lives: preloaded and started by hand, through signals and
# crashes, with the extension or the database taken from under it.
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
	$node->append_conf('postgresql.conf', "fsync = off\nlog_min_messages = info\nrestart_after_crash = on\n$conf");
	$node->start;
	return $node;
}

# One value of the worker's status.
sub status
{
	my ($node, $columns, $database) = @_;
	return $node->safe_psql($database // 'postgres', "SELECT $columns FROM lead_worker_status");
}

sub wait_status
{
	my ($node, $condition, $database) = @_;
	return 1 if $node->poll_query_until($database // 'postgres', "SELECT $condition FROM lead_worker_status");
	diag(status($node, '*', $database));
	die "waited in vain: $condition\n";
}

sub code
{
	my ($node, $sql, $database, $role) = @_;
	my ($rc, $out, $err) = $node->psql($database // 'postgres',
		"\\set VERBOSITY sqlstate\n" . ($role ? "SET ROLE $role;\n" : '') . $sql);
	return $err =~ /(?:ERROR|FATAL):\s+(\w{5})/ ? $1 : 'ok';
}

# Processes of workers, by database, in the order of their start.
sub workers
{
	my ($node) = @_;
	return $node->safe_psql('postgres',
		q(SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_stat_activity WHERE backend_type = 'leadpool worker'));
}

# Lines of the log that say that something went wrong.
sub complaints
{
	my ($node) = @_;
	return join("\n", grep { /\b(?:PANIC|FATAL|ERROR|WARNING)\b/ && !/administrator command|statement:/ }
		  split(/\n/, slurp_file($node->logfile)));
}

my $client = '00000000-0000-7000-8000-00000000000a';
my ($pid, $other);

#
# Started by hand.
#
my $node = make_node('by_hand', '');
$node->safe_psql('postgres', 'CREATE ROLE service_role; CREATE ROLE leadpool_operator; CREATE ROLE nobody; CREATE EXTENSION leadpool');
is(status($node, 'database, pid, state, in_flight, queued'), 'postgres||stopped|0|0', 'no worker runs by itself');
like(status($node, 'reason'), qr/lp_worker_start\(\)/, 'and the reason says how to start one');
is(code($node, "SELECT * FROM lp_provider_check('apollo')"), 'LP010', 'nobody answers a check');
is(code($node, "SELECT lp_search_more('{}', 5)"), 'LP010', 'nothing may be spent until that is allowed');
is(code($node, 'SHOW leadpool.databases; SELECT lp_new_id(); SHOW leadpool.databases'), '42704', 'leadpool.databases needs preloading');

for my $function ('lp_worker_start()', 'lp_worker_stop()')
{
	is(code($node, "SELECT $function", 'postgres', 'service_role'), '42501', "$function is not for service_role");
	is(code($node, "SELECT $function", 'postgres', 'nobody'), '42501', "$function is not for others");
}
is(code($node, 'TABLE lead_worker_status', 'postgres', 'service_role'), 'ok', 'service_role sees the status');
is(code($node, 'TABLE lead_worker_events', 'postgres', 'service_role'), 'ok', 'and the events');
is(code($node, 'TABLE lead_worker_status', 'postgres', 'nobody'), '42501', 'others do not');

$pid = $node->safe_psql('postgres', 'SET ROLE leadpool_operator; SELECT lp_worker_start()');
ok($pid > 0 && kill(0, $pid), 'an operator starts it');
ok(wait_status($node, "pid = $pid AND state = 'idle' AND reason IS NULL AND in_flight = 0 AND started_at <= last_turn_at"), 'it is idle');
is($node->safe_psql('postgres', 'SELECT lp_worker_start()'), $pid, 'started again: the same');
is($node->safe_psql('postgres', 'SELECT count(*), min(approved_by) FROM lead_worker_identity'), '1|leadpool_operator',
	'it may spend here, and who said so is known');
# what woke it last may not have let it go yet
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND datname = 'postgres'
	AND backend_type = 'leadpool worker' AND application_name = 'leadpool worker' AND state = 'idle'"), 'pg_stat_activity shows it');

# A second process leaves at once.
$node->safe_psql('postgres', q(SELECT lp_worker_stop()));
is(status($node, 'pid, state, reason'), '|stopped|stopped by lp_worker_stop()', 'stopped');
is($node->safe_psql('postgres', 'SELECT lp_worker_stop()'), 'f', 'stopped again: none ran');
is(code($node, "SELECT * FROM lp_provider_check('apollo')"), 'LP010', 'no check while it is stopped');
my @started = map {
	IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT lp_worker_start()' ], '>', \my $out, IPC::Run::timeout(180))
} 1 .. 4;
$_->finish for @started;
wait_status($node, "state = 'idle'");
is(workers($node), 'postgres', 'four who start it at once start one');
$pid = status($node, 'pid');

# The check of a provider: a mailbox.
is($node->safe_psql('postgres', "SET ROLE service_role; SELECT count(*) FROM lp_provider_check('apollo')"),
	'1', 'the worker answers a check of service_role');
is(code($node, "SELECT * FROM lp_provider_check('gopher')"), '22023', 'a provider that is none');
is(code($node, 'SELECT * FROM lp_provider_check(NULL)'), '22004', 'null');
@started = map {
	IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT count(*) FROM lp_provider_check('apollo')" ],
		'>', \my $out, IPC::Run::timeout(180))
} 1 .. 4;
is(join('', map { $_->finish ? 1 : 0 } @started), '1111', 'four checks at once are all answered');

# Waking: a commit does, an abort does not.
# A turn may come by itself: of some looks one sees none.  LOOK stands for the
# number of the look.
sub wakes_nobody
{
	my ($sql) = @_;
	for my $look (1 .. 10)
	{
		wait_status($node, "state = 'idle'");
		my $before = status($node, 'last_turn_at');
		$node->safe_psql('postgres', $sql =~ s/LOOK/$look/gr);
		return 1 if status($node, 'last_turn_at') eq $before;
	}
	return 0;
}
ok(wakes_nobody("BEGIN; SELECT lp_client_set('$client', 'A'); ROLLBACK"), 'what is rolled back wakes nobody');
my $turn = status($node, 'last_turn_at');
$node->safe_psql('postgres', "SELECT lp_client_set('$client', 'A')");
ok(wait_status($node, "last_turn_at > '$turn'"), 'a commit wakes it');
ok(wakes_nobody(q(SELECT lp_capture_apollo('{"person": {"id": "pLOOK", "email": "annLOOK@tarn.example"}}'))), 'leads wake nobody while no request waits');
$node->safe_psql('postgres', "SELECT count(*) FROM lp_allocate('$client', NULL, 50)");
$node->safe_psql('postgres', "SELECT lp_client_set('$client', 'A')");
wait_status($node, "last_turn_at > '$turn'");
wait_status($node, "state = 'idle'");
$turn = status($node, 'last_turn_at');
$node->safe_psql('postgres', q(SELECT lp_capture_apollo('{"person": {"id": "p", "email": "bo@tarn.example"}}')));
ok(wait_status($node, "last_turn_at > '$turn'"), 'with an open request they do');
wait_status($node, "state = 'idle'");

# Idle: no system call but the timed wait.
sub switches
{
	my ($process) = @_;
	my $sum = 0;
	$sum += slurp_file("$_/status") =~ /^voluntary_ctxt_switches:\s+(\d+)/m ? $1 : 0 for glob "/proc/$process/task/*";
	return $sum;
}
SKIP:
{
	skip 'no /proc', 3 unless -r "/proc/$pid/status";
	my (@calls, $other, $switched);
	# a turn may come by itself: of some looks one sees none
	for (1 .. 5)
	{
		wait_status($node, "state = 'idle'");
		my $before = switches($pid);
		# for so long; -w -c would say nothing about a call that has not returned
		IPC::Run::run([ 'timeout', '-k', '30', '3', 'strace', '-f', '-p', $pid ], '>', \my $stdout, '2>', \my $out);
		skip 'strace may not look at processes here', 3 unless $out =~ /attached/;
		@calls = map { s/^\[pid +\d+\] //r } grep { /^(?:\[pid +\d+\] )?\w+\(/ } split(/\n/, $out);
		$other = join("\n", grep { !/^(?:epoll_wait|epoll_pwait|restart_syscall)\(/ } @calls);
		$switched = switches($pid) - $before;
		last if @calls >= 2 && $other eq '' && $switched <= 12;
	}
	cmp_ok(scalar @calls, '>=', 2, 'each thread waits');
	is($other, '', 'idle: the wait only');
	# strace itself stops and lets go of the process
	cmp_ok($switched, '<=', 12, 'and it is not woken');
	wait_status($node, "state = 'idle'");
}

# While a turn cannot go on: working.  The lock stands for a long turn.
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE lead_requests IN ACCESS EXCLUSIVE MODE') if $locker->can('query_safe');
SKIP:
{
	skip 'background_psql without query_safe', 3 unless $locker->can('query_safe');
	$node->safe_psql('postgres', "SELECT lp_worker_start()");
	ok(wait_status($node, "state = 'working'"), 'working');
	is( $node->safe_psql('postgres', "SELECT state FROM pg_stat_activity WHERE pid = $pid"),
		'active', 'pg_stat_activity agrees');
	# SIGTERM stops it even there.
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	ok(wait_status($node, "pid IS DISTINCT FROM $pid"), 'SIGTERM ends it in the middle of a turn');
	$locker->query_safe('ROLLBACK');
}
$locker->quit;
ok(wait_status($node, "state = 'idle' AND pid <> $pid"), 'and the server starts it again');
$pid = status($node, 'pid');

# SIGHUP: another instance is another database.
$node->append_conf('postgresql.conf', "leadpool.instance = 'second'");
$node->reload;
ok(wait_status($node, "state = 'paused'"), 'another leadpool.instance: paused');
like(status($node, 'reason'), qr/^copy of another database: call lp_worker_start\(\)/, 'the reason says what to do');
is(code($node, "SELECT * FROM lp_provider_check('apollo')"), 'LP010', 'a paused worker calls nobody');
is($node->safe_psql('postgres', "BEGIN; SELECT lp_worker_start(); ROLLBACK"), $pid, 'approved and rolled back');
is(status($node, 'state'), 'paused', 'stays paused');
$node->safe_psql('postgres', 'SELECT lp_worker_start()');
ok(wait_status($node, "state = 'idle' AND pid = $pid"), 'approved: idle, the same process');
$node->append_conf('postgresql.conf', "leadpool.instance = ''");
$node->reload;
ok(wait_status($node, "state = 'idle' AND pid = $pid"), 'back again');

# An error in a turn: the process stays, the row says what, without values.  A
# worker that has run for days clears old rows when it adds one.
$node->safe_psql('postgres', q(INSERT INTO lead_worker_events (at, level, code, message) VALUES (now() - interval '29 days', 'info', 'old', 'old')));
my $now = $node->safe_psql('postgres', "SELECT now() + interval '2 days'");
$node->append_conf('postgresql.conf', "leadpool.now = '$now'");
$node->reload;
$node->safe_psql('postgres', 'ALTER TABLE lead_requests RENAME COLUMN status TO other');
$node->safe_psql('postgres', "SELECT lp_worker_start()");
ok(wait_status($node, "state = 'paused' AND reason LIKE 'the last turn failed (42703)%'"), 'a failing turn: paused');
ok($node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM lead_worker_events WHERE code = 'old')"), 'an old event is gone');
like($node->safe_psql('postgres', 'SELECT level, code, message FROM lead_worker_events ORDER BY id LIMIT 1'),
	qr/^error\|42703\|column .* does not exist$/, 'the event is recorded');
$node->append_conf('postgresql.conf', "leadpool.now = ''");
$node->reload;
$node->safe_psql('postgres', 'ALTER TABLE lead_requests RENAME COLUMN other TO status');
ok(wait_status($node, "state = 'idle' AND pid = $pid"), 'and goes on by itself when it can');

# kill -9: the server restarts everything, the worker comes back.
kill 'KILL', $pid;
ok($node->poll_query_until('postgres', "SELECT coalesce((SELECT pid <> $pid AND state = 'idle' FROM lead_worker_status), false)"),
	'kill -9: back after the crash restart');
$pid = status($node, 'pid');

# A DROP EXTENSION that goes on: the worker waits for it before it has locked a
# table, so that neither can wait for the other.
my $dropper = $node->background_psql('postgres');
SKIP:
{
	skip 'background_psql without query_safe', 2 unless $dropper->can('query_safe');
	$dropper->query_safe('BEGIN; DROP EXTENSION leadpool');
	$node->reload;
	ok($node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND NOT granted)"),
		'the worker waits for a DROP EXTENSION');
	is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT locktype, ' ') FROM pg_locks WHERE pid = $pid AND locktype <> 'virtualxid'"),
		'object', 'and holds no lock on a table');
	$dropper->query_safe('ROLLBACK');
}
$dropper->quit;
ok(wait_status($node, "state = 'idle'"), 'rolled back: it goes on');

# The extension leaves and comes back.
is($node->psql('postgres', "SET lock_timeout = '60s'; DROP EXTENSION leadpool"), 0, 'DROP EXTENSION is not kept waiting by the worker');
ok(kill(0, $pid), 'the worker stays');
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');
$node->safe_psql('postgres', 'SELECT lp_worker_start()');
ok(wait_status($node, "state = 'idle'"), 'CREATE EXTENSION: it works again');

# Under load.
for (1 .. 3)
{
	$node->safe_psql('postgres', "DROP EXTENSION leadpool; CREATE EXTENSION leadpool; SELECT lp_client_set('$client', 'A'), lp_worker_start()");
}
ok(wait_status($node, "state = 'idle'"), 'again and again');

# Updated: a new process has the new library; here it is the old one.
$pid = status($node, 'pid');
$node->safe_psql('postgres', q(UPDATE pg_extension SET extversion = '99.0' WHERE extname = 'leadpool'; SELECT lp_worker_start()));
ok(wait_status($node, "state = 'paused' AND pid <> $pid AND reason LIKE 'extension has version 99.0, the library%'"),
	'another version: started anew, then paused');
$node->safe_psql('postgres', q(UPDATE pg_extension SET extversion = '1.0' WHERE extname = 'leadpool'; SELECT lp_worker_start()));
ok(wait_status($node, "state = 'idle'"), 'the right one: idle');

# The database goes.
$node->safe_psql('postgres', 'CREATE DATABASE brief');
$node->safe_psql('brief', 'CREATE EXTENSION leadpool; SELECT lp_worker_start()');
ok(wait_status($node, "state = 'idle'", 'brief'), 'a worker in a second database');
is(workers($node), 'brief,postgres', 'one each');
is($node->safe_psql('brief', 'SELECT lp_worker_stop()'), 't', 'stopped');
$node->safe_psql('postgres', 'DROP DATABASE brief');
$node->safe_psql('postgres', 'CREATE DATABASE forced');
$node->safe_psql('forced', 'CREATE EXTENSION leadpool; SELECT lp_worker_start()');
my $offset = -s $node->logfile;
$node->safe_psql('postgres', 'DROP DATABASE forced WITH (FORCE)');
$node->wait_for_log(qr/leadpool worker not started: database \d+ cannot be connected to/, $offset);
unlike(slurp_file($node->logfile, $offset), qr/FATAL:  database/, 'a forced drop: no FATAL, and no more starts');
is(workers($node), 'postgres', 'its worker is gone');

# A restart of the server: not before it is asked for.
$node->restart;
is(status($node, 'state'), 'stopped', 'after a restart of the server it waits for lp_worker_start()');

# The postmaster dies.
$pid = $node->safe_psql('postgres', 'SELECT lp_worker_start()');
wait_status($node, "state = 'idle'");
sub is_gone
{
	my ($process) = @_;
	for (1 .. 1800)
	{
		# it may go between the two
		return 1 if !kill(0, $process) || (eval { slurp_file("/proc/$process/stat") } // ') Z ') =~ /\) Z /;
		select(undef, undef, undef, 0.1);
	}
	return 0;
}
$node->kill9;
ok(is_gone($pid), 'kill -9 of the postmaster leaves no worker');
is(complaints($node) =~ s/.*(?:permission denied|no worker runs|nothing may be spent|unknown provider|must not be null|is paused|unrecognized configuration|in recovery mode|starting up|terminated by signal|crash of another|not yet accepting|another server process|server process|"other"|"status").*\n?//gr,
	'', 'nothing unexpected in the log');

#
# Preloaded.
#
$node = make_node('preloaded', qq(shared_preload_libraries = 'leadpool'\nleadpool.databases = 'postgres, "Odd, one", later'\nleadpool.instance = 'x'));
is($node->safe_psql('postgres', 'SHOW leadpool.databases'), 'postgres, "Odd, one", later', 'leadpool.databases');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'leadpool worker')),
	'a worker for the database that exists, without the extension');
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'leadpool launcher')), '1', 'and one launcher');
$node->safe_psql('postgres', 'CREATE ROLE leadpool_operator; CREATE EXTENSION leadpool');
ok(wait_status($node, "state = 'idle'"), 'CREATE EXTENSION: it begins');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_worker_identity'), '0', 'it approves nothing by itself');
is($node->safe_psql('postgres', "SELECT ok IS NOT NULL FROM lp_provider_check('apollo')"), 't', 'it answers a check');
$node->safe_psql('postgres', "SELECT lp_client_set('$client', 'A')");
is($node->safe_psql('postgres', 'SELECT count(*), count(approved_by) FROM lead_worker_identity'), '1|0',
	'a new database may spend as soon as it is used');
ok(wait_status($node, "state = 'idle'"), 'and it works');

$node->safe_psql('postgres', 'DROP EXTENSION leadpool');
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');
ok(wait_status($node, "state = 'idle'"), 'DROP and CREATE EXTENSION under it');

# Databases that appear, and leave.
$node->safe_psql('postgres', 'CREATE DATABASE "Odd, one"');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'Odd, one' AND backend_type = 'leadpool worker')),
	'a database that appears gets its worker at once');
is($node->psql('postgres', 'DROP DATABASE "Odd, one"'), 0, 'DROP DATABASE: the worker leaves');
$node->safe_psql('postgres', 'CREATE DATABASE soon');
is(workers($node), 'postgres', 'not listed: no worker');
$node->safe_psql('postgres', 'ALTER DATABASE soon RENAME TO later');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'later' AND backend_type = 'leadpool worker')),
	'renamed to a listed name: it has one');
$node->safe_psql('postgres', 'ALTER DATABASE later RENAME TO soon');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'soon')), 'renamed away: it has none');

# lp_worker_stop holds against the launcher, not against a restart.
$pid = status($node, 'pid');
is($node->safe_psql('postgres', 'SELECT lp_worker_stop()'), 't', 'stopped');
$node->safe_psql('postgres', 'CREATE DATABASE nudge; DROP DATABASE nudge') for 1;
is(status($node, 'state, reason'), 'stopped|stopped by lp_worker_stop()', 'the launcher leaves it stopped');
ok($node->safe_psql('postgres', 'SELECT lp_worker_start()') != $pid, 'started by hand');
$node->safe_psql('postgres', 'SELECT lp_worker_stop()');
$node->restart;
ok(wait_status($node, "state = 'idle'"), 'a restart of the server starts it');

# Ended, by a signal or a crash: back.
$pid = status($node, 'pid');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
ok(wait_status($node, "state = 'idle' AND pid <> $pid"), 'terminated: back');
$pid = status($node, 'pid');
kill 'KILL', $pid;
ok($node->poll_query_until('postgres', "SELECT coalesce((SELECT pid <> $pid AND state = 'idle' FROM lead_worker_status), false)"),
	'kill -9: back after the crash restart');

# While it looks for the first time: starting.
$pid = status($node, 'pid');
$locker = $node->background_psql('postgres');
SKIP:
{
	skip 'background_psql without query_safe', 2 unless $locker->can('query_safe');
	$locker->query_safe('BEGIN; LOCK TABLE lead_worker_identity IN ACCESS EXCLUSIVE MODE');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	ok(wait_status($node, "state = 'starting' AND pid <> $pid"), 'starting');
	$locker->query_safe('ROLLBACK');
	ok(wait_status($node, "state = 'idle'"), 'started');
}
$locker->quit;

# One that is not listed and was started by hand comes back as well.
$node->safe_psql('postgres', 'CREATE DATABASE unlisted');
$node->safe_psql('unlisted', "CREATE EXTENSION leadpool; SELECT lp_worker_start()");
ok(wait_status($node, "state = 'idle'", 'unlisted'), 'a worker for a database that is not listed');
$pid = status($node, 'pid', 'unlisted');
$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE unlisted');
ok(wait_status($node, "state = 'idle' AND pid <> $pid", 'unlisted'), 'it leaves for a statement and comes back');
is(status($node, 'state', 'twin'), 'stopped', 'the copy has none');

# Another version, where the server itself has the library: told, not restarted for.
$pid = status($node, 'pid');
$node->safe_psql('postgres', q(UPDATE pg_extension SET extversion = '99.0' WHERE extname = 'leadpool'; SELECT lp_worker_start()));
ok(wait_status($node, "state = 'paused' AND pid = $pid AND reason LIKE '%or restart the server'"), 'another version: paused');
$node->safe_psql('postgres', q(UPDATE pg_extension SET extversion = '1.0' WHERE extname = 'leadpool'; SELECT lp_worker_start()));
ok(wait_status($node, "state = 'idle' AND pid = $pid"), 'the right one: idle');

$pid = status($node, 'pid');
my $launcher = $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'leadpool launcher'));
$node->kill9;
ok(is_gone($pid) && is_gone($launcher), 'kill -9 of the postmaster leaves neither worker nor launcher');
is(complaints($node) =~ s/.*(?:in recovery mode|starting up|terminated by signal|crash of another|not yet accepting|server process).*\n?//gr,
	'', 'nothing unexpected in the log');

done_testing();

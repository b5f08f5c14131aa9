# The moments at which a call may be cut off, one by one: between the commit and
# the first byte, under way, before its answer is stored, before that is
# captured; and what an operator can do then.
use strict;
use warnings;
use Enrichment;
use IPC::Run;
use Test::More;

# Commits of the test wait for no standby, and are never lost.
$ENV{PGOPTIONS} = '-c synchronous_commit=local';

my $run = Enrichment->new('moments', leads => 200,
	conf => "max_wal_senders = 2\nwal_level = replica\nwal_writer_delay = '10s'\nleadpool.apollo_timeout = '60s'\nleadpool.breaker_failures = 100");
my ($node, $standin) = ($run->node, $run->standin);
$run->wait_worker(0);

# States of the jobs asked for last, and their calls, in order.
my $newest = q(WITH newest AS (SELECT * FROM lead_jobs WHERE created_at = (SELECT max(created_at) FROM lead_jobs)));

sub jobs
{
	return $run->sql("$newest SELECT string_agg(DISTINCT concat_ws(' ', state, error_code), ', ') || ': ' || count(*) FROM newest");
}

sub calls
{
	return $run->sql(qq($newest SELECT string_agg(concat_ws(' ', c.outcome, c.reason), ', ' ORDER BY c.id)
		FROM lead_provider_calls c WHERE c.subjects && (SELECT array_agg(subject) FROM newest)));
}

sub wait_jobs
{
	my ($state) = @_;
	return $run->wait_for("$newest SELECT bool_and(state = '$state') FROM newest");
}

# What the stand-in has counted since it was asked last.
my $seen = 0;

sub arrived
{
	my $before = $seen;
	$seen = () = $standin->ledger(provider => 'apollo');
	return $seen - $before;
}

sub wait_arrived
{
	my $until = time + 100;
	until ((my $all = () = $standin->ledger(provider => 'apollo')) > $seen)
	{
		die 'no call arrived' if time > $until;
	}
	return;
}

# A session that keeps something locked.
sub hold
{
	my ($statement) = @_;
	my ($in, $out, $err) = ("BEGIN;\n$statement;\nSELECT 'locked';\n", '', '');
	my $lock = { in => \$in };
	$lock->{session} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(180));
	$lock->{session}->pump until $out =~ /locked/ || !$lock->{session}->pumpable;
	die "$statement: $err" unless $out =~ /locked/;
	return $lock;
}

sub let_go
{
	my ($lock) = @_;
	${ $lock->{in} } .= "ROLLBACK;\n";
	$lock->{session}->finish;
	return;
}

# Its server has gone.
sub give_up
{
	my ($lock) = @_;
	$lock->{session}->signal('KILL');
	$lock->{session}->finish;
	return;
}

sub wait_blocked
{
	my ($event) = @_;
	return $run->wait_for("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'leadpool worker' AND $event");
}

# Ends the worker as it stands, and with it what was locked.
sub cut
{
	my ($pid, $lock) = @_;
	kill 'KILL', $pid;
	give_up($lock) if $lock;
	return $run->wait_for("SELECT coalesce(pid <> $pid, false) FROM lead_worker_status");
}

#
# After the commit, before the first byte: a standby that never answers keeps
# the worker just there.
#
$run->sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
$node->restart;
$run->wait_worker(0);
my $pid = $run->worker;
is($run->ask(10), 'queued', 'asked for');
wait_blocked("wait_event = 'SyncRep'");
is(arrived(), 0, 'nothing leaves before the commit has ended');
cut($pid);
$run->sql('ALTER SYSTEM RESET synchronous_standby_names');
$run->sql('SELECT pg_reload_conf()');
wait_jobs('unknown');
is(jobs(), 'unknown worker_ended: 10', 'killed before the first byte: unknown');
is(calls(), 'unknown worker_ended', 'the call is in the ledger');
$run->wait_worker(0);
is(arrived(), 0, 'and none is made unasked');
is($run->settle, 10, 'an operator looks, and retries');
wait_jobs('done');
is(arrived() . ', ' . calls(), '1, unknown worker_ended, ok', 'then it is made');

#
# The answer is there, and not stored.
#
$pid = $run->worker;
my $lock = hold('LOCK TABLE lead_provider_answers IN SHARE MODE');
$run->ask(10);
wait_blocked("wait_event_type = 'Lock'");
is(arrived(), 1, 'answered');
cut($pid, $lock);
wait_jobs('unknown');
is(calls(), 'unknown worker_ended', 'killed before the answer was stored: unknown');
$run->settle;
wait_jobs('done');
is(arrived(), 1, 'called again once');

#
# The answer is stored, and being captured.
#
for my $victim (qw(worker server))
{
	$pid = $run->worker;
	$lock = hold('LOCK TABLE lead_pool IN SHARE MODE');
	$run->ask(10);
	wait_blocked("wait_event_type = 'Lock' AND query = 'capturing'");
	is($run->sql('SELECT count(*) FROM lead_provider_answers'), '1', 'stored');
	if ($victim eq 'worker') { cut($pid, $lock) }
	else { $run->kill_server; give_up($lock) }
	wait_jobs('done');
	is(arrived() . ', ' . calls(), '1, ok', "$victim killed in the middle of a capture: captured, not called again");
}

#
# An answer that cannot be captured is kept; one retry is enough for all whom it
# is about, and costs nothing.
#
$run->sql(q(CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE data_exception; END';
	CREATE TRIGGER refuse BEFORE UPDATE ON lead_pool FOR EACH ROW EXECUTE FUNCTION refuse();));
$run->ask(10);
wait_jobs('dead');
is(jobs(), 'dead LP102: 10', 'an answer that cannot be captured');
$run->sql(q(DROP TRIGGER refuse ON lead_pool; DROP FUNCTION refuse));
is($run->sql("$newest SELECT state FROM lp_job_retry((SELECT max(id) FROM newest))"), 'started', 'retried: it has its answer');
wait_jobs('done');
is(arrived() . ', ' . calls(), '1, ok', 'captured, not called again');
is($run->sql(q(DELETE FROM lead_worker_events WHERE code = '22000' RETURNING message)),
	'an answer could not be captured; lp_job_retry tries again without another call', 'said in the events');

#
# An answer that nobody can read.
#
$standin->script([ { match => { provider => 'apollo' }, times => 1, do => { malformed => \1 } } ]);
$run->ask(10);
wait_jobs('unknown');
is($run->sql('SELECT error FROM lead_provider_answers'), 'no_json', 'garbage is kept for the operator');
$run->settle;
wait_jobs('done');
is(arrived() . ', ' . calls(), '2, unknown no_json, ok', 'retried: called again');

#
# Under retry_once there is one repeat, whatever comes between.
#
$run->sql(q(ALTER SYSTEM SET leadpool.unknown_policy = 'retry_once'));
$node->restart;
$standin->script([
	{ match => { provider => 'apollo', nth => 1 }, do => { close_before => \1 } },
	{ match => { provider => 'apollo', nth => 2 }, do => { status => 429, headers => { 'retry-after' => '1' } } },
	{ match => { provider => 'apollo', from => 3 }, do => { close_before => \1 } } ]);
$run->ask(10);
wait_jobs('unknown');
is(calls(), 'unknown connection_lost, limited limited, unknown connection_lost', 'unknown, told to wait, unknown: no third time');
is(arrived(), 3, 'as the provider saw it');
$standin->script([]);
$run->settle;
wait_jobs('done');
is(arrived(), 1, 'but for an operator');

#
# A call that the engine does not even start ends at once.
#
$run->sql(q(ALTER SYSTEM SET leadpool.apollo_base_url = 'http://198.51.100.1/'));
$run->sql('SELECT pg_reload_conf()');
$run->ask(1);
my $began = time;
wait_jobs('dead');
cmp_ok(time - $began, '<', 20, 'an address that is refused: nobody waits');
is(arrived() . ', ' . calls(), '0' . ', failed refused_url' x 5, 'nothing left');
$run->sql('ALTER SYSTEM RESET leadpool.apollo_base_url');
$run->sql('SELECT pg_reload_conf()');
$run->settle;
wait_jobs('done');
is(arrived(), 1, 'retried at the right one');

#
# A transaction that drops the extension, and does not after all.
#
$standin->script([ { match => { provider => 'apollo' }, do => { hold => \1 } } ]);
$run->ask(10);
wait_arrived();
$lock = hold('DROP EXTENSION leadpool');
$standin->script([]);
wait_blocked("wait_event_type = 'Lock'");
let_go($lock);
wait_jobs('done');
is(arrived() . ', ' . calls(), '1, ok', 'DROP EXTENSION rolled back: the answer is not lost');

#
# A site that commits without waiting: calls are not forgotten all the same.
#
$run->sql(q(ALTER SYSTEM SET synchronous_commit = 'off'));
$run->sql(q(ALTER SYSTEM SET leadpool.unknown_policy = 'hold'));
$node->restart;
$run->wait_worker(0);
$standin->script([ { match => { provider => 'apollo' }, do => { hold => \1 } } ]);
$pid = $run->worker;
$run->ask(10);
wait_arrived();
cut($pid);
wait_jobs('unknown');
is(arrived() . ', ' . calls(), '1, unknown worker_ended', 'synchronous_commit = off: what left is known after a crash');
$standin->script([]);
$run->settle;
wait_jobs('done');

is($run->sql('SELECT count(*) FROM lead_jobs'), '91', 'all of them');
is(join("\n", $run->disagreements(1)), '', 'jobs, leads, budget and both ledgers agree');
is($run->sql(q(SELECT code, message FROM lead_worker_events WHERE level = 'error')), '', 'nothing else went wrong in the worker');

#
# Dropped while a call is under way, and made again: nothing of the old one.
#
$standin->script([ { match => { provider => 'apollo' }, do => { hold => \1 } } ]);
$seen = () = $standin->ledger(provider => 'apollo');
$run->ask(10);
wait_arrived();
$run->sql('DROP EXTENSION leadpool; CREATE EXTENSION leadpool; SELECT lp_worker_start(); DELETE FROM asked');
$standin->script([]);
$run->sql(q(SELECT count(*) FROM lp_capture_apollo('{"people": [{"id": "0000000000000000000000ff", "first_name": "Ann"}]}')));
$run->ask(1);
wait_jobs('done');
is($run->sql('SELECT (SELECT count(*) FROM lead_jobs), (SELECT count(*) FROM lead_provider_calls), (SELECT count(*) FROM lead_provider_answers)'),
	'1|1|0', 'DROP and CREATE EXTENSION: an answer to the old one is not mixed in');

$node->stop;
done_testing();

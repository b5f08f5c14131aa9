# Somebody's open transaction on one job: what was paid for is stored, the other
# jobs go on, and so does the worker's end and its next beginning.  The job
# itself ends when the transaction has.
use strict;
use warnings;
use lib "$ENV{LEADPOOL_TOP}/test/lib";
use Enrichment;
use Test::More;

my $run = Enrichment->new('locks', leads => 300,
	conf => "leadpool.apollo_timeout = '1s'\nleadpool.breaker_failures = 100\nleadpool.job_lease = '1s'\nleadpool.max_connections_per_host = 20");
my ($node, $standin) = ($run->node, $run->standin);
$run->wait_worker(0);

sub jobs
{
	return $run->sql(q(SELECT string_agg(concat_ws(' ', state, error_code, n), ', ' ORDER BY state, error_code)
		FROM (SELECT state, error_code, count(*) AS n FROM lead_jobs GROUP BY 1, 2) j));
}

sub wait_jobs
{
	my ($expected, $name) = @_;
	my $ok = $run->wait_for(qq(SELECT coalesce(string_agg(concat_ws(' ', state, error_code, n), ', ' ORDER BY state, error_code), '') = '$expected'
		FROM (SELECT state, error_code, count(*) AS n FROM lead_jobs GROUP BY 1, 2) j), 20);
	return ok($ok, $name) || diag(jobs() . "\n" . $run->sql('SELECT pid, wait_event_type, query FROM pg_stat_activity; TABLE lead_worker_events'));
}

# Asks for one lead whose call ends as the rule says, and has a transaction
# cancel its job meanwhile; returns when the call has ended.
sub cancel_under_way
{
	my ($do) = @_;
	$standin->script([ { match => { provider => 'apollo', nth => 1 }, do => $do } ]);
	$run->ask(1);
	ok($run->wait_for(q(SELECT count(*) = 1 FROM lead_jobs WHERE state = 'started')), 'under way');
	my $holder = $node->background_psql('postgres');
	$holder->query_safe(q(BEGIN; SELECT lp_job_cancel(id, 'test') FROM lead_jobs WHERE state = 'started'));
	ok($run->wait_for(q(SELECT clock_timestamp() > started_at + interval '1200 ms' FROM lead_jobs WHERE state = 'started')), 'its call has ended');
	return $holder;
}

sub call
{
	return $run->sql(q(SELECT concat_ws(' ', outcome, reason, 'reserved', trim_scale(reserved)) FROM lead_provider_calls
		WHERE outcome <> 'ok' ORDER BY id DESC LIMIT 1));
}

sub let_go
{
	my ($holder, $how) = @_;
	$holder->query_safe($how);
	return $holder->quit;
}

#
# Timed out, and given back: unknown, as it would have been.
#
my $holder = cancel_under_way({ hang => \1 });
$run->ask(20);
wait_jobs('done 20, started 1', 'the others are called for, stored and captured');
is($run->sql('SELECT state FROM lead_worker_status'), 'idle', 'the worker rests meanwhile');
let_go($holder, 'ROLLBACK');
wait_jobs('done 20, unknown LP103 1', 'then the job ends as its call did');
is(call(), 'unknown timeout reserved 1', 'and the ledger says how');
$run->settle;
wait_jobs('done 21', 'an operator had it repeated');

#
# Told to wait, and cancelled: the money comes back, once.
#
$holder = cancel_under_way({ latency_ms => 800, status => 429, headers => { 'retry-after' => '1' } });
$run->ask(20);
wait_jobs('done 41, started 1', 'the others go on');
let_go($holder, 'COMMIT');
wait_jobs('cancelled cancelled 1, done 41', 'cancelled it stays');
ok($run->wait_for(q(SELECT count(*) = 1 FROM lead_provider_calls WHERE outcome = 'limited')), 'the call has its end');
is(call(), 'limited limited reserved 0', 'which cost nothing');
$run->sql(q(DELETE FROM asked WHERE subject = (SELECT subject FROM lead_jobs WHERE state = 'cancelled'); DELETE FROM lead_jobs WHERE state = 'cancelled'));

#
# Answered, and held: the others are captured.
#
$holder = cancel_under_way({ latency_ms => 700 });
$run->ask(20);
wait_jobs('done 61, started 1', 'an answer whose job somebody holds waits alone');
is($run->sql('SELECT count(*) FROM lead_provider_answers'), 1, 'it is stored');
my $other = $node->background_psql('postgres');
$other->query_safe('BEGIN; SELECT call_id FROM lead_provider_answers FOR UPDATE');
ok($run->wait_for(q(SELECT clock_timestamp() > max(received_at) + interval '2500 ms' FROM lead_provider_answers)), 'tried again');
$run->ask(20);
wait_jobs('done 81, started 1', 'likewise an answer that itself is held, as lp_forget does');
let_go($holder, 'ROLLBACK');
let_go($other, 'ROLLBACK');
wait_jobs('done 82', 'and captured then');

#
# The worker is ended meanwhile; the next one begins.
#
$holder = cancel_under_way({ hang => \1 });
my $pid = $run->worker;
$run->sql("SELECT pg_terminate_backend($pid)");
$run->wait_worker($pid);
$run->ask(20);
wait_jobs('done 102, started 1', 'the next one does not wait for the transaction either');
is(call(), 'unknown worker_ended reserved 1', 'the call that was left is unknown');
let_go($holder, 'ROLLBACK');
wait_jobs('done 102, unknown worker_ended 1', 'then its job is, too');
$run->settle;
wait_jobs('done 103', 'repeated by an operator');

#
# It is asked to leave meanwhile: it finishes this call like any other first.
#
$holder = cancel_under_way({ hang => \1 });
$pid = $run->worker;
is($run->sql('SELECT lp_worker_stop()'), 't', 'asked to leave');
is($run->sql('SELECT reason FROM lead_worker_status'), 'leaves when its calls have ended', 'it will');
let_go($holder, 'ROLLBACK');
ok($run->wait_for(q(SELECT state = 'stopped' FROM lead_worker_status), 20), 'it does');
is($run->sql(q(SELECT count(*) FROM lead_jobs WHERE error_code = 'LP103')), 1, 'with nothing left behind');
$run->sql('SELECT lp_worker_start()');
$run->settle;
wait_jobs('done 104', 'repeated by an operator');

#
# Many large answers at once: stored some at a time.
#
$run->sql(q(ALTER SYSTEM SET leadpool.apollo_timeout = '60s'));
$run->sql('SELECT pg_reload_conf()');
$standin->script([ { match => { provider => 'apollo', nth => 1 }, do => { latency_ms => 300 } },
	{ match => { provider => 'apollo', from => 2 }, do => { latency_ms => 1000, huge => 7_000_000 } } ]);
$run->ask(120);
ok($run->wait_for(q(SELECT count(*) = 120 FROM lead_jobs WHERE state = 'started')), 'twelve calls are under way');
my @holders = map { $node->background_psql('postgres') } 0, 1;
$holders[0]->query_safe('BEGIN; LOCK TABLE lead_pool IN SHARE MODE');
$holders[1]->query_safe('BEGIN; LOCK TABLE lead_provider_answers IN SHARE MODE');
ok($run->wait_for(q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'leadpool worker' AND wait_event_type = 'Lock' AND query = 'storing answers')), 'the first is being stored');
ok($run->wait_for(q(SELECT clock_timestamp() > max(started_at) + interval '6 s' FROM lead_jobs WHERE state = 'started')), 'the others come meanwhile');
let_go($holders[1], 'ROLLBACK');
ok($run->wait_for('SELECT count(*) = 12 FROM lead_provider_answers'), 'all are stored');
cmp_ok($run->sql('SELECT max(n) FROM (SELECT count(*) AS n FROM lead_provider_answers GROUP BY xmin::text) x'),
	'<=', 4, 'no more than 32 MB in a transaction');
let_go($holders[0], 'ROLLBACK');
wait_jobs('done 224', 'and captured');
$standin->script([]);

is($run->sql(q(SELECT code, message FROM lead_worker_events WHERE level <> 'info')), '', 'no turn failed');
is(join("\n", $run->disagreements), '', 'jobs, leads, budget and both ledgers agree');
$node->stop;
done_testing();

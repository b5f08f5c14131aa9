# The worker's process ends, or is asked to, while calls are under way: what
# was paid for is waited for, and stored.
use strict;
use warnings;
use lib "$ENV{LEADPOOL_TOP}/test/lib";
use Calls;
use PostgreSQL::Test::Utils;
use Test::More;

my $run = Calls->new('main', conf => "leadpool.apollo_timeout = '60s'\n");
my $standin = $run->standin;
my @ids;

sub pid { return $run->sql('SELECT coalesce(pid, 0) FROM lead_worker_status') }

# A call that the stand-in keeps; the process that made it.
sub hold_call
{
	$run->begin;
	@ids = $run->people(1);
	$standin->script([ { do => { hold => \1 } } ]);
	my $entered = ($standin->last_call // { n => 0 })->{n};
	$run->ask(\@ids);
	$standin->wait_call($entered);
	return pid();
}

sub wait_next
{
	my ($pid) = @_;
	return $run->wait_for("coalesce(pid <> $pid AND state IN ('idle', 'paused'), false) FROM lead_worker_status");
}

sub ended
{
	return $run->sql("SELECT j.state, c.outcome, c.reason FROM lead_jobs j JOIN lead_provider_calls c ON c.id = j.call_id");
}

# Cancelled: there is no statement to cancel, and nothing happens.
my $pid = hold_call();
$run->sql("SELECT pg_cancel_backend($pid)");
$standin->script([]);
$run->wait_quiet;
is(ended(), 'done|ok|', 'pg_cancel_backend: the call goes on');
is(pid(), $pid, 'and so does the process');

# SIGTERM: the calls under way have some seconds.
$pid = hold_call();
$run->sql("SELECT pg_terminate_backend($pid)");
ok($run->wait_for("reason = 'leaves when its calls have ended' FROM lead_worker_status"), 'SIGTERM: it waits for its call');
$standin->script([]);
ok(wait_next($pid), 'and ends when that has ended');
$run->wait_quiet;
is(ended(), 'done|ok|', 'whose answer is stored');
is($run->money, 'spent 1 reserved 0 ledger 1 reserved 0 told 1', 'and booked');

# A call that does not end keeps nobody.
$pid = hold_call();
$run->node->restart;
$run->sql('SELECT lp_worker_start()');
ok(wait_next($pid), 'a restart of the server is not kept by a call');
is(ended(), 'unknown|unknown|worker_ended', 'of which nobody knows then');
$standin->script([]);
$run->sql('SELECT lp_job_cancel(id, NULL) FROM lead_jobs');

# Neither does a second SIGTERM wait.
$pid = hold_call();
$run->sql("SELECT pg_terminate_backend($pid)");
$run->wait_for("reason = 'leaves when its calls have ended' FROM lead_worker_status");
$run->sql("SELECT pg_terminate_backend($pid, 4000)");
isnt(pid(), $pid, 'the second SIGTERM ends it at once');
$standin->script([]);
ok(wait_next($pid), 'and it comes back');
$run->sql('SELECT lp_job_cancel(id, NULL) FROM lead_jobs');

# The extension is updated: a new process, when the calls of this one have ended.
$pid = hold_call();
my $version = $run->sql("SELECT extversion FROM pg_extension WHERE extname = 'leadpool'");
$run->sql("UPDATE pg_extension SET extversion = '99' WHERE extname = 'leadpool'; SELECT lp_worker_start()");
ok($run->wait_for("reason = 'leaves when its calls have ended' FROM lead_worker_status"), 'updated: it waits for its call');
$standin->script([]);
ok($run->wait_for("coalesce(pid <> $pid, false) FROM lead_worker_status"), 'and a new process comes');
is($run->sql('SELECT count(*) FROM lead_provider_answers'), 1, 'for which the answer is stored');
$run->sql("UPDATE pg_extension SET extversion = '$version' WHERE extname = 'leadpool'; SELECT lp_worker_start()");
$run->wait_quiet;
is(ended(), 'done|ok|', 'it captures it');

$run->node->stop;

# A new database that nothing was asked of yet: the first check is answered.
my $fresh = Calls->new('fresh', conf => "shared_preload_libraries = 'leadpool'\nleadpool.databases = 'fresh'\n");
$fresh->sql('CREATE DATABASE fresh');
my $node = $fresh->node;
$node->safe_psql('fresh', 'CREATE EXTENSION leadpool');
ok($node->poll_query_until('fresh', "SELECT coalesce(state = 'idle', false) FROM lead_worker_status"), 'a new database has a worker');
is($node->safe_psql('fresh', "SELECT ok, detail FROM lp_provider_check('apollo')"), 't|the provider takes the key', 'which answers a check before anything else');
is($node->safe_psql('fresh', 'SELECT count(*) FROM lead_worker_identity'), 0, 'and approves nothing by itself');
$node->stop;

done_testing();

# Money of the day, rates, "later", wrong keys, no credits, and the circuit
# breaker: what may leave, and what waits.
use strict;
use warnings;
use lib "$ENV{LEADPOOL_TOP}/test/lib";
use Calls;
use POSIX qw(strftime);
use Test::More;

my $run = Calls->new('main', conf => "leadpool.apollo_timeout = '60s'\nleadpool.breaker_failures = 3\nleadpool.breaker_pause = '5s'\n");
my $standin = $run->standin;
my @ids;

sub state
{
	return $run->sql(q(SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM lead_jobs GROUP BY 1) j));
}

sub stats
{
	return $run->sql("SELECT $_[0] FROM lead_provider_stats");
}

sub events
{
	return $run->sql("SELECT string_agg(concat_ws(' ', level, provider, code), ', ' ORDER BY id) FROM lead_worker_events");
}

#
# The day's money.
#
$run->set(apollo_daily_credits => 0);
@ids = $run->people(30);
is($run->ask([ $ids[0] ]), 'over_budget 1', 'without a budget nothing is asked');
is($run->sql("SELECT budget_left FROM lead_provider_stats"), 0, 'as the view says');
$run->set(apollo_daily_credits => 12);
is($run->ask(\@ids), 'over_budget 18, queued 12', 'as many as the money is enough for');
$run->wait_jobs('done', 12);
is($run->money, 'spent 12 reserved 0 ledger 12 reserved 0 told 12', 'and no more');
is($run->ask(\@ids), 'cached 12, over_budget 18', 'then none');
is(stats('credits_today, budget_left'), '12|0', 'as the view says');
$run->set(apollo_daily_credits => 15);
is($run->ask(\@ids), 'cached 12, over_budget 15, queued 3', 'raised by a reload: some more');
$run->wait_jobs('done', 15);
$run->set(apollo_daily_credits => -1);
is($run->ask(\@ids), 'cached 15, queued 15', 'no limit: the rest');
$run->wait_jobs('done', 30);
is(stats('credits_today, budget_left IS NULL'), '30|t', 'as the view says');

# Lowered while jobs wait: a part of a batch leaves, the rest when there is more.
$run->begin;
$run->sql('SELECT lp_worker_stop()');
@ids = $run->people(20);
is($run->ask(\@ids), 'queued 20', '20 are queued');
$run->set(apollo_daily_credits => 7);
$run->sql('SELECT lp_worker_start()');
$run->wait_jobs('done', 7);
is(state(), 'done 7, queued 13', 'seven leave for seven credits');
is($run->ask([ $run->people(1) ]), 'over_budget 1', 'what is queued counts');
# The day ends: what it spent does not count for the next.
$run->sql("UPDATE lead_budgets SET day = day - 1");
$run->set(apollo_daily_credits => 8);
$run->wait_jobs('done', 15);
is($run->sql("SELECT string_agg(trim_scale(spent)::text, ' ' ORDER BY day) FROM lead_budgets"), '7 8', 'another day, other money');
ok($run->wait_for("state = 'idle' FROM lead_worker_status"), 'the worker waits meanwhile');
$run->set(apollo_daily_credits => 100000);
$run->wait_jobs('done', 20);

# A price below what was reserved comes back.
$run->begin;
$standin->settings({ apollo => { credit_price => 0.5 } });
$run->ask([ $run->people(3) ]);
$run->wait_jobs('done', 3);
is($run->money, 'spent 1.5 reserved 0 ledger 1.5 reserved 0 told 1.5', 'parts of credits');
$standin->settings({ apollo => { credit_price => 1 } });

#
# "Later": everything for the provider waits, no attempt counts.
#
$run->begin;
$standin->script([ { do => { status => 429, headers => { 'retry-after' => '10' }, body => '{}' }, times => 1 } ]);
@ids = $run->people(2);
my $began = time;
$run->ask([ $ids[0] ]);
$run->wait_for("count(*) = 1 FROM lead_provider_state WHERE hold_reason = 'limited'");
is($run->sql('SELECT outcome, http_status, reserved FROM lead_provider_calls'), 'limited|429|0', 'in the ledger');
is($run->sql('SELECT state, attempts, error_code FROM lead_jobs'), 'queued|0|LP101', 'the job waits, no attempt counts');
$run->ask([ $ids[1] ]);
$run->wait_jobs('done', 2);
cmp_ok(time - $began, '>=', 8, 'nothing left before');
is(scalar($run->calls), 2, 'and both at once then');

$run->begin;
$standin->script([ { do => { fixture => 'apollo/error_429_rate_limit.json', headers => { 'retry-after' => '' } } } ]);
$run->ask([ $run->people(1) ]);
$run->wait_for("count(*) = 1 FROM lead_provider_state WHERE hold_reason = 'limited'");
is($run->sql("SELECT hold_until - updated_at BETWEEN interval '20 seconds' AND interval '41 seconds' FROM lead_provider_state"), 't', 'a wait that hides in a suggestion');
is(stats("retry_at = (SELECT hold_until FROM lead_provider_state WHERE endpoint = '')"), 't', 'the view says until when');
$run->restart_worker;
is($run->sql("SELECT hold_reason FROM lead_provider_state"), 'limited', 'a restart is no way around it');

# The other form: a date, by the provider's clock, which is an hour ahead.
$run->begin;
my @http = map { strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 3600 + $_)) } 0, 90;
$standin->script([ { do => { status => 429, headers => { date => $http[0], 'retry-after' => $http[1] }, body => '{}' } } ]);
$run->ask([ $run->people(1) ]);
$run->wait_for("count(*) = 1 FROM lead_provider_state WHERE hold_reason = 'limited'");
is($run->sql("SELECT hold_until - updated_at BETWEEN interval '60 seconds' AND interval '90 seconds' FROM lead_provider_state"), 't', 'a wait until a date');
$run->begin;
$standin->script([ { do => { status => 503, headers => { 'retry-after' => '90' } } } ]);
$run->ask([ $run->people(1) ]);
$run->wait_jobs('unknown', 1);
is($run->sql("SELECT hold_reason, hold_until - updated_at > interval '60 seconds' FROM lead_provider_state"), 'limited|t', 'a provider that is away says for how long');
$run->begin;
$standin->script([ { do => { status => 429, headers => { 'retry-after' => '0' }, body => '{}' }, times => 1 } ]);
$began = time;
$run->ask([ $run->people(1) ]);
$run->wait_jobs('done', 1);
cmp_ok(time - $began, '<', 60, 'no wait is told: none of a minute');

# The provider's own headers.
$run->begin;
$standin->script([ { do => { headers => { 'x-hourly-requests-left' => '0', 'x-minute-requests-left' => '50', 'x-24-hour-requests-left' => '' } } } ]);
$run->ask([ $run->people(1) ]);
$run->wait_jobs('done', 1);
is($run->sql('SELECT rate_left, hold_reason FROM lead_provider_state'), '0|limited', 'the narrowest window counts');
is(stats("rate_left, retry_at > now()"), '0|t', 'as the view says');
$run->begin;
$run->set(max_connections_per_host => 1);
$standin->reset;
$standin->settings({ apollo => { limits => { enrichment => [ 3, undef, undef ] }, invent => \1, not_found_percent => 0, locked_percent => 0, no_email_percent => 0 } });
$run->{ledger} = () = $standin->ledger(provider => 'apollo');
$run->restart_worker;
@ids = $run->people(50);
$run->ask(\@ids);
$run->wait_for("count(*) = 1 FROM lead_provider_state WHERE rate_left = 0");
$run->wait_jobs('done', 30);
is(scalar(grep { $_->{status} == 429 } $run->calls), 0, 'calls end before the provider refuses');
is(state(), 'done 30, queued 20', 'the rest waits');
$standin->settings({ apollo => { limits => undef } });
$run->set(max_connections_per_host => 50);

# The rate that is set.
$run->begin;
$run->set(apollo_rate => '3/day');
$run->restart_worker;
$run->ask([ $run->people(100) ]);
$run->wait_jobs('done', 10);
is(scalar($run->calls), 1, 'three a day: one now');
$run->set(apollo_rate => '0');
$run->wait_jobs('done', 100);
is(scalar($run->calls), 10, 'a reload lifts it');

#
# A wrong key, an endpoint that is not allowed, no credits: holds, with an event.
#
$run->begin;
$run->secret('wrong-EXAMPLE');
$run->set(job_attempts => 2);
@ids = $run->people(1);
$run->ask(\@ids);
$run->wait_for("count(*) = 1 FROM lead_provider_state WHERE hold_reason = 'auth'");
is($run->sql('SELECT state, attempts, error FROM lead_jobs'), 'queued|0|the provider does not take the key (HTTP 401)', 'a wrong key: the job waits');
is(events(), 'error apollo auth', 'an event tells');
is($run->check('ok, http_status, detail'), 'f|200|the provider does not take the key', 'and a check');
is(scalar($run->calls), 2, 'nothing else is called');
$run->secret('apollo-EXAMPLE');
is($run->check('ok, http_status'), 't|200', 'the right key passes the check');
$run->wait_jobs('done', 1);
pass('which ends the hold, too');

$run->begin;
$run->secret('apollo-scoped-EXAMPLE');
$run->restart_worker;
$run->ask([ $run->people(1) ]);
$run->wait_for("count(*) = 1 FROM lead_worker_events WHERE code = 'forbidden'");
is(state(), 'queued 1', 'not allowed: the job waits');
is($run->sql('SELECT http_status, outcome, reason FROM lead_provider_calls'), '403|refused|forbidden', 'one call');
$run->secret('apollo-EXAMPLE');
$run->set(job_attempts => 5);
$run->wait_jobs('done', 1);
pass('a reload ends it');

$run->begin;
$standin->script([ { do => { status => 422, body => { error => 'Please buy more credits.' } }, times => 1 } ]);
$run->ask([ $run->people(1) ]);
$run->wait_for("count(*) = 1 FROM lead_provider_state WHERE hold_reason = 'credits'");
is(state(), 'queued 1', 'credits by that word');

$run->begin;
$standin->script([ { do => { fixture => 'apollo/error_422_insufficient_credits.json' }, times => 1 } ]);
$run->ask([ $run->people(12) ]);
$run->wait_for("count(*) = 1 FROM lead_provider_state WHERE hold_reason = 'credits'");
is($run->sql("SELECT string_agg(DISTINCT concat_ws(' ', state, attempts, parameters), ', ') FROM lead_jobs WHERE error_code = 'LP101'"), 'queued 0 {}', 'no credits: the jobs wait, nobody is to blame');
is($run->sql("SELECT hold_until - updated_at > interval '14 minutes' FROM lead_provider_state"), 't', 'for a while');
like(events(), qr/^error apollo credits/, 'an event tells');
$run->set(job_attempts => 5);
$run->wait_jobs('done', 12);
pass('a reload looks again');

#
# The circuit breaker.
#
$run->begin;
$run->set(unknown_policy => 'hold', max_connections_per_host => 1);
$standin->script([ { do => { status => 503 }, times => 4 }, { match => { nth => 4 }, do => { hold => \1 } } ]);
@ids = $run->people(60);
$run->ask(\@ids);
$run->wait_for("count(*) = 1 FROM lead_provider_stats WHERE breaker = 'open' AND retry_at > now()");
is(scalar($run->calls), 3, 'three failures open it');
like(events(), qr/warning apollo breaker/, 'an event tells');
ok($run->wait_for("count(*) = 1 FROM lead_provider_stats WHERE breaker = 'half_open' AND retry_at IS NULL"), 'the view tells when one call may probe');
$standin->script([]);
$run->wait_jobs('done', 20);
is(join(' ', map { $_->{status} } $run->calls), '503 503 503 503 200 200', 'one call probes; it fails; the next passes');
my @at = map { $_->{at} } $run->calls;
cmp_ok($at[3] - $at[2], '>', 4.9, 'the probe comes after the pause');
cmp_ok($at[4] - $at[3], '>', 4.9, 'and the next after another');
is(stats('breaker'), 'closed', 'closed again');
$run->set(max_connections_per_host => 50);

# A provider that does not answer a check.
$run->begin;
$standin->script([ { match => { path => '/api/v1/auth/health' }, do => { hang => \1 } } ]);
is($run->check('ok, http_status, detail'), 'f||Timeout was reached', 'a check that nobody answers says so');

# A provider that is away is asked less and less, and the worker goes on.
$run->begin;
$run->set(job_attempts => 1000, breaker_pause => '1s');
$standin->stop;
$run->ask([ $run->people(1) ]);
ok($run->wait_for("count(*) = 1 FROM lead_jobs WHERE state = 'queued' AND attempts > 0 AND credits_reserved = 1"), 'away: the job waits');
$standin->restart;
$run->wait_jobs('done', 1);
is($run->money, 'spent 1 reserved 0 ledger 1 reserved 0 told 1', 'back: done');
$run->set(job_attempts => 5);

$run->node->stop;
done_testing();

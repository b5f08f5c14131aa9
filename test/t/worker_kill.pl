# The worker, the server and the stand-in killed at random moments of a run:
# in the end every lead is enriched once, and the money agrees.
#
#	LEADPOOL_SEED repeats a run; LEADPOOL_KILLS and LEADPOOL_LEADS make it
#	longer ("make test-kill": 50 kills, 2,000 leads).
use strict;
use warnings;
use Enrichment;
use Test::More;
use Time::HiRes qw(time usleep);

my $seed = $ENV{LEADPOOL_SEED} // 20260305;
my $kills = $ENV{LEADPOOL_KILLS} // 9;
my $leads = $ENV{LEADPOOL_LEADS} // 400;
srand($seed);
note("seed $seed, $kills kills, $leads leads (LEADPOOL_SEED, LEADPOOL_KILLS, LEADPOOL_LEADS)");

# What a provider does on a bad day.
sub bad_day
{
	my @faults = (
		[ 3, { status => 429, headers => { 'retry-after' => '1' }, billed => \0 } ],
		[ 4, { status => 500 } ],
		[ 3, { status => 500, billed => \1 } ],
		[ 4, { cut => 300 } ],
		[ 3, { drip => 40000 } ],
		[ 2, { hang => 0.5 } ],
		[ 3, { close_before => \1 } ],
		[ 4, { malformed => \1 } ],
		[ 6, { duplicates => \1 } ],
		[ 10, { locked => 50 } ],
		[ 10, { nulls => 3 } ],
		[ 5, { content_type => 'text/html' } ],
		[ 10, { latency_ms => 120 } ],
		[ 100, { latency_ms => 15 } ]);
	my $n = 0;
	return [ map { { match => { provider => 'apollo', path => '/api/v1/people', percent => $_->[0], seed => $seed + $n++ }, do => $_->[1] } }
		  @faults ];
}

# Kills at so many random points of a run, then lets it end.
sub run
{
	my ($name, $rules, $conf, $repeats) = @_;
	my $run = Enrichment->new($name, leads => $leads, conf => $conf);
	my @points = sort { $a <=> $b } map { int(rand($leads * 0.97)) } 1 .. $kills;
	my %count;
	my $started = time;

	$run->standin->script($rules);
	is($run->ask($leads), 'queued', "$name: asked for");
	for my $point (@points)
	{
		$run->progress($point) or last;
		$run->settle if rand() < 0.3;
		usleep(int(rand(60_000)));
		my $victim = (qw(worker server standin))[ int(rand(3)) ];
		$count{$victim}++;
		$run->kill_worker if $victim eq 'worker';
		$run->kill_server if $victim eq 'server';
		$run->kill_standin(int(rand(150_000))) if $victim eq 'standin';
	}
	$run->standin->script([]);
	ok($run->progress($leads), "$name: all are done")
	  || diag($run->sql('SELECT state, error_code, count(*) FROM lead_jobs GROUP BY 1, 2; TABLE lead_worker_status; TABLE lead_provider_state'));
	is(join("\n", $run->disagreements($repeats)), '', "$name: jobs, leads, budget and both ledgers agree");
	# three kills in a row while one answer is captured look as if it were deadly
	is($run->sql(q(SELECT code, message FROM lead_worker_events WHERE level = 'error' AND code <> 'deadly')), '', "$name: nothing went wrong in the worker");
	my $sums = $run->{sums};
	note(sprintf '%s: %.1f s, killed %s; %d calls, %g credits; %d unknown (%s), of which %d never arrived and %g credits were billed',
		$name, time - $started, join(', ', map { "$count{$_} $_" } sort keys %count), @{$sums}{qw(calls credits unknown)},
		join(', ', map { "$sums->{reasons}{$_} $_" } sort keys %{ $sums->{reasons} // {} }), @{$sums}{qw(unsent unknown_billed)});
	$run->node->stop;
	$run->standin->stop;
	return;
}

my $calm = [ { match => { provider => 'apollo' }, do => { latency_ms => 15 } } ];
run('calm', $calm, '', 0);
run('faults', bad_day(), "synchronous_commit = off\nleadpool.apollo_timeout = '10s'\nleadpool.job_attempts = 50", 0);
run('retry_once', bad_day(), "leadpool.unknown_policy = 'retry_once'\nleadpool.apollo_timeout = '10s'\nleadpool.job_attempts = 50", 1);

done_testing();

# Phone numbers and waterfalls: what comes later, by webhook and by asking.
use strict;
use warnings;
use lib "$ENV{LEADPOOL_TOP}/test/lib";
use Calls;
use JSON::PP;
use Test::More;

my $run = Calls->new('main', conf => "leadpool.webhook_url = 'https://relay.example/apollo/'\n");
my $standin = $run->standin;
my $json = JSON::PP->new->canonical;
my @ids;

sub quote
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return "'$text'";
}

# What the relay does with a webhook; the answer.
sub deliver
{
	my ($hook, $token) = @_;
	($token) = $hook->{url} =~ m{([^/]+)$} unless defined $token;
	return $run->sql('SELECT lp_receive_webhook(' . quote($token) . ', ' . quote($json->encode($hook->{payload})) . ')');
}

sub wait_captured { return $run->wait_for('NOT EXISTS (SELECT FROM lead_provider_answers)') }

# Jobs that ask are due in minutes; they are now.
sub poll_now { return $run->sql("UPDATE lead_jobs SET next_at = now() WHERE kind = 'phone_poll' AND state = 'queued'; SELECT lp_worker_start()") }

#
# By webhook.
#
@ids = $run->people(10);
is($run->ask(\@ids, '{"reveal_phone": true}'), 'queued 10', 'asked with phones');
$run->wait_for("count(*) = 10 FROM lead_jobs WHERE state = 'done' AND kind = 'enrich'");
is(scalar($run->calls), 1, 'one call');
my ($hook) = $standin->webhooks;
like($hook->{url}, qr{^https://relay\.example/apollo/[0-9a-f]{64}$}, 'the address has a token');
is($run->sql('SELECT count(*) FROM lead_webhook_tokens WHERE used_at IS NULL'), 1, 'which is open');
my ($token) = $hook->{url} =~ m{([^/]+)$};
is($run->sql("SELECT count(*) FROM lead_webhook_tokens t WHERE t::text LIKE '%$token%'"), 0, 'only its hash is kept');
is($run->money, 'spent 10 reserved 80 ledger 10 reserved 80 told 10', 'the phones stay reserved');
is($run->sql("SELECT state, next_at > now() + interval '9 minutes' FROM lead_jobs WHERE kind = 'phone_poll'"), 'queued|t', 'asked for if none comes');
($hook) = $standin->settle(state => 'success');
my $phones = grep { @{ $_->{phone_numbers} } } @{ $hook->{payload}{people} };
is(deliver($hook, 'f0e1d2'), 'unknown_token', 'a wrong token is refused');
is(deliver($hook), 'stored', 'the right one is not');
is(deliver($hook), 'duplicate', 'but once');
wait_captured();
my $all = 10 + 8 * $phones;
is($run->money, "spent $all reserved 0 ledger $all reserved 0 told $all", 'the phones are booked, the rest is free');
is($run->sql("SELECT count(phone) FROM lead_pool WHERE id = ANY ('{" . join(',', @ids) . "}')"), $phones, 'and stored');
is($run->sql("SELECT state, error_code FROM lead_jobs WHERE kind = 'phone_poll'"), 'cancelled|answered', 'nobody asks any more');
is($run->ask(\@ids, '{"reveal_phone": true}'), 'cached 10', 'nor again');
is($run->ask(\@ids), 'cached 10', 'nor for less');

# Before the answer itself was seen.
$run->begin;
@ids = $run->people(1);
my $entered = $standin->last_call->{n};
$standin->script([ { do => { hold => \1 } } ]);
$run->ask(\@ids, '{"reveal_phone": true}');
$standin->wait_call($entered);
my ($early) = $standin->settle(state => 'success');
is(deliver($early), 'stored', 'a webhook that is faster than the answer');
$standin->script([]);
$run->wait_quiet;
$phones = grep { @{ $_->{phone_numbers} } } @{ $early->{payload}{people} };
$all = 1 + 8 * $phones;
is($run->money, "spent $all reserved 0 ledger $all reserved 0 told $all", 'is booked, too');
is($run->sql("SELECT count(*) FROM lead_jobs WHERE kind = 'phone_poll'"), 0, 'and not asked for');

#
# By asking.
#
$run->begin;
$standin->settings({ apollo => { ready_after_polls => 2 } });
@ids = $run->people(4);
$run->ask(\@ids, '{"reveal_phone": true}');
$run->wait_for("count(*) = 4 FROM lead_jobs WHERE state = 'done' AND kind = 'enrich'");
poll_now();
$run->wait_for("count(*) = 1 FROM lead_provider_calls WHERE endpoint = 'webhook_result' AND finished_at IS NOT NULL");
is($run->sql("SELECT j.state, j.attempts, j.next_at - c.finished_at BETWEEN interval '5 seconds' AND interval '30 seconds'
	FROM lead_jobs j JOIN lead_provider_calls c ON c.id = j.call_id WHERE j.kind = 'phone_poll'"),
	'queued|0|t', 'not ready: asked again when the provider says');
poll_now();
$run->wait_quiet;
($hook) = grep { $_->{state} eq 'success' && $_->{polls} == 2 } $standin->webhooks;
$phones = grep { @{ $_->{phone_numbers} } } @{ $hook->{payload}{people} };
$all = 4 + 8 * $phones;
is($run->money, "spent $all reserved 0 ledger $all reserved 0 told $all", 'ready: booked');
is($run->sql("SELECT count(phone) FROM lead_pool WHERE id = ANY ('{" . join(',', @ids) . "}')"), $phones, 'and stored');
is(deliver($hook), 'duplicate', 'a webhook after that is too late');
$standin->settings({ apollo => { ready_after_polls => undef } });

# It failed at the provider, or is not known there any more.
$run->begin;
@ids = $run->people(1);
$run->ask(\@ids, '{"reveal_phone": true}');
$run->wait_for("count(*) = 1 FROM lead_jobs WHERE kind = 'phone_poll'");
$standin->settle(state => 'failed');
poll_now();
$run->wait_quiet;
is($run->sql("SELECT state, found FROM lead_jobs WHERE kind = 'phone_poll'"), 'done|f', 'failed: done');
is($run->money, 'spent 1 reserved 0 ledger 1 reserved 0 told 1', 'nothing more is booked or reserved');
$run->begin;
$run->ask([ $run->people(1) ], '{"reveal_phone": true}');
$run->wait_for("count(*) = 1 FROM lead_jobs WHERE kind = 'phone_poll'");
$standin->settle(state => 'expired');
poll_now();
$run->wait_quiet;
is($run->sql("SELECT state, error FROM lead_jobs WHERE kind = 'phone_poll'"), 'dead|the provider refused the request: request_id_expired (HTTP 410)', 'expired: dead, with the reason');

#
# Waterfalls.
#
$run->begin;
@ids = $run->people(3);
$run->ask(\@ids, '{"waterfall": true, "reveal_phone": true}');
$run->wait_for("count(*) = 3 FROM lead_jobs WHERE state = 'done' AND kind = 'enrich'");
($hook) = $standin->settle(state => 'success');
is($hook->{type}, 'waterfall', 'a waterfall');
is(deliver($hook), 'stored', 'comes by webhook');
wait_captured();
like($run->money, qr/^spent ([0-9.]+) reserved 0 ledger \1 reserved 0 told \1$/, 'is booked as it was billed');
is($run->sql("SELECT count(email) FROM lead_pool WHERE id = ANY ('{" . join(',', @ids) . "}')"), 3, 'and stored');

#
# Without a relay: an address that nobody serves, and asking.
#
$run->begin;
$run->set(webhook_url => '');
$run->ask([ $run->people(1) ], '{"reveal_phone": true}');
$run->wait_for("count(*) = 1 FROM lead_jobs WHERE kind = 'phone_poll'");
is($run->sql("SELECT next_at < now() + interval '61 seconds' FROM lead_jobs WHERE kind = 'phone_poll'"), 't', 'without a relay it is asked for soon');
($hook) = grep { $_->{state} eq 'pending' } $standin->webhooks;
like($hook->{url}, qr{^https://leadpool\.invalid/[0-9a-f]{64}$}, 'and the address is nobody\'s');
$standin->settle(state => 'success');
poll_now();
$run->wait_quiet;
like($run->money, qr/^spent (\d+) reserved 0 ledger \1 reserved 0 told \1$/, 'booked');
$run->set(webhook_url => 'https://relay.example/apollo/');

#
# About whom was erased: dropped unread, and booked.
#
$run->begin;
@ids = $run->people(1);
$run->ask(\@ids, '{"reveal_phone": true}');
$run->wait_for("count(*) = 1 FROM lead_jobs WHERE kind = 'phone_poll'");
$run->sql("SELECT lp_forget('$ids[0]')");
my $captures = $run->sql('SELECT count(*) FROM lead_captures');
($hook) = $standin->settle(state => 'success');
is(deliver($hook), 'stored', 'about an erased person');
wait_captured();
is($run->sql('SELECT count(*) FROM lead_captures'), $captures, 'nothing of it is kept');
like($run->money, qr/^spent (\d+) reserved 0 ledger \1 reserved 0 told \1$/, 'and it is booked');

# A job that was cancelled while its call was under way.
$run->begin;
@ids = $run->people(1);
$standin->script([ { do => { hold => \1 } } ]);
$run->ask(\@ids, '{"reveal_phone": true}');
$run->wait_for('(SELECT in_flight FROM lead_worker_status) = 1');
$run->sql('SELECT lp_job_cancel(id, NULL) FROM lead_jobs');
$standin->script([]);
$run->wait_for("count(*) = 1 FROM lead_provider_calls WHERE outcome = 'ok'");
is($run->money, 'spent 1 reserved 8 ledger 1 reserved 8 told 1', 'cancelled: what comes later is kept back');
($hook) = $standin->settle(state => 'success');
is(deliver($hook), 'stored', 'it comes');
wait_captured();
like($run->money, qr/^spent (\d+) reserved 0 ledger \1 reserved 0 told \1$/, 'and is booked');
is($run->sql('SELECT trim_scale(credits) FROM lead_jobs WHERE lead_id IS NOT NULL'), $run->sql('SELECT trim_scale(spent) FROM lead_budgets'), 'by the job, too');

# A person who was erased meanwhile.
$run->begin;
@ids = $run->people(1);
$standin->script([ { do => { hold => \1 } } ]);
$run->ask(\@ids, '{"reveal_phone": true}');
$run->wait_for('(SELECT in_flight FROM lead_worker_status) = 1');
$run->sql("SELECT lp_forget('$ids[0]')");
$standin->script([]);
$run->wait_for("count(*) = 1 FROM lead_provider_calls WHERE reason = 'dropped'");
is($run->money, 'spent 1 reserved 8 ledger 1 reserved 8 told 1', 'erased: it is kept back, too');
($hook) = $standin->settle(state => 'success');
$captures = $run->sql('SELECT count(*) FROM lead_captures');
is(deliver($hook), 'stored', 'comes');
wait_captured();
like($run->money, qr/^spent (\d+) reserved 0 ledger \1 reserved 0 told \1$/, 'is booked');
is($run->sql('SELECT count(*) FROM lead_captures'), $captures, 'and not read');

# Of a call that nobody knows about: what is booked is not reserved any more.
$run->begin;
$standin->script([ { do => { cut => 100 }, times => 1 } ]);
@ids = $run->people(1);
$run->ask(\@ids, '{"reveal_phone": true}');
$run->wait_jobs('unknown', 1);
is($run->money, 'spent 0 reserved 9 ledger 0 reserved 9 told 1', 'a call whose outcome is unknown');
($hook) = $standin->settle(state => 'success');
is(deliver($hook), 'stored', 'and its webhook');
wait_captured();
$all = 8 * grep { @{ $_->{phone_numbers} } } @{ $hook->{payload}{people} };
is($run->sql('SELECT concat_ws(\' \', outcome, reason, trim_scale(credits), trim_scale(reserved)) FROM lead_provider_calls'),
	"unknown connection_lost $all " . (9 - $all), 'the rest stays reserved, with the reason');

# Polled, and answered with nonsense.
$run->begin;
@ids = $run->people(1);
$run->ask(\@ids, '{"reveal_phone": true}');
$run->wait_for("count(*) = 1 FROM lead_jobs WHERE kind = 'phone_poll'");
$standin->settle(state => 'success');
$standin->script([ { match => { path => '/api/v1/webhook_result' }, do => { status => 200, body => {} }, times => 1 } ]);
poll_now();
$run->wait_for("count(*) = 1 FROM lead_jobs WHERE kind = 'phone_poll' AND state = 'queued' AND attempts = 1");
poll_now();
$run->wait_quiet;
is($run->sql("SELECT string_agg(concat_ws(' ', outcome, reason), ', ' ORDER BY id) FROM lead_provider_calls WHERE endpoint = 'webhook_result'"),
	'failed no_status, ok', 'an answer without a status is none: asked for again');
like($run->money, qr/^spent (\d+) reserved 0 ledger \1 reserved 0 told \1$/, 'and booked');

#
# Nothing came in the time of the token.
#
$run->begin;
$standin->script([ { do => { cut => 100 }, times => 1 } ]);
$run->ask([ $run->people(1) ], '{"reveal_phone": true}');
$run->wait_jobs('unknown', 1);
$run->ask([ $run->people(2) ], '{"reveal_phone": true}');
$run->wait_for("count(*) = 1 FROM lead_jobs WHERE kind = 'phone_poll'");
is($run->sql('SELECT trim_scale(spent), trim_scale(reserved) FROM lead_budgets'), '2|25', 'two that wait for phones, and one that nobody knows about');
$run->sql("UPDATE lead_jobs SET next_at = now() + interval '90 days' WHERE kind = 'phone_poll'");
$run->set(now => $run->sql("SELECT (now() + interval '29 days')::text"));
$run->wait_for('(SELECT last_turn_at > pg_conf_load_time() FROM lead_worker_status)');
is($run->sql('SELECT count(*) FROM lead_webhook_tokens'), 2, 'waited for');
$run->set(now => $run->sql("SELECT (now() + interval '31 days')::text"));
$run->wait_for('NOT EXISTS (SELECT FROM lead_webhook_tokens)');
is($run->sql('SELECT trim_scale(spent), trim_scale(reserved) FROM lead_budgets'), '2|9', 'for 30 days: then what was kept back is released, but not of whom nobody knows');
is($run->sql('SELECT string_agg(concat_ws(\' \', outcome, reason, trim_scale(reserved)), \', \' ORDER BY id) FROM lead_provider_calls'),
	'unknown connection_lost 9, ok expired 0', 'the ledger says so');
is($run->sql("SELECT state, error_code FROM lead_jobs WHERE kind = 'phone_poll'"), 'cancelled|expired', 'and nobody asks any more');
$run->set(now => '');
$standin->settle(state => 'failed');

# What nobody can read.
$run->begin;
$run->ask([ $run->people(1) ], '{"reveal_phone": true}');
$run->wait_for("count(*) = 1 FROM lead_jobs WHERE kind = 'phone_poll'");
($hook) = grep { $_->{state} eq 'pending' } $standin->webhooks;
$hook->{payload} = { people => [ { id => 5 }, 7, undef, { phone_numbers => 'x' } ], credits_consumed => -3 };
is(deliver($hook), 'stored', 'a hostile payload is stored');
wait_captured();
is($run->money, 'spent 1 reserved 0 ledger 1 reserved 0 told 1', 'and harms nothing');

$run->node->stop;
done_testing();

# What becomes of jobs, money and leads, whatever a provider answers.
use strict;
use warnings;
use lib "$ENV{LEADPOOL_TOP}/test/lib";
use Calls;
use PostgreSQL::Test::Utils;
use Test::More;

my $run = Calls->new('main', conf => "leadpool.apollo_timeout = '60s'\nleadpool.breaker_failures = 1000\n");
my ($standin, @ids);

# Jobs and calls as one text.
sub jobs
{
	return $run->sql(q(SELECT string_agg(state || ' ' || coalesce(error_code, '-') || ' ' || n, ', ' ORDER BY state, error_code) FROM (
		SELECT state, error_code, count(*) AS n FROM lead_jobs WHERE kind = 'enrich' GROUP BY 1, 2) j));
}

sub ledger
{
	return $run->sql(q(SELECT string_agg(concat_ws(' ', outcome, http_status, reason, cardinality(subjects)), ', ' ORDER BY id) FROM lead_provider_calls));
}
$standin = $run->standin;

#
# All goes well: ten people a call, captured, paid for.
#
@ids = $run->people(25);
is($run->ask(\@ids), 'queued 25', 'asked for 25');
$run->wait_jobs('done', 25);
is(jobs(), 'done - 25', 'all done');
is(ledger(), 'ok 200 10, ok 200 10, ok 200 5', 'in three calls');
is(join(' ', map { scalar @{ $_->{subjects} } } $run->calls), '10 10 5', 'as the stand-in counted');
is($run->money, 'spent 25 reserved 0 ledger 25 reserved 0 told 25', 'the money agrees');
is($run->sql('SELECT count(*), count(email) FROM lead_pool WHERE enriched_at IS NOT NULL'), '25|25', 'the leads are enriched');
is($run->sql('SELECT sum(credits), sum(credits_reserved), bool_and(found), bool_and(attempts = 1), bool_and(lease_until IS NULL) FROM lead_jobs'),
	'25|0|t|t|t', 'the jobs know what they cost');
is($run->ask(\@ids), 'cached 25', 'and are not asked about again');
is($run->sql('SELECT count(*) FROM lead_provider_answers'), 0, 'no answer waits');
is($run->sql('SELECT calls, errors, credits_today, breaker FROM lead_provider_stats'), '3|0|25|closed', 'the view agrees');
is($run->sql('SELECT count(*) FROM lead_proof_double_spend'), 0, 'nothing was paid twice');

# The ledger has a call before the stand-in does.
$run->begin;
$standin->script([ { do => { hold => \1, close_before => \1, billed => \1 } } ]);
@ids = $run->people(1);
$run->ask(\@ids);
$run->wait_for("(SELECT in_flight FROM lead_worker_status) = 1");
is(ledger(), 'unknown 1', 'a call under way is in the ledger');
is($run->sql("SELECT state, attempts, lease_until IS NOT NULL, call_id = (SELECT max(id) FROM lead_provider_calls) FROM lead_jobs"), 'started|1|t|t', 'its job is started');
is($run->sql('SELECT reserved, spent FROM lead_budgets'), '1|0', 'its money is reserved');
# it looks at the queue once in a while
ok($run->wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'leadpool worker%' AND xact_start IS NOT NULL)"), 'no transaction is open meanwhile');
$standin->script([]);
$run->wait_quiet;
is(jobs(), 'unknown LP101 1', 'and unknown when the connection ends');

#
# One person the provider does not know, one locked, one twice.
#
$run->begin;
$standin->script([ { do => { nulls => 3 } } ]);
@ids = $run->people(10);
$run->ask(\@ids);
$run->wait_jobs('done', 10);
my $list = join ',', @ids;
is($run->sql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM lead_jobs j JOIN unnest('{$list}'::uuid[]) WITH ORDINALITY u(id, n) ON u.id = j.lead_id WHERE NOT found"),
	'3 6 9', 'those who are not found are known as such');
is($run->sql("SELECT sum(credits), sum(credits) FILTER (WHERE NOT found), string_agg(DISTINCT error_code, ',') FROM lead_jobs"), '7|0|not_found', 'and cost nothing');
is($run->money, 'spent 7 reserved 0 ledger 7 reserved 0 told 7', 'the money agrees');
is($run->ask([ $ids[2] ]), 'cached 1', 'not found is remembered');
is($run->ask([ $ids[2] ], '{"force": true}'), 'queued 1', 'unless force says so');
$run->wait_quiet;
is($run->sql('SELECT count(*) FROM lead_proof_double_spend'), 0, 'which pays nothing twice');

$run->begin;
$standin->script([ { do => { nulls => 1 } } ]);
$run->ask([ $run->people(2) ]);
$run->wait_jobs('done', 2);
is(ledger(), 'not_found 200 2', 'a call that finds nobody');
is($run->money, 'spent 0 reserved 0 ledger 0 reserved 0 told 0', 'costs nothing');

$run->begin;
$standin->script([ { do => { locked => \1 } } ]);
@ids = $run->people(3);
$run->ask(\@ids);
$run->wait_jobs('done', 3);
is($run->sql("SELECT count(*) FILTER (WHERE email_locked), count(email) FROM lead_pool WHERE id = ANY ('{" . join(',', @ids) . "}')"), '3|0', 'a locked address is none');
is($run->money, 'spent 0 reserved 0 ledger 0 reserved 0 told 0', 'and free');

$run->begin;
$standin->script([ { do => { duplicates => \1 } } ]);
@ids = $run->people(4);
$run->ask(\@ids);
$run->wait_jobs('done', 4);
is($run->money, 'spent 1 reserved 0 ledger 1 reserved 0 told 1', 'the same person four times is paid once');

# Nobody promises an order: who is not found is known, whoever stands in the place.
sub matches
{
	my ($ids, @who) = @_;
	return [ map { defined $_ ? { id => $run->apollo_id($ids->[$_]), first_name => 'Jo', email => "jo$ids->[$_]\@order.example", email_status => 'verified' } : undef } @who ];
}
for my $case ([ 'out of order', [ 2, 0, undef ], 't|f|t' ], [ 'fewer', [ 2, 1 ], 'f|t|t' ])
{
	my ($name, $who, $found) = @$case;
	$run->begin;
	@ids = $run->people(3);
	$standin->script([ { do => { status => 200, billed => \1, body => { status => 'success', credits_consumed => 2, matches => matches(\@ids, @$who) } } } ]);
	$run->ask(\@ids);
	$run->wait_jobs('done', 3);
	is($run->sql("SELECT string_agg(found::text, '|' ORDER BY apollo_id) FROM lead_jobs j JOIN lead_pool p ON p.id = j.lead_id"),
		$found =~ s/t/true/gr =~ s/f(?!a)/false/gr, "$name: who was found");
	is($run->sql("SELECT string_agg((enriched_at IS NOT NULL)::text || ' ' || trim_scale(credits), '|' ORDER BY apollo_id) FROM lead_jobs j JOIN lead_pool p ON p.id = j.lead_id"),
		$found =~ s/t/true 1/gr =~ s/f(?!a)/false 0/gr, "$name: is who was bought");
}

#
# The table of what may come.  Paid and sent: nobody knows; else again.
#
sub outcome
{
	my ($name, $rule, $jobs, $calls, $money, $n) = @_;
	$run->begin;
	$standin->script([$rule]);
	$run->ask([ $run->people($n // 1) ]);
	$run->wait_quiet;
	is(jobs(), $jobs, "$name: jobs");
	is(ledger(), $calls, "$name: ledger");
	is($run->money, $money, "$name: money");
	return;
}

my $kept = 'spent 0 reserved 1 ledger 0 reserved 1';
my $fine = 'spent 1 reserved 0 ledger 1 reserved 0 told 1';
outcome('500', { do => { status => 500, body => 'oops' } }, 'unknown LP101 1', 'unknown 500 server_error 1', "$kept told 0");
outcome('502 of a proxy', { do => { status => 502, body => '<html>', content_type => 'text/html' } }, 'unknown LP101 1', 'unknown 502 server_error 1', "$kept told 0");
outcome('redirect', { do => { status => 302, headers => { location => '/' } } }, 'unknown LP101 1', 'unknown 302 server_error 1', "$kept told 0");
$run->set(apollo_timeout => '5s');
outcome('time-out', { do => { hang => \1 } }, 'unknown LP103 1', 'unknown timeout 1', "$kept told 1");
outcome('drip', { do => { drip => 50 } }, 'unknown LP103 1', 'unknown 200 timeout 1', "$kept told 1");
$run->set(apollo_timeout => '60s');
outcome('cut', { do => { cut => 100 } }, 'unknown LP101 1', 'unknown 200 connection_lost 1', "$kept told 1");
outcome('closed', { do => { close_before => \1, billed => \1 } }, 'unknown LP101 1', 'unknown connection_lost 1', "$kept told 1");
outcome('huge', { do => { huge => 9000000 } }, 'unknown LP102 1', 'unknown 200 too_large 1', "$kept told 1");
outcome('half', { do => { malformed => \1 } }, 'unknown LP102 1', 'unknown 200 no_json 1', "$kept told 1");
outcome('HTML', { do => { status => 200, body => '<html>', content_type => 'text/html', billed => \1 } }, 'unknown LP102 1', 'unknown 200 no_json 1', "$kept told 1");
outcome('a list', { do => { status => 200, body => '[]' } }, 'unknown LP102 1', 'unknown 200 no_json 1', "$kept told 0");
outcome('no matches', { do => { status => 200, body => '{"status": "success"}' } }, 'unknown LP102 1', 'unknown 200 no_matches 1', "$kept told 0");
outcome('another content type', { do => { content_type => 'text/plain' } }, 'done - 1', 'ok 200 1', $fine);
outcome('slow', { do => { latency_ms => 300 } }, 'done - 1', 'ok 200 1', $fine);
outcome('400', { do => { fixture => 'apollo/error_400_bulk_empty.json' } }, 'dead LP101 1', 'refused 400 INVALID_REQUEST 1', 'spent 0 reserved 0 ledger 0 reserved 0 told 0');
outcome('404', { do => { status => 404, body => '<html>' } }, 'dead LP101 1', 'refused 404 refused 1', 'spent 0 reserved 0 ledger 0 reserved 0 told 0');
outcome('422 with the name of a bank', { do => { status => 422, body => '{"error": "domain creditsuisse.example is not valid"}' } },
	'dead LP101 1', 'refused 422 refused 1', 'spent 0 reserved 0 ledger 0 reserved 0 told 0');
# The base URL may end in a slash.
$run->set(apollo_base_url => $run->standin->url('apollo') . '/api/v1/');
outcome('another base', { do => { latency_ms => 1 } }, 'done - 1', 'ok 200 1', $fine);
$run->set(apollo_base_url => $run->standin->url('apollo') . '/api/v1');
outcome('twice slow', { do => { latency_ms => 100 } }, 'done - 1', 'ok 200 1', $fine);
is($run->sql("SELECT count(*) FROM lead_jobs WHERE error IS NOT NULL"), 0, 'no error is left on a job that is done');

# A request that is wrong because of one of ten: the others go on alone.
$run->begin;
@ids = $run->people(10);
my $bad = $run->apollo_id($ids[4]);
$standin->script([ { match => { subject => $bad }, do => { fixture => 'apollo/error_422_unknown_error.json' } } ]);
$run->ask(\@ids);
$run->wait_quiet;
is(jobs(), 'dead LP101 1, done - 9', 'nine are done, one is dead');
is($run->sql("SELECT lead_id = '$ids[4]', error, attempts FROM lead_jobs WHERE state = 'dead'"), 't|the provider refused the request: UNKNOWN_ERROR (HTTP 422)|1', 'the one, with the reason');
is($run->money, 'spent 9 reserved 0 ledger 9 reserved 0 told 9', 'the money agrees');

# Not sent: again, until it is dead.
$run->begin;
$run->set(apollo_base_url => 'http://127.0.0.1:1/api', job_attempts => 3);
$run->ask([ $run->people(1) ]);
$run->wait_quiet;
is(jobs(), 'dead LP101 1', 'nobody listens: dead');
is($run->sql('SELECT attempts, error, credits_reserved FROM lead_jobs'), '3|the provider could not be reached|0', 'after so many attempts');
is(ledger(), 'failed not_sent 1, failed not_sent 1, failed not_sent 1', 'each in the ledger');
$run->set(apollo_base_url => $standin->url('apollo') . '/api/v1', job_attempts => 5);
$run->sql('SELECT r.state FROM lead_jobs j, lp_job_retry(j.id) r');
$run->wait_jobs('done', 1);
is($run->money, $fine, 'retried by an operator: done');

# Unknown: held; an operator retries or cancels.
$run->begin;
$standin->script([ { do => { status => 500 }, times => 2 } ]);
@ids = $run->people(2);
$run->ask([ $ids[0] ]);
$run->wait_jobs('unknown', 1);
is($run->ask([ $ids[0] ]), 'queued 1', 'an unknown job is open');
$run->sql('SELECT r.state FROM lead_jobs j, lp_job_retry(j.id) r');
$run->wait_for("count(*) = 2 FROM lead_provider_calls WHERE finished_at IS NOT NULL");
is($run->sql('SELECT r.state FROM lead_jobs j, lp_job_cancel(j.id, NULL) r'), 'cancelled', 'cancelled');
is($run->ask([ $ids[0] ]), 'queued 1', 'then it is asked anew');
$run->wait_jobs('done', 1);
is($run->money, 'spent 1 reserved 2 ledger 1 reserved 2 told 1', 'what nobody knows stays reserved');

# unknown_policy = retry_once.
$run->begin;
$run->set(unknown_policy => 'retry_once');
$standin->script([ { do => { status => 500 }, times => 1 } ]);
$run->ask([ $run->people(1) ]);
$run->wait_quiet;
is(jobs(), 'done - 1', 'retry_once: tried again');
is(ledger(), 'unknown 500 server_error 1, ok 200 1', 'once');
$run->begin;
$standin->script([ { do => { status => 500 } } ]);
$run->ask([ $run->people(1) ]);
$run->wait_quiet;
is(jobs(), 'unknown LP101 1', 'the second time it is unknown');
is(ledger(), 'unknown 500 server_error 1, unknown 500 server_error 1', 'after two calls');
$run->set(unknown_policy => 'hold');

#
# While a call is under way: cancelled, erased.
#
$run->begin;
@ids = $run->people(3);
$standin->script([ { do => { hold => \1 } } ]);
$run->ask(\@ids);
$run->wait_for("(SELECT in_flight FROM lead_worker_status) = 1");
$run->sql("SELECT lp_job_cancel(id, 'changed our mind') FROM lead_jobs WHERE lead_id = '$ids[0]'");
is($run->sql("SELECT lp_forget('$ids[1]') ->> 'jobs_cancelled'"), 1, 'an erasure cancels the open job');
$standin->script([]);
$run->wait_quiet;
is($run->sql("SELECT string_agg(concat_ws(' ', state, error_code, error), ', ' ORDER BY state, error_code) FROM lead_jobs"),
	'cancelled cancelled changed our mind, cancelled erased, done', 'only the third is done');
is($run->money, 'spent 3 reserved 0 ledger 3 reserved 0 told 3', 'all three are booked');
is($run->sql("SELECT string_agg((enriched_at IS NOT NULL)::text, ' ' ORDER BY ordinality) FROM unnest('{" . join(',', @ids) . "}'::uuid[]) WITH ORDINALITY u LEFT JOIN lead_pool p ON p.id = u"),
	'true false true', 'what was paid for is kept, but of who was erased');
is($run->ask(\@ids), 'cached 2, unknown_lead 1', 'and not paid for again');
is($run->sql('SELECT count(*) FROM lead_proof_double_spend'), 0, 'as the proof says');
$run->begin;
@ids = $run->people(2);
$standin->script([ { do => { hold => \1 } } ]);
$run->ask(\@ids);
$run->wait_for("(SELECT in_flight FROM lead_worker_status) = 1");
$run->sql('SELECT lp_job_cancel(id, NULL) FROM lead_jobs');
is($run->ask(\@ids), 'queued 2', 'asked again while the call is under way');
is($run->sql('SELECT count(*) FROM lead_jobs'), 2, 'nothing more is');
$standin->script([]);
$run->wait_for("enriched_at IS NOT NULL FROM lead_pool WHERE id = '$ids[1]'");
is(ledger(), 'ok 200 2', 'one call brings it');
is($run->sql("SELECT string_agg(concat_ws(' ', state, found, trim_scale(credits)), ', ') FROM lead_jobs"), 'cancelled t 1, cancelled t 1', 'which the jobs know');
is($run->ask(\@ids), 'cached 2', 'and stands');
is($run->money, 'spent 2 reserved 0 ledger 2 reserved 0 told 2', 'paid once');
$run->begin;
@ids = $run->people(2);
$standin->script([ { do => { hold => \1 } } ]);
$run->ask(\@ids);
$run->wait_for("(SELECT in_flight FROM lead_worker_status) = 1");
$run->sql("SELECT lp_forget(id) FROM unnest('{" . join(',', @ids) . "}'::uuid[]) id");
my $left = $run->sql('SELECT count(*) FROM lead_captures');
$standin->script([]);
$run->wait_for('count(*) = 1 FROM lead_provider_calls WHERE reserved = 0 AND credits = 2');
is(ledger(), 'ok 200 dropped 2', 'an answer about nobody but erased people is dropped');
is($run->sql('SELECT count(*) FROM lead_captures'), $left, 'unread');
is($run->money, 'spent 2 reserved 0 ledger 2 reserved 0 told 2', 'and booked');

# What is asked for with more needs not be asked for beside it.
$run->begin;
$run->sql('SELECT lp_worker_stop()');
@ids = $run->people(2);
is($run->ask([ $ids[0] ], '{"reveal_phone": true}'), 'queued 1', 'asked for with a phone');
is($run->ask(\@ids), 'queued 2', 'and without');
is($run->sql('SELECT count(*) FROM lead_jobs'), 2, 'is one job');
$run->sql('SELECT lp_worker_start()');
$run->wait_for("count(*) = 2 FROM lead_jobs WHERE kind = 'enrich' AND state = 'done'");
is($run->ask(\@ids), 'cached 2', 'and covers what is asked later');
$run->sql('SELECT lp_worker_stop()');
is($run->ask(\@ids, '{"reveal_phone": true}'), 'cached 1, queued 1', 'not the other way about');
$run->sql('SELECT lp_worker_start()');
$run->wait_for("count(*) = 3 FROM lead_jobs WHERE kind = 'enrich' AND state = 'done'");

# Nor is what was asked for with less, and nobody has begun: it is asked for with more.
$run->begin;
$run->sql('SELECT lp_worker_stop()');
@ids = $run->people(3);
is($run->ask(\@ids), 'queued 3', 'asked for');
is($run->ask([ $ids[0] ], '{"waterfall": true, "priority": 5}'), 'queued 1', 'with a waterfall');
is($run->ask([ @ids[ 0, 1 ] ], '{"reveal_phone": true}'), 'queued 2', 'and with phones');
is($run->sql("SELECT string_agg(concat_ws(' ', array_position('{" . join(',', @ids) . "}', lead_id), parameters, priority, trim_scale(credits_reserved), substr(subject, 37)), ', ' ORDER BY id) FROM lead_jobs"),
	'1 {"waterfall": true} 5 66 +waterfall, 2 {"reveal_phone": true} 0 9 +phone, 3 {} 0 1 , 1 {"reveal_phone": true} 0 9 +phone', 'jobs ask for more');
is($run->ask([ $ids[0] ], '{"reveal_phone": true, "waterfall": true}'), 'queued 1', 'for both');
is($run->ask(\@ids), 'queued 3', 'which covers all');
is($run->sql('SELECT count(*) FROM lead_jobs'), 4, 'and nothing more is');

# Thousands that wait already, in a table that nobody has analysed.
$run->begin;
$run->sql('SELECT lp_worker_stop()');
@ids = map { $run->people(500) } 1 .. 4;
$run->ask(\@ids);
my $read = "(SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'lead_jobs')";
my $before = $run->sql("SELECT $read");
is($run->ask(\@ids), 'queued 2000', 'asked again for many that wait');
cmp_ok($run->sql("SELECT $read") - $before, '<=', 20_000, 'reads as many jobs as they are');

# A dead job is not retried once another has brought what it asks.
$run->begin;
@ids = $run->people(1);
$standin->script([ { do => { status => 404, body => '' }, times => 1 } ]);
$run->ask(\@ids);
$run->wait_jobs('dead', 1);
$run->ask(\@ids);
$run->wait_jobs('done', 1);
is($run->code("SELECT lp_job_retry(id) FROM lead_jobs WHERE state = 'dead'"), 'LP003', 'a dead job whose answer another one has');
is($run->sql('SELECT count(*) FROM lead_proof_double_spend'), 0, 'is not paid for twice');

#
# An answer that cannot be captured does not stop the others, and is not lost.
#
$run->begin;
@ids = $run->people(12);
my $poison = $run->apollo_id($ids[1]);
$run->sql(qq(CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN
	IF NEW.apollo_id = '$poison' AND NEW.enriched_at IS NOT NULL THEN RAISE 'refused: %', NEW.email; END IF; RETURN NEW; END\$\$;
	CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON lead_pool FOR EACH ROW EXECUTE FUNCTION refuse()));
my $log = -s $run->node->logfile;
$run->ask(\@ids);
$run->wait_quiet;
is(jobs(), 'dead LP102 10, done - 2', 'its jobs are dead, the others done');
is($run->sql('SELECT count(*), min(error) FROM lead_provider_answers'), '1|P0001', 'the answer is kept');
is($run->sql('SELECT level, code FROM lead_worker_events'), 'error|P0001', 'an event tells');
is($run->money, 'spent 2 reserved 10 ledger 2 reserved 10 told 12', 'its money stays reserved');
my $text = substr(slurp_file($run->node->logfile), $log);
like($text, qr/could not be captured: SQLSTATE P0001/, 'the log tells');
unlike($text, qr/refused: /, 'without the words of the error');
$run->sql('DROP TRIGGER refuse ON lead_pool');
is($run->sql("SELECT count(*), string_agg(DISTINCT r.state, ' ') FROM (SELECT id FROM lead_jobs WHERE state = 'dead') j, lp_job_retry(j.id) r"), '10|started', 'all are retried at once');
$run->wait_jobs('done', 12);
is(scalar($run->calls), 2, 'without another call');
is($run->money, 'spent 12 reserved 0 ledger 12 reserved 0 told 12', 'the money agrees');
is($run->sql('SELECT count(*) FROM lead_provider_answers'), 0, 'no answer is left');

# An erasure reaches answers that were set aside.
$run->begin;
@ids = $run->people(2);
$poison = $run->apollo_id($ids[1]);
$run->sql(qq(CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON lead_pool FOR EACH ROW EXECUTE FUNCTION refuse();
	CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN
	IF NEW.apollo_id = '$poison' AND NEW.enriched_at IS NOT NULL THEN RAISE 'no'; END IF; RETURN NEW; END\$\$));
$run->ask(\@ids);
$run->wait_jobs('dead', 2);
$run->sql('DROP TRIGGER refuse ON lead_pool');
like($run->sql("SELECT convert_from(body, 'UTF8') FROM lead_provider_answers"), qr/$poison/, 'an answer set aside names the person');
$run->sql("SELECT lp_forget('$ids[1]')");
unlike($run->sql("SELECT convert_from(body, 'UTF8') FROM lead_provider_answers"), qr/$poison/, 'not after an erasure');
$run->sql("SELECT lp_job_retry(id) FROM lead_jobs WHERE lead_id = '$ids[0]'");
$run->wait_for("enriched_at IS NOT NULL FROM lead_pool WHERE id = '$ids[0]'");
pass('the other person is captured from it');

# Merged meanwhile: one call.
$run->begin;
$run->sql('SELECT lp_worker_stop()');
@ids = $run->people(3);
$run->ask(\@ids);
$run->sql("SELECT lp_merge('$ids[0]', '$ids[1]', 'test')");
$run->sql('SELECT lp_worker_start()');
$run->wait_quiet;
is($run->sql("SELECT string_agg(concat_ws(' ', state, error_code), ', ' ORDER BY id) FROM lead_jobs"), 'done, cancelled merged, done', 'a merged lead is not asked about beside its survivor');
is(ledger(), 'ok 200 2', 'in one call');

# Banned after it was asked.
$run->begin;
$run->sql('SELECT lp_worker_stop()');
@ids = $run->people(2);
$run->ask(\@ids);
$run->sql("SELECT lp_suppress('apollo_id', '" . $run->apollo_id($ids[0]) . "', 'do_not_contact')");
$run->sql('SELECT lp_worker_start()');
$run->wait_quiet;
is(jobs(), 'cancelled suppressed 1, done - 1', 'nothing is bought about whom a ban covers');
is($run->money, $fine, 'one is paid');

# Refusals that come one after the other while another call is under way are
# stored together, each with its own reason.
$run->begin;
$standin->script([
	{ match => { nth => 1 }, do => { status => 422, body => '{"error": "no", "error_code": "FIRST_OF_TWO"}' } },
	{ match => { nth => 2 }, do => { status => 422, body => '{"error": "no", "error_code": "THEN_ANOTHER"}', latency_ms => 20 } },
	{ match => { nth => 3 }, do => { latency_ms => 500 } } ]);
@ids = $run->people(3);
$run->sql("SELECT lp_enrich(ARRAY['$ids[0]']::uuid[], 'test'), lp_enrich(ARRAY['$ids[1]']::uuid[], 'test', '{\"reveal_personal_emails\": true}'),
	lp_enrich(ARRAY['$ids[2]']::uuid[], 'test', '{\"reveal_phone\": true}')");
$run->wait_for("count(*) = 0 FROM lead_jobs WHERE kind = 'enrich' AND state IN ('queued', 'started')");
is($run->sql("SELECT string_agg(reason, ' ' ORDER BY reason) FROM lead_provider_calls WHERE outcome = 'refused'"), 'FIRST_OF_TWO THEN_ANOTHER', 'refusals keep their reasons until they are stored');
$run->sql("SELECT lp_job_cancel(id, 'test') FROM lead_jobs WHERE kind = 'phone_poll'");

is($run->sql("SELECT count(*) FROM lead_jobs WHERE state IN ('queued', 'leased', 'started')"), 0, 'nothing is left under way');
$run->node->stop;
done_testing();

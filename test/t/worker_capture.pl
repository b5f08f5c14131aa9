# Answers that are hard to capture: one that ends every worker that tries, one
# whose lead somebody holds, and what is left where a worker ended.
use strict;
use warnings;
use lib "$ENV{LEADPOOL_TOP}/test/lib";
use Enrichment;
use Test::More;

my $run = Enrichment->new('capture', leads => 100,
	conf => "leadpool.breaker_failures = 100\nleadpool.job_lease = '1s'\nleadpool.apollo_timeout = '60s'");
my ($node, $standin) = ($run->node, $run->standin);
$run->wait_worker(0);

sub wait_jobs
{
	my ($expected, $name, $seconds) = @_;
	return ok($run->wait_for(qq(SELECT coalesce(string_agg(concat_ws(' ', state, error_code, n), ', ' ORDER BY state), '') = '$expected'
		FROM (SELECT state, error_code, count(*) AS n FROM lead_jobs GROUP BY 1, 2) j), $seconds), $name);
}

#
# A capture that ends the process: the others go on after a few times.
#
$run->sql(q(CREATE FUNCTION kill_me() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN
	IF NEW.apollo_id = lpad('1', 24, '0') AND NEW.enriched_at IS NOT NULL THEN
		EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid());
		PERFORM pg_sleep(60);
	END IF; RETURN NEW; END$$;
	CREATE TRIGGER kill_me BEFORE UPDATE ON lead_pool FOR EACH ROW EXECUTE FUNCTION kill_me()));
my $pid = $run->worker;
$run->ask(1);
ok($run->wait_for("SELECT coalesce(pid <> $pid, false) FROM lead_worker_status"), 'a worker ends');
$run->ask(20);
wait_jobs('dead LP102 1, done 20', 'an answer that ends every worker is set aside, and the others go on');
is($run->sql(q(SELECT string_agg(DISTINCT coalesce(reason, 'ok'), ' ' ORDER BY coalesce(reason, 'ok')) FROM lead_provider_calls)), 'deadly ok', 'no call was under way when one ended');
is($run->sql('SELECT error, deaths FROM lead_provider_answers'), 'deadly|3', 'after three times');
is($run->sql("SELECT level, provider, job_id = (SELECT id FROM lead_jobs WHERE state = 'dead') FROM lead_worker_events WHERE code = 'deadly'"),
	'error|apollo|t', 'an event tells');
is($run->sql('SELECT trim_scale(sum(reserved)) FROM lead_budgets'), 1, 'its money stays reserved');
$run->sql('DROP TRIGGER kill_me ON lead_pool');
my $calls = () = $standin->ledger(provider => 'apollo');
is($run->sql("SELECT state FROM lp_job_retry((SELECT id FROM lead_jobs WHERE state = 'dead'))"), 'started', 'an operator may have it tried again');
wait_jobs('done 21', 'then it is captured');
is(scalar(() = $standin->ledger(provider => 'apollo')), $calls, 'without another call');

#
# Somebody holds a lead: the others go on, and the calls under way too.
#
$run->sql('DELETE FROM lead_jobs');
my $holder = $node->background_psql('postgres');
$holder->query_safe(q(BEGIN; SELECT 1 FROM lead_state WHERE lead_id = (SELECT id FROM lead_pool WHERE apollo_id = lpad(to_hex(22), 24, '0')) FOR UPDATE));
$run->ask(1);
ok($run->wait_for('SELECT count(*) = 1 FROM lead_provider_answers'), 'an answer about a lead that somebody holds');
$standin->script([ { do => { latency_ms => 500 } } ]);
$run->ask(10);
wait_jobs('done 10, started 1', 'waits, and another does not wait for it');
$holder->query_safe('COMMIT');
wait_jobs('done 11', 'until it is free');
is($run->sql('SELECT count(*) FROM lead_worker_events'), 1, 'that is no failure');
$standin->script([]);

# Many of them: it takes longer to find them all held than to come back to the first.
$run->sql('DELETE FROM lead_jobs');
$holder->query_safe(q(BEGIN; SELECT count(*) FROM (SELECT 1 FROM lead_state WHERE lead_id IN (
	SELECT id FROM lead_pool WHERE id::text NOT IN (SELECT subject FROM asked) ORDER BY apollo_id LIMIT 30) FOR UPDATE) held));
for my $n (1 .. 30)
{
	$run->ask(1);
	$run->wait_for("SELECT count(*) = $n FROM lead_provider_answers");
}
$run->ask(1);
wait_jobs('done 1, started 30', 'the one behind many that are held does not wait for them', 50);
$holder->query_safe('COMMIT');
wait_jobs('done 31', 'until they are free');
$holder->quit;

#
# An answer that could not be captured is not bought again.
#
$run->sql(q(DELETE FROM lead_jobs; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE data_exception; END';
	CREATE TRIGGER refuse BEFORE UPDATE ON lead_pool FOR EACH ROW EXECUTE FUNCTION refuse()));
$run->ask(2);
wait_jobs('dead LP102 2', 'an answer that cannot be captured');
$run->sql('DROP TRIGGER refuse ON lead_pool');
$calls = () = $standin->ledger(provider => 'apollo');
is($run->sql('SELECT outcome FROM lead_jobs j, lp_enrich(ARRAY[j.lead_id]) e WHERE j.id = (SELECT min(id) FROM lead_jobs) AND e.job_id = j.id'), 'queued', 'asked for again');
wait_jobs('done 2', 'it is captured, for both');
is(scalar(() = $standin->ledger(provider => 'apollo')), $calls, 'without another call');
is($run->sql(q(SELECT outcome FROM lp_enrich(ARRAY(SELECT lead_id FROM lead_jobs LIMIT 1)))), 'cached', 'and stands');

#
# Answers that fail for a reason that is not theirs, for as long as it lasts:
# each waits for itself, and those behind them go on.
#
$run->sql(q(DELETE FROM lead_jobs; DELETE FROM lead_worker_events; CREATE TABLE refused (apollo_id text);
	CREATE FUNCTION refuse_some() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
		IF NEW.apollo_id IN (SELECT apollo_id FROM public.refused) THEN RAISE insufficient_resources; END IF; RETURN NEW; END$$;
	CREATE TRIGGER refuse_some BEFORE UPDATE ON lead_pool FOR EACH ROW EXECUTE FUNCTION refuse_some();
	GRANT SELECT ON refused TO PUBLIC;
	INSERT INTO refused SELECT apollo_id FROM lead_pool WHERE id::text NOT IN (SELECT subject FROM asked) ORDER BY apollo_id LIMIT 3));
for my $n (1 .. 3)
{
	$run->ask(1);
	$run->wait_for("SELECT count(*) = $n FROM lead_provider_answers");
}
$run->ask(1);
wait_jobs('done 1, started 3', 'three answers that fail again and again do not keep back the one behind them', 50);
ok($run->wait_for(q(SELECT count(*) > 0 FROM lead_worker_events WHERE message LIKE 'the answer to call % cannot be captured yet%')),
	'an event tells');
is($run->sql("SELECT string_agg(DISTINCT code, ' ') FROM lead_worker_events"), '53000', 'why');
$run->sql('DELETE FROM refused');
wait_jobs('done 4', 'they are captured when they can be');
$run->sql('DROP TRIGGER refuse_some ON lead_pool');

#
# A webhook came, and the worker ended before the answer itself did.
#
$run->sql('DELETE FROM lead_jobs; SELECT lp_worker_stop()');
$run->ask(1);
$run->sql(q(WITH c AS (INSERT INTO lead_provider_calls (provider, endpoint, subjects, outcome, reserved, started_at)
		SELECT 'apollo', 'people/bulk_match', array_agg(subject), 'unknown', 1, now() FROM lead_jobs RETURNING id),
	a AS (INSERT INTO lead_provider_answers (call_id, later, body, received_at) SELECT id, true, '{"people": []}', now() FROM c)
	UPDATE lead_jobs SET state = 'started', attempts = 1, call_id = c.id FROM c));
$run->sql('SELECT lp_worker_start()');
wait_jobs('unknown worker_ended 1', 'a job whose answer never came is unknown, whatever a webhook brought');

#
# A turn that fails may lose a call: once the lease of its jobs has ended they
# are settled, while the worker goes on.
#
$run->sql('DELETE FROM lead_jobs');
$run->ask(1);
wait_jobs('done 1', 'one is done');
$run->sql(q(WITH c AS (INSERT INTO lead_provider_calls (provider, endpoint, subjects, outcome, reserved, started_at)
		SELECT 'apollo', 'people/bulk_match', array_agg(subject), 'unknown', 1, now() - interval '1 minute' FROM lead_jobs RETURNING id)
	UPDATE lead_jobs SET state = 'started', attempts = 1, call_id = c.id, started_at = now() - interval '1 minute', lease_until = now() - interval '30 seconds',
		finished_at = NULL FROM c;
	CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE insufficient_resources; END';
	CREATE TRIGGER fail BEFORE INSERT ON lead_provider_answers FOR EACH ROW EXECUTE FUNCTION fail()));
$run->ask(1);
ok($run->wait_for(q(SELECT count(*) > 0 FROM lead_worker_events WHERE code = '53000')), 'a turn fails');
$run->sql('DROP TRIGGER fail ON lead_provider_answers');
wait_jobs('done 1, unknown LP002 1', 'the call that was lost is found, the other is stored');
is($run->sql("SELECT outcome, reserved, finished_at IS NOT NULL FROM lead_provider_calls WHERE reason = 'lost'"), 'unknown|1|t', 'the ledger says so');
is($run->sql("SELECT level, message FROM lead_worker_events WHERE code = 'lost'"), 'warning|calls of 1 jobs were lost when a turn failed; 1 jobs are unknown', 'and an event');

$node->stop;
done_testing();

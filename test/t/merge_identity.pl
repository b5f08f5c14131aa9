# Merging leads and parting them again is the identity: over random people,
# owners, sends, events and bans every row of every table is afterwards what it
# was, byte for byte; only the journal of merges and the list of conflicts know.
use strict;
use warnings;

use lib "$ENV{LEADPOOL_TOP}/test/lib";
use Merging;
use Test::More;

my $seed = $ENV{LEADPOOL_SEED} // int(rand(2**31));
diag("seed $seed (set LEADPOOL_SEED to repeat)");
srand($seed);

my $people = 30;
my $rounds = 40;
my $node = start_node();

my $sql = "SET leadpool.now = '2026-03-01 00:00+00';\n";
$sql .= clients();
for my $turn (1 .. 2)
{
	for my $n (1 .. $people)
	{
		next if $turn == 2 && rand() < 0.5;
		$sql .= capture($n);
	}
}
# Calls that are refused leave nothing, and the next one goes on.
for my $step (1 .. 4 * $people)
{
	my $lead = "(SELECT lp_find_lead(apollo_id => 'p" . (1 + int(rand($people))) . "'))";
	my $client = client(1 + int(rand(3)));
	my $event = one_of(qw(replied interested not_interested meeting_booked converted bounced opened unsubscribed));
	$sql .= "SET leadpool.now = '2026-03-01 " . sprintf('%02d:%02d', int($step / 10), $step % 10) . "+00';\n";
	$sql .= one_of(
		"SELECT count(*) FROM lp_assign($lead, '$client');\n",
		"SELECT count(*) FROM lp_assign($lead, '$client');\n",
		"SELECT count(*) FROM lp_release($lead, '$client', 'x');\n",
		"SELECT count(lp_touch_dispatch(touch_id)) FROM lp_jit_claim($lead, '$client', 'email', substring('$client' FROM '.\$') || '', NULL, NULL);\n",
		"SELECT count(*) FROM lp_touch_record($lead, '$client', '" . one_of(qw(email linkedin voice)) . "', NULL, '" . client(9) . "', '" . one_of('a', 'b') . "');\n",
		"SELECT count(touch_id) FROM lp_jit_claim($lead, '$client', 'linkedin', NULL, '" . client(9) . "', '" . one_of('a', 'b') . "');\n",
		"SELECT count(*) FROM lp_record_event('$event', lead_id => $lead, client_id => '$client');\n",
		"SELECT count(*) FROM lp_transfer($lead, '$client', 'x');\n",
		"SELECT lp_pin($lead, '" . one_of(qw(title city)) . "', '\"pin $step\"');\n",
		"SELECT lp_pin($lead, 'email', '\"p" . (1 + int(rand($people))) . "\@co1.example\"');\n",
		"SELECT lp_suppress('email', 'p" . (1 + int(rand($people))) . "\@co1.example', '" . one_of(qw(dnc operator unsubscribed excluded)) . "', '$client', "
		  . one_of('NULL', "'2026-03-20'") . ");\n",
		"SELECT lp_suppress('email', 'p" . (1 + int(rand($people))) . "\@co1.example', '" . one_of(qw(dnc operator unsubscribed)) . "');\n");
}
my ($rc, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0);
unlike($err, qr/XX000|server closed/, 'the data were made');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM lead_assignments WHERE ' . "status = 'active'"), '>', 3, 'some people have owners');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM lead_touches'), '>', 3, 'and touches');

# Merges up to three pairs, one on top of the other, and parts them again.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION everything() RETURNS TABLE (relation text, line text) LANGUAGE plpgsql AS $$
BEGIN
	FOR relation IN SELECT c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'leadpool'
		WHERE d.deptype = 'e' AND c.relkind = 'r' AND c.relname NOT IN ('lead_merges', 'lead_merge_rows', 'lead_conflicts',
			'lead_quiet_hours', 'lead_holidays', 'lead_zones', 'lead_score_weights')
	LOOP
		RETURN QUERY EXECUTE format('SELECT %L, t::text FROM %I t', relation, relation);
	END LOOP;
END $$;
CREATE TABLE was (relation text, line text);
CREATE FUNCTION round(n int, OUT merges int, OUT changed text) LANGUAGE plpgsql AS $$
DECLARE
	stack uuid[] = '{}';
	a uuid;
	b uuid;
BEGIN
	PERFORM set_config('leadpool.now', (timestamptz '2026-03-05' + n * interval '1 hour')::text, false);
	DELETE FROM was;
	INSERT INTO was SELECT * FROM everything();
	merges := 0;
	FOR i IN 1 .. 1 + floor(random() * 3)::int LOOP
		SELECT id INTO a FROM lead_pool WHERE state = 'active' ORDER BY random() LIMIT 1;
		SELECT id INTO b FROM lead_pool WHERE state = 'active' AND id <> a ORDER BY random() LIMIT 1;
		BEGIN
			stack := lp_merge(a, b, 'round ' || n) || stack;
			merges := merges + 1;
		EXCEPTION WHEN SQLSTATE 'LP003' THEN NULL;	-- both converted
		END;
		IF (SELECT count(*) FROM lead_assignments s JOIN lead_pool p ON p.id = s.lead_id
			WHERE s.status = 'active' AND coalesce(p.merged_into, p.id) = a) > 1 THEN
			RAISE 'two owners';
		END IF;
	END LOOP;
	PERFORM set_config('timezone', CASE WHEN random() < 0.5 THEN 'Asia/Kathmandu' ELSE 'UTC' END, false);
	PERFORM set_config('extra_float_digits', CASE WHEN random() < 0.5 THEN '0' ELSE '1' END, false);
	FOREACH b IN ARRAY stack LOOP
		PERFORM lp_unmerge(b);
	END LOOP;
	PERFORM set_config('timezone', 'UTC', false), set_config('extra_float_digits', '1', false);
	SELECT string_agg(relation || ': ' || left(line, 300), E'\n') INTO changed FROM (
		(SELECT '+' || e.relation AS relation, e.line FROM (SELECT * FROM everything() EXCEPT ALL TABLE was) e)
		UNION ALL
		(SELECT '-' || e.relation, e.line FROM (TABLE was EXCEPT ALL SELECT * FROM everything()) e)) d;
END $$;
SQL
my $answer = $node->safe_psql('postgres',
	"SET timezone = 'UTC'; SET extra_float_digits = 1; SELECT setseed("
	  . ($seed % 1000 / 1000) . ") IS NOT NULL;\n"
	  . "SELECT n, r.* FROM generate_series(1, $rounds) n, round(n) r WHERE r.changed IS NOT NULL;\n"
	  . 'SELECT count(*) FROM lead_merges;');
my @lines = split /\n/, $answer;
my $merges = pop @lines;
shift @lines;
is(join("\n", @lines), '', "nothing differs after $rounds rounds");
cmp_ok($merges, '>=', $rounds / 2, "$merges merges were made and undone");
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_merges WHERE unmerged_at IS NULL'), '0', 'all of them');
is($node->safe_psql('postgres', "SELECT count(*) FROM lead_conflicts WHERE kind = 'merge_owner' AND status = 'open'"), '0', 'no conflict of theirs is open');

$node->stop;
done_testing();

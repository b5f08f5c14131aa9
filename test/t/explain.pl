# lp_explain_allocation, the dry run, lp_allocate and lp_assign say the same of
# random leads with random pasts.  LEADPOOL_SEED repeats a run.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{LEADPOOL_SEED} // int(rand(1_000_000_000));
diag("seed $seed (LEADPOOL_SEED)");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\n");
$node->start;
$node->safe_psql('postgres', slurp_file("$ENV{LEADPOOL_TOP}/test/lib/explain.sql"));
$node->safe_psql('postgres', 'SELECT setseed(' . ($seed % 1_000_000) / 1_000_000 . q[);
	CALL make_clients();
	CALL make_leads(90);
	CREATE TABLE asked AS SELECT n, client(1 + n % 4) AS client, some_criteria() AS criteria FROM generate_series(1, 16) n;
]);

my $now = "SET leadpool.now = '2026-03-04 15:00+00'; ";
$node->safe_psql('postgres', $now . q[
	CREATE TABLE dry AS SELECT q.n, a.lead_id FROM asked q, lp_allocate(q.client, NULL, 100000, q.criteria, '{"dry_run": true}') a;
	CREATE TABLE given AS SELECT q.n, unnest(try_allocate(q.client, q.criteria)) AS lead_id FROM asked q;
	CREATE TABLE said AS SELECT q.n, p.id AS lead_id, bool_and(e.passed) AS passed, string_agg(e.rule, ' ') FILTER (WHERE NOT e.passed) AS failed
		FROM asked q, lead_pool p, lp_explain_allocation(p.id, q.client, q.criteria) e WHERE p.state = 'active' GROUP BY 1, 2;
]);
is($node->safe_psql('postgres', '(TABLE dry EXCEPT TABLE given) UNION ALL (TABLE given EXCEPT TABLE dry)'), '', "the dry run is what happens (seed $seed)");
is($node->safe_psql('postgres', q[
	SELECT s.n, s.lead_id, s.failed, q.client, q.criteria FROM said s JOIN asked q USING (n) LEFT JOIN dry d USING (n, lead_id)
	WHERE s.passed <> (d.lead_id IS NOT NULL)]),
	'', "who passes every rule is offered, and nobody else (seed $seed)");

# An assignment asks for no way to reach the lead, and gives a client the lead
# that is kept for it; nobody is asked about what he owns already.
is($node->safe_psql('postgres', $now . q[
	SELECT p.id, c.n, t.answer, e.failed FROM lead_pool p CROSS JOIN generate_series(1, 4) c(n)
	CROSS JOIN LATERAL (SELECT try_assign(p.id, client(c.n)) AS answer) t
	CROSS JOIN LATERAL (SELECT coalesce(string_agg(rule, ' ') FILTER (WHERE NOT passed), '') AS failed
		FROM lp_explain_allocation(p.id, client(c.n)) WHERE rule <> 'reachable') e
	JOIN lead_state s ON s.lead_id = p.id
	WHERE p.state = 'active' AND (t.answer = 'given') <> (e.failed = '')
		AND NOT EXISTS (SELECT FROM lead_assignments a WHERE a.lead_id = p.id AND a.client_id = client(c.n) AND a.status = 'active')
		AND NOT (e.failed = 'not_kept' AND s.kept_for = client(c.n))]),
	'', "lp_assign gives whom the rules let pass (seed $seed)");

note $node->safe_psql('postgres', 'SELECT count(*), count(*) FILTER (WHERE passed) FROM said');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM dry'), '>', 0, 'some were offered');
$node->stop;
done_testing();

# Merging leads and parting them again among everything else that happens: after
# every call what is kept about leads, owners, companies and bans agrees.
use strict;
use warnings;

use lib "$ENV{LEADPOOL_TOP}/test/lib";
use Merging;
use Test::More;

# Seeds that once failed, and those asked for, or one by chance; every choice
# follows from the seed.
my @seeds = (1050515005, 40036, split(/[ ,]+/, $ENV{LEADPOOL_SEED} // int(rand(2**31))));
diag("seeds @seeds (set LEADPOOL_SEED to repeat)");

my $people = 16;
my $calls = 250;
my $node = start_node();

# What does not agree.
$node->safe_psql('template1', <<'SQL');
CREATE VIEW broken AS
SELECT 'two owners at once: ' || lead_id AS what FROM lead_proof_collisions WHERE overlap IS NOT NULL AND NOT isempty(overlap)
UNION ALL SELECT 'held without the setting: ' || company FROM lead_company_holds h JOIN lead_clients c ON c.id = h.client_id
	WHERE (c.settings->>'company_exclusive')::boolean IS NOT TRUE
UNION ALL SELECT 'two states: ' || p.id FROM lead_pool p JOIN lead_state s ON s.lead_id = p.id WHERE p.state <> s.state
UNION ALL SELECT x.relation || ' of a merged lead: ' || p.id FROM lead_pool p JOIN (
	SELECT 'key' AS relation, lead_id FROM lead_identities UNION ALL SELECT 'capture', lead_id FROM lead_captures
	UNION ALL SELECT 'touch', lead_id FROM lead_touches UNION ALL SELECT 'event', lead_id FROM lead_events
	UNION ALL SELECT 'assignment', lead_id FROM lead_assignments) x ON x.lead_id = p.id WHERE p.state = 'merged'
UNION ALL SELECT 'converted, yet not: ' || a.lead_id FROM lead_assignments a JOIN lead_state s USING (lead_id)
	WHERE a.status = 'active' AND a.outcome = 'converted' AND s.converted_at IS NULL
UNION ALL SELECT 'contacted, yet not: ' || t.lead_id FROM lead_touches t JOIN lead_state s USING (lead_id)
	WHERE s.state = 'active' AND t.state = 'sent' AND coalesce(s.contacted_at, 'infinity') > t.counted_at
UNION ALL SELECT 'marked without a ban: ' || s.lead_id FROM lead_state s WHERE s.state = 'active' AND s.flags & 512 <> 0 AND NOT EXISTS (
	SELECT FROM lead_identities i JOIN lead_suppressions b USING (key_hash) WHERE i.lead_id = s.lead_id AND b.lifted_at IS NULL
	AND b.expires_at IS NULL AND b.reason IN ('unsubscribed', 'complained', 'do_not_contact', 'operator', 'erasure'))
UNION ALL SELECT 'unsubscribed without a mark: ' || p.id FROM lead_pool p JOIN lead_state s ON s.lead_id = p.id
	WHERE p.state = 'active' AND p.unsubscribed_at IS NOT NULL AND s.flags & 512 = 0
UNION ALL SELECT 'available, yet owned or gone: ' || v.lead_id FROM lead_available v
	WHERE EXISTS (SELECT FROM lead_assignments a WHERE a.lead_id = v.lead_id AND a.status = 'active')
	OR NOT EXISTS (SELECT FROM lead_pool p WHERE p.id = v.lead_id AND p.state = 'active')
UNION ALL SELECT 'an address that bans do not know: ' || p.id FROM lead_pool p WHERE p.state = 'active' AND p.email_match IS NOT NULL
	AND NOT EXISTS (SELECT FROM lead_identities i WHERE i.lead_id = p.id AND i.kind = 'email' AND i.value = p.email_match);
SQL

# One call; one that is refused leaves nothing, and the next one goes on.
sub call
{
	my ($now) = @_;
	my $lead = "(SELECT lp_find_lead(apollo_id => 'p" . (1 + int(rand($people))) . "'))";
	my $lead2 = "(SELECT lp_find_lead(apollo_id => 'p" . (1 + int(rand($people))) . "'))";
	my $any = "(SELECT id FROM lead_pool ORDER BY md5(apollo_id || '" . int(rand(1e6)) . "'), created_at, id LIMIT 1)";
	my $client = client(1 + int(rand(3)));
	my $event = one_of(qw(replied interested not_interested meeting_booked converted bounced opened unsubscribed));
	my ($p1, $p2) = map { 1 + int(rand($people)) } 1 .. 2;
	(my $body = person($p1)) =~ s/'/''/g;
	return one_of(
		"SELECT count(*) FROM lp_assign($lead, '$client');\n",
		"SELECT count(*) FROM lp_assign($any, '$client');\n",
		"SELECT count(*) FROM lp_assign($lead, '$client');\n",
		"SELECT count(*) FROM lp_release($lead, '$client', 'x');\n",
		"SELECT count(lp_release(q.lead_id, q.client_id, 'x')) FROM (SELECT a.* FROM lead_assignments a JOIN lead_pool p ON p.id = a.lead_id WHERE status = 'active' ORDER BY md5(p.apollo_id || '$now'), a.id LIMIT 1) q;\n",
		"SELECT count(*) FROM lp_transfer($lead, '$client', 'x');\n",
		"SELECT count(lp_touch_dispatch(touch_id)) FROM lp_jit_claim($lead, '$client', 'email', 'out\@c' || substring('$client' FROM '.\$') || '.example');\n",
		"SELECT count(*) FROM lp_touch_record($lead, '$client', '" . one_of(qw(email linkedin voice)) . "', NULL, '" . client(9) . "', '" . one_of('a', 'b') . "');\n",
		"SELECT count(touch_id) FROM lp_jit_claim($lead, '$client', 'linkedin', NULL, '" . client(9) . "', '" . one_of('a', 'b') . "');\n",
		"SELECT count(*) FROM lp_record_event('$event', lead_id => $lead, client_id => '$client');\n",
		"SELECT count(*) FROM lp_record_event('$event', email => 'p$p1\@co".int($p1/4).".example', client_id => '$client');\n",
		"SELECT lp_suppress('email', 'p$p1\@co".int($p1/4).".example', '" . one_of(qw(dnc operator unsubscribed bounced)) . "', NULL, " . one_of('NULL', "'2026-03-09'") . ");\n",
		"SELECT lp_unsuppress(id, 'x') FROM (SELECT id FROM lead_suppressions WHERE lifted_at IS NULL ORDER BY md5(extract(epoch FROM created_at) || kind || '$now'), id LIMIT 1) q;\n",
		"SELECT lp_pin($lead, '" . one_of(qw(title city)) . "', '\"pin$now\"');\n",
		"SELECT lp_unpin($lead, '" . one_of(qw(title city)) . "');\n",
		"SELECT lp_pin($lead, 'email', '\"pin$now\@pin.example\"');\n",
		"SELECT count(*) FROM lp_capture_apollo('$body');\n",
		"SELECT count(*) FROM lp_capture_apollo('{\"person\": {\"id\": \"p$p1\", \"email\": \"p$p2\@co".int($p2/4).".example\"}}');\n",
		"SELECT count(*) FROM lp_capture_apollo('{\"organization\": {\"id\": \"o".int(rand(6))."\", \"name\": \"N$now\", \"industry\": \"I$now\"}}');\n",
		"SELECT count(*) FROM lp_client_set('$client', settings => '{\"company_exclusive\": " . one_of('true','false') . "}');\n",
		"SELECT count(*) FROM lp_client_set('$client', settings => '{\"status\": \"" . one_of('active','active','paused') . "\"}');\n",
		(rand()<0.15 ? "SELECT lp_client_cancel('$client');\n" : "SELECT count(*) FROM lp_allocate('$client', NULL, 2);\n"),
		(rand()<0.1 ? "SELECT lp_forget(lead_id => $lead);\n" : "SELECT 1;\n"),
		"SELECT lp_merge($lead, $lead2, 'x');\n", "SELECT lp_merge($lead, $any, 'x');\n",
		"SELECT lp_merge($lead, $lead2, 'x');\n",
		("SELECT lp_unmerge(id) FROM (SELECT id FROM lead_merges WHERE unmerged_at IS NULL ORDER BY merged_at DESC, id DESC LIMIT 1) q;\n") x 3,
		("SELECT lp_unmerge(id) FROM (SELECT id FROM lead_merges WHERE unmerged_at IS NULL ORDER BY md5(extract(epoch FROM merged_at) || '$now'), id LIMIT 1) q;\n") x 2,
	);
}

# Clients and people to begin with.
sub beginning
{
	my $sql = "SET leadpool.now = '2026-03-01 00:00+00';\n" . clients();
	$sql .= capture($_) for 1 .. $people;
	return $sql;
}

sub run_seed
{
	my ($seed) = @_;
	srand($seed);
	my $sql = "PREPARE broken(int, text) AS SELECT 'broken after ' || \$1, what, \$2 FROM broken;\n" . beginning();
	for my $now (1 .. $calls)
	{
		my $statement = call($now);
		(my $shown = $statement) =~ s/'/''/g;
		$sql .= sprintf("SET leadpool.now = '2026-03-%02d %02d:%02d+00';\n", 1 + int($now / 240), int($now / 10) % 24, ($now % 10) * 5)
		  . $statement . "EXECUTE broken($now, '$shown');\n";
	}
	$sql .= "SELECT 'merges', count(*), count(unmerged_at) FROM lead_merges;\n";
	my ($rc, $out, $err) = $node->psql("seed_$seed", $sql, on_error_stop => 0);
	unlike($err, qr/XX000|server closed|syntax error|duplicate key|violates/, "seed $seed: no call broke");
	my ($first) = $out =~ /^(broken after.*\n?.*)$/m;
	is($first, undef, "seed $seed: everything agrees after each of $calls calls");
	my ($merges, $undone) = $out =~ /^merges\|(\d+)\|(\d+)$/m;
	cmp_ok($merges, '>', 10, "seed $seed: $merges merges were made");
	cmp_ok($undone, '>', 5, "seed $seed: and $undone undone");
	return;
}

for my $seed (@seeds)
{
	$node->safe_psql('postgres', "CREATE DATABASE seed_$seed");
	run_seed($seed);
}

$node->stop;
done_testing();

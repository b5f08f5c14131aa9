# kill -9 in the middle of a capture, an allocation, a batch of claims: after
# the restart nothing is half done.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);
use Fill qw(capture_batch client consistency);

my $seed = $ENV{LEADPOOL_SEED} // 20260304;
srand($seed);
note("seed $seed (LEADPOOL_SEED)");

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\nmax_wal_size = '4GB'");
$node->start;
my ($one, $two) = (client(1), client(2));
$node->safe_psql('postgres', qq(
	CREATE EXTENSION leadpool;
	SELECT lp_client_set('$one', 'First agency'), lp_client_set('$two', 'Second agency');
	SELECT count(*) FROM lp_sender_set('$one', 'linkedin', 'ann');
	SELECT lp_rebuild_available();)
	. join(';', map { capture_batch($_ * 1000 + 1, $_ * 1000 + 1000) } 0 .. 3));

# Nothing is banned and everybody is reachable: each lead is available or owned.
my $complete = q(
	SELECT count(*) FROM lead_pool p WHERE p.state = 'active'
	  AND NOT EXISTS (SELECT FROM lead_available v WHERE v.lead_id = p.id)
	  AND NOT EXISTS (SELECT FROM lead_assignments a WHERE a.lead_id = p.id AND a.status = 'active'));

my $campaign = '40000000-0000-7000-8000-000000000001';
my $channels = q({"channels": ["email", "linkedin"]});
my $next = 4001;
my %work = (
	# 3,000 people not seen before, 250 a statement
	capture => sub {
		my $script = join(";\n", map { capture_batch($next + $_ * 250, $next + $_ * 250 + 249) } 0 .. 11);
		$next += 3000;
		return $script;
	},
	# the same people again with something new: updates
	recapture => sub {
		return join(";\n", map { capture_batch($_ * 250 + 1, $_ * 250 + 250) =~ s/'First' \|\| n,/'Renamed$next' || n,/r } 0 .. 11);
	},
	allocate => sub {
		return join(";\n", map { "SELECT count(*) FROM lp_allocate('" . ($_ % 2 ? $one : $two) . "', '$campaign', 60, '$channels')" } 1 .. 20);
	},
	claim => sub {
		return "SELECT count(*) FROM lead_assignments a, lp_jit_claim(a.lead_id, a.client_id, 'linkedin') WHERE a.client_id = '$one'; "
		  . "SELECT count(*) FROM lead_assignments a, lp_release(a.lead_id, a.client_id, 'crash') WHERE a.client_id = '$two' AND a.status = 'active'";
	});

my ($cut, $started) = (0, time);
my @rounds = (('allocate', 'capture', 'claim', 'recapture') x 3);
for my $round (@rounds)
{
	# Bounded: a slow machine does fewer rounds.
	last if time - $started > 15 && $cut >= 4;

	my ($out, $err) = ('', '');
	my $script = "SELECT 'pid ' || pg_backend_pid();\n" . $work{$round}->() . ";\n";
	my $victim = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$script, '>', \$out, '2>', \$err, IPC::Run::timeout(180));
	$victim->pump until $out =~ /^pid (\d+)$/m || !$victim->pumpable;
	my ($pid) = $out =~ /^pid (\d+)$/m or die "no victim: $err";

	# The moment is what is random here; nothing waits for it to be enough.
	usleep(int(rand(400_000)));
	kill 'KILL', $pid;
	$victim->finish;
	$cut++ if $err =~ /connection|terminat/;
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';

	is($node->safe_psql('postgres', consistency()), '', "consistent after a cut $round");
	is($node->safe_psql('postgres', $complete), '0', "every lead is available or owned after a cut $round");
}
cmp_ok($cut, '>=', 4, 'the kill came in time at least four times');

# What was cut is done again by calling again.
$node->safe_psql('postgres', $_) for map { capture_batch($_ * 1000 + 1, $_ * 1000 + 1000) } 4 .. 6;
is($node->safe_psql('postgres', q(SELECT count(DISTINCT email), count(*) FROM lead_pool WHERE state = 'active'
	AND substring(email FROM '^person(\d+)@')::int BETWEEN 4001 AND 7000)), '3000|3000', 'each person once');
is($node->safe_psql('postgres', consistency()), '', 'consistent at the end');

$node->stop;
done_testing();

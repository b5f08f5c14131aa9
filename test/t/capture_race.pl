# Sixteen sessions capture the same person at once: one row, no error.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $sessions = 16;
my $rounds   = 5;
my $node     = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "fsync = off\nmax_connections = 40");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');

# Each session tells the same people in another order, under other keys, with
# a title of its own; all begin a round when its lock is released, with plans
# that an earlier capture made.
my $gate = $node->background_psql('postgres');
$gate->query_safe("SELECT pg_advisory_lock(g) FROM generate_series(1, $rounds) g");
my @runs;
for my $i (1 .. $sessions)
{
	my $sql = "SELECT FROM lp_capture_apollo('{\"person\": {\"id\": \"warm-$i\"}}');\n" x 2;
	for my $round (1 .. $rounds)
	{
		$sql .= "SELECT FROM pg_advisory_lock_shared($round);\n";
		my @people = (
			qq({"id": "one-$round", "email": "one-$round\@race.example", "title": "T$i"}),
			qq({"id": "two-$round", "email": "two-$round\@race.example", "linkedin_url": "https://linkedin.com/in/two-$round"}),
			qq({"id": "three-$round", "email": "three-$round\@race.example"}));
		@people = reverse @people if $i % 2;
		$sql .= "SELECT outcome FROM lp_capture_apollo('{\"people\": ["
		  . join(', ', @people) . "]}');\n";
		$sql .= "SELECT outcome FROM lp_capture_apollo('{\"person\": {\"id\": \"alias-$i-$round\", \"email\": \"two-$round\@race.example\"}}');\n";
	}
	# Files, so that no session waits for us to read or write.
	my %run = (base => $node->basedir . "/race_$i");
	append_to_file("$run{base}.sql", $sql);
	$run{handle} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', "$run{base}.sql" ],
		'<', \undef, '>', "$run{base}.out", '2>', "$run{base}.err", IPC::Run::timeout(600));
	push @runs, \%run;
}
for my $round (1 .. $rounds)
{
	$node->poll_query_until('postgres',
		"SELECT count(*) = $sessions FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $round AND objsubid = 1")
	  or die 'not all of them came to the start';
	$gate->query_safe("SELECT pg_advisory_unlock($round)");
}
my $failed = 0;
for my $run (@runs)
{
	IPC::Run::finish($run->{handle}) or $failed++;
	$run->{out} = slurp_file("$run->{base}.out");
	$run->{err} = slurp_file("$run->{base}.err");
	diag($run->{err}) if $run->{err} ne '';
}
$gate->quit;

is($failed, 0, 'no session failed');
is(join('', map { $_->{err} } @runs), '', 'no error, no deadlock');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_pool'), 3 * $rounds + $sessions, 'one row a person');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_state'), 3 * $rounds + $sessions, 'one state a person');
is( $node->safe_psql('postgres', "SELECT count(*) FROM lead_identities WHERE kind = 'apollo_id'"),
	(3 + $sessions) * $rounds + $sessions, 'every id is known');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_conflicts'), 0, 'nobody was torn apart');
is( $node->safe_psql('postgres', "SELECT count(*) FROM lead_captures WHERE envelope_id IS NULL"),
	$sessions * ($rounds * 2 + 1), 'every body is archived once');
my @inserted = map { grep { $_ eq 'inserted' } split /\n/, $_->{out} } @runs;
is(scalar @inserted, 3 * $rounds, 'each person was inserted by one session');

$node->stop;
done_testing();

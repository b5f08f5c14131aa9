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
# a title of its own; all start when the lock is released.
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1)');
my @runs;
for my $i (1 .. $sessions)
{
	my $sql = "SELECT pg_advisory_lock_shared(1);\n";
	for my $round (1 .. $rounds)
	{
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
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', "$run{base}.sql" ],
		'<', \undef, '>', "$run{base}.out", '2>', "$run{base}.err");
	push @runs, \%run;
}
$node->poll_query_until('postgres',
	"SELECT count(*) = $sessions FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
$gate->query_safe('SELECT pg_advisory_unlock(1)');
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
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_pool'), 3 * $rounds, 'one row a person');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_state'), 3 * $rounds, 'one state a person');
is( $node->safe_psql('postgres', "SELECT count(*) FROM lead_identities WHERE kind = 'apollo_id'"),
	(3 + $sessions) * $rounds, 'every id is known');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_conflicts'), 0, 'nobody was torn apart');
is( $node->safe_psql('postgres', "SELECT count(*) FROM lead_captures WHERE envelope_id IS NULL"),
	$sessions * $rounds * 2, 'every body is archived once');
my @inserted = map { grep { $_ eq 'inserted' } split /\n/, $_->{out} } @runs;
is(scalar @inserted, 3 * $rounds, 'each person was inserted by one session');

$node->stop;
done_testing();

# The examples of the README run, in order, in one session of a fresh database.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = $ENV{LEADPOOL_TOP};
my $readme = slurp_file("$top/README.md");
my @blocks = $readme =~ /^```sql\n(.*?)^```$/msg;
cmp_ok(scalar(@blocks), '>=', 6, 'the README has examples');

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');

# A line before each block tells which one failed; the answers are compared with
# what the text around them says.
my $script = join('', map { "\\echo block $_\n" . $blocks[ $_ - 1 ] } 1 .. @blocks);
my ($status, $out, $err) = $node->psql('postgres', $script, on_error_stop => 1);
is($err, '', 'every statement succeeds') or diag($out);
is($status, 0, 'and psql says so');
my @answers = split /^block \d+\n/m, $out;
shift @answers;
is(scalar(@answers), scalar(@blocks), 'every block ran');

my $answers = join('', @answers);
like($answers, qr/^1\|inserted\|.*^2\|inserted\|.*^3\|rejected\|no_match$/ms, 'captured as the text says');
is(() = $answers =~ /^[0-9a-f-]{36}\|active$/mg, 4, 'a client, a sender, two leads');
like($answers, qr/^48\|0\|open\|$/m, 'what is missing is a request');
like($answers, qr/^t\|cached$/m, 'who is known is not paid for again');
like($answers, qr/^t\|\|\{\}\|$/m, 'the check passes');
like($answers, qr/^[0-9a-f-]{36}\|t$/m, 'the claim is granted');
like($answers, qr/^sent\|/m, 'the touch is sent');
like($answers, qr/^replied\nbanned$/m, 'the events have their effects');
like($answers, qr/^assignment_replied\|f\|/m, 'the explanation names the reply');

# Each page that is named exists, each function that is named does too.
for my $page ($readme =~ /\]\(([\w\/.]+)\)/g)
{
	ok(-f "$top/$page", "$page exists");
}
my %known = map { $_ => 1 } split /\n/, $node->safe_psql('postgres',
	"SELECT proname FROM pg_proc WHERE proname LIKE 'lp\\_%' UNION SELECT relname FROM pg_class WHERE relname LIKE 'lead\\_%' UNION SELECT typname FROM pg_type WHERE typname LIKE 'lp\\_%'");
for my $file (qw(README.md doc/architecture.md doc/operations.md doc/worker.md))
{
	my %named = map { $_ => 1 } slurp_file("$top/$file") =~ /`(l(?:p|ead)_[a-z_]+)(?:\(\))?`/g;
	is(join(' ', grep { !$known{$_} } sort keys %named), '', "$file names only what exists");
}

$node->stop;
done_testing();

# reference.pl DIRECTORY: writes reference.md and architecture.md there.  Called
# by make doc.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Reference;

my ($directory) = @ARGV;
my $node = PostgreSQL::Test::Cluster->new('reference');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');
my $reference = Reference->new($node, $ENV{LEADPOOL_TOP});
my %document = ('reference.md' => $reference->text, 'architecture.md' => $reference->architecture);
for my $name (sort keys %document)
{
	open(my $out, '>:raw', "$directory/$name") or die "could not write $directory/$name: $!";
	print $out $document{$name};
	close $out or die "could not write $directory/$name: $!";
}
diag($_) for $reference->problems;
ok(1, 'written');
$node->stop;
done_testing();

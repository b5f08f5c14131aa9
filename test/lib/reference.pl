# reference.pl FILE: writes doc/reference.md to FILE.  Called by make doc.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Reference;

my ($file) = @ARGV;
my $node = PostgreSQL::Test::Cluster->new('reference');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');
my $reference = Reference->new($node, $ENV{LEADPOOL_TOP});
open(my $out, '>:raw', $file) or die "could not write $file: $!";
print $out $reference->text;
close $out or die "could not write $file: $!";
diag($_) for $reference->problems;
ok(1, 'written');
$node->stop;
done_testing();

# doc/reference.md is what the comments say, and they say all that they must;
# the list of files in doc/architecture.md is what the files say.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Reference;

my $node = PostgreSQL::Test::Cluster->new('reference');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');

my $reference = Reference->new($node, $ENV{LEADPOOL_TOP});
my %document = ('reference.md' => $reference->text, 'architecture.md' => $reference->architecture);
is_deeply([ $reference->problems ], [], 'every function has arguments, result, errors and an example that can be planned');

# The difference is what one wants to see, not two documents.
for my $name (sort keys %document)
{
	my $fresh = $node->basedir . "/$name";
	open(my $out, '>:raw', $fresh) or die "could not write $fresh: $!";
	print $out $document{$name};
	close $out;
	my $difference = `diff -u $ENV{LEADPOOL_TOP}/doc/$name $fresh 2>&1 | head -60`;
	is($difference, '', "doc/$name is current (make doc)");
}

$node->stop;
done_testing();

# Calls go downwards only (doc/architecture.md): a file includes the headers of
# its own layer and of those below it.
use strict;
use warnings;
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = $ENV{LEADPOOL_TOP};
my %below = (
	http      => [],
	phone     => [],
	util      => ['phone'],
	providers => ['util'],
	store     => ['util'],
	core      => [ 'providers', 'store', 'util' ],
	worker    => [ 'core', 'http', 'providers', 'store', 'util' ]);

my (%layers, %guards, @upwards);
for my $file (sort map { glob("$top/src/*/*.$_") } 'c', 'h', 'cc')
{
	my $layer = basename(dirname($file));
	my %may = map { $_ => 1 } $layer, @{ $below{$layer} };
	$layers{$layer} = 1;
	my $text = slurp_file($file);
	$guards{$1}++ if $file =~ /\.h$/ && $text =~ /^\#ifndef (LP_\w+)/m;
	for my $header ($text =~ m{^\#include "(\w+/[^"]+)"}mg)
	{
		my ($of) = split m{/}, $header;
		push @upwards, "$layer/" . basename($file) . " includes $header"
		  if $below{$of} && !$may{$of};
	}
}
is_deeply([ sort keys %layers ], [ sort keys %below ], 'these are the layers');
is_deeply(\@upwards, [], 'no file includes a header of a layer above');
is_deeply([ grep { $guards{$_} > 1 } sort keys %guards ], [], 'no header hides another one');

done_testing();

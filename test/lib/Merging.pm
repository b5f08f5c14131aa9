# Merging.pm
#	  What tests of merges by chance have in common: a server, clients and people.
#
# All that is random comes from rand(): a test that calls srand() with a seed
# makes the same people, in the same order, each time.
package Merging;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;

our @EXPORT = qw(start_node one_of client clients person capture);

# A server whose databases have the extension.
sub start_node
{
	my $node = PostgreSQL::Test::Cluster->new('main');
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf', "fsync = off\n");
	$node->start;
	$node->safe_psql($_, 'CREATE EXTENSION leadpool') for 'template1', 'postgres';
	return $node;
}

sub one_of { return $_[ int(rand(@_)) ] }

# The id of client n.
sub client { return sprintf '00000000-0000-7000-8000-c%011d', shift }

# SQL that makes clients 1 to 3, each with a mailbox.
sub clients
{
	return join '', map {
		"SELECT lp_client_set('" . client($_) . "', 'Client $_', '{\"company_exclusive\": " . one_of('true', 'false') . "}');\n"
		  . "SELECT lp_sender_set('" . client($_) . "', 'email', 'out\@c$_.example', '{\"warmup_ready\": true}');\n"
	} 1 .. 3;
}

# Person n as a provider tells of one; some numbers are two people's.
sub person
{
	my ($n) = @_;
	my @said = (qq("id": "p$n"), qq("email": "p$n\@co) . int($n / 4) . '.example"');
	push @said, '"email_status": "' . one_of(qw(verified guessed unavailable)) . '"' if rand() < 0.8;
	push @said, '"title": "' . one_of('Chief', 'Head', 'Quay', "O'Brien") . " $n\"" if rand() < 0.7;
	push @said, qq("linkedin_url": "https://linkedin.com/in/person-$n") if rand() < 0.5;
	push @said, '"phone_numbers": [{"raw_number": "+1303555' . sprintf('%04d', 100 + int($n / 2)) . '", "type": "mobile"}]' if rand() < 0.6;
	push @said, '"country": "' . one_of('Ireland', 'United States', 'Norway') . '"' if rand() < 0.7;
	push @said, '"extrapolated_email_confidence": ' . one_of('0.1', '0.30000000000000004', '0.97', '1e-7') if rand() < 0.4;
	push @said, '"organization": {"id": "o' . int($n / 3) . '", "name": "Org", "primary_domain": "co' . int($n / 3)
	  . '.example", "organization_revenue": ' . one_of('1234.50', '10', '1e6', '0.0') . '}' if rand() < 0.6;
	return '{"person": {' . join(', ', @said) . '}}';
}

# SQL that captures person n as told on some day of January.
sub capture
{
	my ($n) = @_;
	(my $body = person($n)) =~ s/'/''/g;
	return "SELECT count(*) FROM lp_capture_apollo('$body', '2026-01-" . sprintf('%02d', 1 + int(rand(28))) . "');\n";
}

1;

# Of 200 claims against 50 slots exactly 50 are granted, whoever claims; and of
# many claims for one lead exactly one.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('slots');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', slurp_file("$ENV{LEADPOOL_TOP}/test/leadpool.conf"));
$node->start;

my $client = '00000000-0000-7000-8000-00000000000a';
$node->safe_psql('postgres', qq{
	CREATE EXTENSION leadpool;
	ALTER SYSTEM SET leadpool.now = '2026-03-04 15:00+00';
	SELECT pg_reload_conf();
	SELECT lp_client_set('$client', 'Agency A', '{"daily_limit": 80}');
	SELECT lp_sender_set('$client', 'linkedin', s, '{"daily_limit": 50}') FROM unnest('{one,two}'::text[]) s;
	INSERT INTO lead_pool (id, created_at, updated_at)
	SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, '2026-01-01', '2026-01-01'
	FROM generate_series(1, 401) n;
	INSERT INTO lead_state (lead_id, flags) SELECT id, 64 FROM lead_pool;
	INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at)
	SELECT id, '$client', 'assign', '2026-01-02' FROM lead_pool;
	CREATE SEQUENCE next_lead;
});

# Runs a script as 8 sessions, 25 times each.
sub storm
{
	my ($name, $sql) = @_;
	my $file = $node->basedir . "/$name.sql";

	append_to_file($file, $sql);
	command_ok([ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', 25, '-f', $file,
			'-h', $node->host, '-p', $node->port, 'postgres' ], $name);
	return;
}

sub claim
{
	my ($sender) = @_;
	return "SELECT allowed FROM lp_jit_claim(('00000000-0000-7000-8000-' || lpad(nextval('next_lead')::text, 12, '0'))::uuid,"
	  . " '$client', 'linkedin', '$sender');\n";
}

storm('one_sender', claim('one'));
is($node->safe_psql('postgres', "SELECT count(*) FROM lead_touches WHERE sender = 'one'"),
	50, 'the limit of the sender is used to the last slot and not beyond');
is($node->safe_psql('postgres', 'SELECT count(*), count(*) FILTER (WHERE allowed) FROM lead_decisions'),
	'200|50', 'every decision is kept');

storm('another_sender', claim('two'));
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_touches'),
	80, 'so is the limit of the client, over both');

$node->safe_psql('postgres', qq{SELECT lp_client_set('$client', settings => '{"daily_limit": null}')});
storm('one_lead', "SELECT allowed FROM lp_jit_claim('00000000-0000-7000-8000-000000000401', '$client', 'linkedin');\n");
is($node->safe_psql('postgres',
		"SELECT count(*) FROM lead_touches WHERE lead_id = '00000000-0000-7000-8000-000000000401'"),
	1, 'one lead is claimed once');

is($node->safe_psql('postgres', "SELECT string_agg(scope, ',' ORDER BY scope) FROM lead_limit_days"),
	'client,sender,sender', 'one row a day and counter');

$node->stop;
done_testing();

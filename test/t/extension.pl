# CREATE and DROP EXTENSION: any schema, only UTF8, again and again.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('extension');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->start;

# The current schema, and one that is named.
for my $schema ('public', 'outreach', 'Odd name')
{
	my $quoted = qq("$schema");
	$node->safe_psql('postgres', qq(CREATE SCHEMA IF NOT EXISTS $quoted));
	$node->safe_psql('postgres', qq(CREATE EXTENSION leadpool SCHEMA $quoted));
	is( $node->safe_psql('postgres', q(
		SELECT string_agg(DISTINCT n.nspname, ',')
		FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'leadpool'
		LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
		LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
		JOIN pg_namespace n ON n.oid = coalesce(c.relnamespace, p.pronamespace, t.typnamespace)
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')),
		$schema, "all objects are in schema $schema");

	# A caller whose path does not name the schema.
	my $found = $node->safe_psql('postgres', qq(
		SET search_path = pg_catalog;
		SELECT count(*) FROM $quoted.lp_client_set('10000000-0000-7000-8000-000000000001', 'A');
		SELECT count(*) FROM $quoted.lp_capture_apollo('{"person": {"id": "p1", "email": "ann.lee\@tarn.example", "email_status": "verified"}}');
		SELECT count(*) FROM $quoted.lp_allocate('10000000-0000-7000-8000-000000000001', NULL, 5);
		SELECT blocked_by FROM $quoted.lp_jit_check($quoted.lp_find_lead('ann.lee\@tarn.example'), '10000000-0000-7000-8000-000000000001', 'linkedin');));
	is($found, "1\n1\n1\npool_address", "its functions find their tables from any search_path");
	$node->safe_psql('postgres', 'DROP EXTENSION leadpool');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relnamespace = '$quoted'::regnamespace"),
		'0', 'DROP EXTENSION leaves nothing in the schema');
}

# In one session, with plans and look-ups kept from the first time.
my $twice = q(
	CREATE EXTENSION leadpool;
	SELECT count(*) FROM lp_client_set('10000000-0000-7000-8000-000000000002', 'B');
	SELECT count(*) FROM lp_capture_apollo('{"person": {"id": "p2", "email": "bo.kay@tarn.example", "email_status": "verified"}}');
	SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p2", "email": "bo.kay@tarn.example", "email_status": "verified", "title": "CFO"}}');
	SELECT count(*) FROM lp_allocate('10000000-0000-7000-8000-000000000002', NULL, 5);
	DROP EXTENSION leadpool;
);
is($node->safe_psql('postgres', $twice . $twice), "1\n1\nupdated\n1\n1\n1\nupdated\n1",
	'drop and create again in one session');

# Rolled back half-way.
is($node->safe_psql('postgres', "BEGIN; CREATE EXTENSION leadpool; ROLLBACK; CREATE EXTENSION leadpool; SELECT count(*) FROM lead_pool"),
	'0', 'create, roll back, create');

# Not moved, not in another encoding, not by a script in psql.
my ($status, $out, $err) = $node->psql('postgres', 'ALTER EXTENSION leadpool SET SCHEMA outreach');
like($err, qr/does not support SET SCHEMA/, 'not relocatable');

$node->safe_psql('postgres', "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
($status, $out, $err) = $node->psql('ascii', "\\set VERBOSITY verbose\nCREATE EXTENSION leadpool");
like($err, qr/ERROR:  0A000: leadpool needs a database with encoding UTF8, not SQL_ASCII/,
	'refused in a database that is not UTF8');
is($node->safe_psql('ascii', 'SELECT count(*) FROM pg_extension WHERE extname = $$leadpool$$'), '0', 'nothing is left there');

# Not by an ordinary user.
$node->safe_psql('postgres', 'CREATE DATABASE plain; CREATE ROLE joe LOGIN; GRANT ALL ON DATABASE plain TO joe');
($status, $out, $err) = $node->psql('plain', 'CREATE EXTENSION leadpool', extra_params => [ '-U', 'joe' ]);
like($err, qr/permission denied to create extension/, 'only a superuser creates it');

# A database copied with the extension in it works.
$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE postgres');
is($node->safe_psql('copied', "SELECT name FROM lp_client_set('10000000-0000-7000-8000-000000000003', 'C')"),
	'C', 'CREATE DATABASE ... TEMPLATE');

# Two databases, one session each: no state is shared.
is($node->safe_psql('postgres', 'SELECT count(*) FROM lead_clients'), '0', 'and is separate');

$node->stop;
done_testing();

# Who may do what, tried out: the roles of Supabase with the default privileges
# that Supabase gives them, made before CREATE EXTENSION.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('permissions');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->start;

my $roles = q(
	CREATE ROLE anon NOLOGIN; CREATE ROLE authenticated NOLOGIN; CREATE ROLE service_role NOLOGIN BYPASSRLS;
	CREATE ROLE leadpool_operator NOLOGIN; CREATE ROLE jane LOGIN IN ROLE leadpool_operator; CREATE ROLE nobody LOGIN;
	CREATE ROLE authenticator LOGIN NOINHERIT; GRANT anon, authenticated, service_role TO authenticator;);
my $defaults = q(
	GRANT USAGE ON SCHEMA %1$s TO anon, authenticated, service_role, nobody;
	ALTER DEFAULT PRIVILEGES IN SCHEMA %1$s GRANT ALL ON TABLES TO anon, authenticated, service_role;
	ALTER DEFAULT PRIVILEGES IN SCHEMA %1$s GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
	ALTER DEFAULT PRIVILEGES IN SCHEMA %1$s GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;);
$node->safe_psql('postgres', $roles . sprintf($defaults, 'public') . 'CREATE EXTENSION leadpool;');

# The same in a schema of its own, where the roles have no USAGE of their own.
$node->safe_psql('postgres', 'CREATE DATABASE own');
$node->safe_psql('own', 'CREATE SCHEMA pool; CREATE EXTENSION leadpool SCHEMA pool;');

# code: SQLSTATE of a statement run under a role, or ok.
sub code
{
	my ($role, $sql, $database) = @_;
	my ($status, $out, $err) = $node->psql($database // 'postgres',
		"\\set VERBOSITY sqlstate\nBEGIN; SET LOCAL ROLE $role;\n$sql;\nROLLBACK;");
	return $err =~ /ERROR:\s+(\w{5})/ ? $1 : 'ok';
}

my %object;
for my $line (split /\n/, $node->safe_psql('postgres', 'SELECT kind, object, who FROM lead_grants ORDER BY 1, 2'))
{
	my ($kind, $object, $who) = split /\|/, $line;
	push @{ $object{$kind} }, [ $object, $who ];
}

# Every privilege that these roles have on anything of ours.
for my $role ('anon', 'authenticated', 'nobody')
{
	is($node->safe_psql('postgres', qq(
		SELECT string_agg(x.name, ',') FROM (
			SELECT c.oid::regclass::text AS name FROM pg_class c JOIN lead_grants g ON g.object = c.relname
			WHERE has_table_privilege('$role', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
			   OR has_any_column_privilege('$role', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
			UNION ALL
			SELECT p.oid::regprocedure::text FROM pg_proc p JOIN lead_grants g ON g.object = p.proname
			WHERE has_function_privilege('$role', p.oid, 'EXECUTE')) x)),
		'', "$role has no privilege on anything");
}

# And tried: reading and calling.
for my $role ('anon', 'authenticated')
{
	is(code($role, 'SELECT count(*) FROM lead_pool'), '42501', "$role cannot read lead_pool");
	is(code($role, 'SELECT count(*) FROM lead_suppressions'), '42501', "$role cannot read lead_suppressions");
	is(code($role, 'DELETE FROM lead_assignments'), '42501', "$role cannot write");
	is(code($role, q(SELECT lp_find_lead('a@b.example'))), '42501', "$role cannot look a lead up");
	is(code($role, q(SELECT lp_suppress('email', 'a@b.example', 'operator'))), '42501', "$role cannot call lp_suppress");
}

# service_role reads and executes, writes no table, and is no operator.
my $write = 0;
for (@{ $object{table} }, @{ $object{view} })
{
	my ($name, $who) = @$_;
	is(code('service_role', "SELECT count(*) FROM $name"), $who eq 'owner' ? '42501' : 'ok', "service_role and $name");
	$write++ if code('service_role', "DELETE FROM $name") ne '42501' && $name !~ /^lead_(grants|unmapped_paths|personal_data|worker_status|job_stats|provider_stats|proof_\w+)$/;
}
is($write, 0, 'service_role deletes from no table');

my $client = "'10000000-0000-7000-8000-000000000001'";
my $lead = "'20000000-0000-7000-8000-000000000001'";
is(code('service_role', "SELECT lp_client_set($client, 'A')"), 'ok', 'service_role sets a client');
is(code('service_role', q(SELECT * FROM lp_capture_apollo('{"person": {"id": "p1", "email": "a@tarn.example"}}'))), 'ok', 'captures');
is(code('service_role', "SELECT lp_client_set($client, 'A'); SELECT * FROM lp_allocate($client, NULL, 1)"), 'ok', 'allocates');
is(code('service_role', "SELECT * FROM lp_jit_claim($lead, $client, 'email')"), 'ok', 'claims');
is(code('service_role', q(SELECT * FROM lp_record_event('unsubscribed', email => 'a@tarn.example'))), 'ok', 'records an event');

# Operator functions, by calling each with nulls: the permission is looked at
# first, so that service_role never learns whether the arguments were good.
my @operator = map { $_->[0] } grep { $_->[1] eq 'operator' } @{ $object{function} };
cmp_ok(scalar(@operator), '>=', 3, 'there are operator functions');
for my $function (@operator)
{
	my $call = $node->safe_psql('postgres', qq(
		SELECT format('SELECT %s(%s)', p.oid::regproc, string_agg('NULL::' || format_type(a, NULL), ', '))
		FROM pg_proc p LEFT JOIN LATERAL unnest(p.proargtypes) a ON true WHERE proname = '$function' GROUP BY p.oid));
	next if $call eq '';
	is(code('service_role', $call), '42501', "service_role is refused $function");
	is(code('nobody', $call), '42501', "a user without a role is refused $function");
	isnt(code('leadpool_operator', $call), '42501', "leadpool_operator may call $function");
	isnt(code('jane', $call), '42501', "and so may a member of it");
}

# Operators change the rules, no other table.
is(code('leadpool_operator', "INSERT INTO lead_score_weights VALUES ('seniority', 'test', 1)"), 'ok', 'an operator adds a rule');
is(code('leadpool_operator', "DELETE FROM lead_suppressions"), '42501', 'but writes no other table');
is(code('service_role', "INSERT INTO lead_score_weights VALUES ('seniority', 'test', 1)"), '42501', 'service_role adds none');

# Anyone can SET the claims of a token: they count for the logins named only.
my $claims = q(SET LOCAL request.jwt.claims = '{"role": "authenticated", "app_metadata": {"leadpool_role": "operator"}}';);
is(code('service_role', "$claims SELECT lp_grant()"), '42501', 'claims set by a session do not make an operator');

# A definer function that calls ours is judged by who calls it.
$node->safe_psql('postgres', q(
	CREATE FUNCTION trick() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN RETURN lp_unsuppress('30000000-0000-7000-8000-000000000001', 'trick'); END$$;
	ALTER FUNCTION trick() OWNER TO jane;
	GRANT EXECUTE ON FUNCTION trick() TO nobody;));
is(code('nobody', 'SELECT trick()'), '42501', 'nor does a definer function of an operator');
is(code('jane', 'SELECT trick()'), '42704', '(which the operator may call: no such ban)');

# Settings decide whom one may contact: no ordinary session changes them.
my @settings = split /\n/, $node->safe_psql('postgres',
	"LOAD 'leadpool'; SELECT name FROM pg_settings WHERE name LIKE 'leadpool.%' ORDER BY 1");
cmp_ok(scalar(@settings), '>=', 14, 'there are settings');
for my $name (@settings)
{
	my $set = code('service_role', "SELECT lp_new_id(); SET $name = '1'");
	like($set, qr/^(42501|55P02)$/, "service_role cannot set $name");
}

# Nor before the library is loaded, when the name means nothing yet.
my ($status, $out, $err) = $node->psql('postgres', "SET leadpool.now = '2031-01-01'; SELECT lp_new_id() IS NOT NULL; SHOW leadpool.now",
	extra_params => [ '-U', 'jane' ]);
unlike($out, qr/2031/, 'a value set before the library is loaded does not count');
like($err, qr/permission denied to set parameter "leadpool.now"/, 'and is refused');

# The schema of its own: granted to the two roles by lp_grant alone.
is(code('service_role', 'SELECT count(*) FROM pool.lead_pool', 'own'), 'ok', 'USAGE on a schema of its own is granted');
is(code('service_role', "SELECT pool.lp_client_set($client, 'A')", 'own'), 'ok', 'and functions work there');
is(code('anon', 'SELECT count(*) FROM pool.lead_pool', 'own'), '42501', 'not to anon');
is(code('authenticated', "SELECT pool.lp_client_set($client, 'A')", 'own'), '42501', 'not to authenticated');

# Roles made later get their grants by lp_grant().
$node->safe_psql('own', 'DROP OWNED BY service_role');
is(code('service_role', 'SELECT count(*) FROM pool.lead_pool', 'own'), '42501', 'a role without grants');
$node->safe_psql('own', 'SELECT pool.lp_grant()');
is(code('service_role', 'SELECT count(*) FROM pool.lead_pool', 'own'), 'ok', 'has them after lp_grant()');

# Not even a superuser's own grant survives where nothing may be granted.
$node->safe_psql('postgres', 'GRANT ALL ON lead_suppressions TO anon, authenticated; GRANT EXECUTE ON FUNCTION lp_suppress TO anon, PUBLIC');
$node->safe_psql('postgres', 'SELECT lp_grant()');
is(code('anon', 'SELECT count(*) FROM lead_suppressions'), '42501', 'lp_grant takes a stray grant away');
is(code('anon', q(SELECT lp_suppress('email', 'a@b.example', 'operator'))), '42501', 'from functions too');

$node->stop;
done_testing();

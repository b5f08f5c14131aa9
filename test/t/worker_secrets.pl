# Keys of providers: from Vault, else from a file, and never anywhere else.
use strict;
use warnings;
use lib "$ENV{LEADPOOL_TOP}/test/lib";
use Calls;
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;

my $run = Calls->new('main', key => undef, conf => "log_statement = 'all'\nlog_min_messages = debug1\n");
my $standin = $run->standin;
my ($key, $other) = ('secret-0123456789abcdef-EXAMPLE', 'vault-fedcba9876543210-EXAMPLE');
$standin->settings({ apollo => { keys => { $key => {}, $other => {} } } });

sub check { return $run->check('ok, detail') }

# No key, an open file, a changed one.
is($run->ask([ $run->people(1) ]), 'queued 1', 'asked without a key');
$run->wait_for("count(*) = 1 FROM lead_worker_events WHERE code = 'no_secret'");
is($run->sql('SELECT state, attempts FROM lead_jobs'), 'queued|0', 'the job waits, an event tells why');
is(check(), 'f|no secret is set for that provider', 'as a check does');
$run->secret($key, 0644);
is(check(), 'f|no secret is set for that provider', 'a file that is open to others is not used');
$run->secret("$key\nx-evil: 1");
is(check(), 'f|no secret is set for that provider', 'nor one that would add a header');
$run->secret($key);
is(check(), 't|the provider takes the key', 'a private one is');
$run->wait_jobs('done', 1);
pass('and the job goes on');
$run->secret($other);
is(check(), 't|the provider takes the key', 'a changed key is noticed');
$run->secret($key);

# A schema of that name, by somebody who may make schemas.
$run->sql(q(CREATE ROLE mallory LOGIN; GRANT CREATE ON DATABASE postgres TO mallory;
	SET ROLE mallory;
	CREATE SCHEMA vault;
	CREATE TABLE vault.ran (who text);
	GRANT ALL ON SCHEMA vault TO PUBLIC; GRANT ALL ON vault.ran TO PUBLIC;
	CREATE FUNCTION vault.steal() RETURNS text LANGUAGE plpgsql AS $$BEGIN INSERT INTO vault.ran VALUES (current_user); RETURN 'mine'; END$$;
	CREATE VIEW vault.decrypted_secrets AS SELECT 'leadpool_apollo_key'::text AS name, vault.steal() AS decrypted_secret, now() AS updated_at;
	GRANT SELECT ON vault.decrypted_secrets TO PUBLIC));
is(check(), 't|the provider takes the key', 'a vault that anybody made is passed over');
is($run->sql('SELECT count(*) FROM vault.ran'), 0, 'nothing of it runs');
$run->sql('DROP SCHEMA vault CASCADE; DROP OWNED BY mallory; DROP ROLE mallory');

# What a superuser made is read, whatever was granted, and without updated_at.
$run->sql(qq(CREATE SCHEMA vault; CREATE TABLE vault.secrets (name text, secret text);
	CREATE VIEW vault.decrypted_secrets AS SELECT name, secret AS decrypted_secret FROM vault.secrets;
	INSERT INTO vault.secrets VALUES ('leadpool_apollo_key', 'wrong')));
is(check(), 'f|the provider does not take the key', 'a vault of a superuser counts');
$run->sql("UPDATE vault.secrets SET secret = '$other'");
is(check(), 't|the provider takes the key', 'its key is read anew');
$run->sql('DELETE FROM vault.secrets');
is(check(), 't|the provider takes the key', 'an empty one: the file');
$run->sql('DROP SCHEMA vault CASCADE');

# The real one: installed into this test's own copy of PostgreSQL.
my $sharedir = `pg_config --sharedir`;
chomp $sharedir;
SKIP:
{
	my $made = open(my $control, '>', "$sharedir/extension/supabase_vault.control");
	skip 'the copy of PostgreSQL cannot be written', 4 unless $made;
	print $control "default_version = '0'\nrelocatable = false\nschema = vault\n";
	close $control;
	unlink "$sharedir/extension/supabase_vault--0.sql";
	append_to_file("$sharedir/extension/supabase_vault--0.sql", q(
CREATE TABLE vault.secrets (name text, secret text, updated_at timestamptz DEFAULT now());
CREATE VIEW vault.decrypted_secrets AS SELECT name, secret AS decrypted_secret, updated_at FROM vault.secrets WHERE length(secret) / (length(secret) - 3) >= 0;
));
	$run->sql('CREATE SCHEMA vault; CREATE EXTENSION supabase_vault');
	is(check(), 't|the provider takes the key', 'an empty Vault: the file');
	$run->sql(qq(GRANT USAGE ON SCHEMA vault TO leadpool_owner; GRANT SELECT ON vault.decrypted_secrets TO leadpool_owner;
		INSERT INTO vault.secrets VALUES ('leadpool_apollo_key', 'old', '2020-01-01'), ('leadpool_apollo_key', 'wrong')));
	is(check(), 'f|the provider does not take the key', 'what is in Vault counts');
	$run->sql("INSERT INTO vault.secrets VALUES ('leadpool_apollo_key', '$other', now() + interval '1 second')");
	is(check(), 't|the provider takes the key', 'the newest of it');
	$run->sql("INSERT INTO vault.secrets VALUES ('leadpool_apollo_key', 'abc')");
	is(check(), 't|the provider takes the key', 'a Vault that fails is as none');
	$run->sql('DROP EXTENSION supabase_vault CASCADE; DROP SCHEMA vault CASCADE');
	unlink "$sharedir/extension/supabase_vault.control", "$sharedir/extension/supabase_vault--0.sql";
}

# Nowhere: things go wrong in every way, and the key shows in none.
$standin->script([ { do => { status => 500, body => "your key $key" }, times => 1 }, { do => { hang => 1 }, times => 1 },
		{ do => { status => 422, body => qq({"error_code": "$key", "error": "$key"}) }, times => 1 } ]);
$run->ask([ $run->people(30) ]);
$run->wait_quiet;
check();
$run->set(apollo_rate => '100/s');
my %places = (
	'the log' => join('', grep { !/statement: |^\t/ } split /^/, slurp_file($run->node->logfile)),
	'a dump' => join('', `pg_dump -h @{[ $run->node->host ]} -p @{[ $run->node->port ]} postgres`),
	'pg_stat_activity' => $run->sql('SELECT * FROM pg_stat_activity'),
	'settings' => $run->sql('SELECT * FROM pg_settings'),
	'the views' => join('', map { $run->sql("TABLE $_") } qw(lead_worker_status lead_job_stats lead_provider_stats lead_worker_events lead_jobs lead_provider_calls lead_provider_state)),
	'file settings' => $run->sql('SELECT * FROM pg_file_settings'),
);
for my $place (sort keys %places)
{
	isnt($places{$place}, '', "$place: there is something");
	unlike($places{$place}, qr/\Q$key\E|\Q$other\E/, "$place: no key");
}
$run->node->stop;
done_testing();

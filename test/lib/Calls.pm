# Calls.pm
#	  A database whose worker calls the stand-in for Apollo.
#
#	my $run = Calls->new('name', apollo => {...}, conf => "...", key => undef);
#	$run->people(5)              captures so many unknown people; their lead ids
#	$run->ask([ids], '{...}')    lp_enrich; "queued 5" and the like
#	$run->wait_jobs('done', 5)   until so many jobs are in a state
#	$run->set(name => value)     a setting, reloaded by everybody
#	$run->check('ok, detail')    columns of lp_provider_check
#
# People of one run differ from those of the next; nothing goes wrong at the
# stand-in unless a test says so.
package Calls;

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Standin;
use Test::More;
use Time::HiRes qw(sleep time);

# A budget is that of a UTC day: a test that counts it begins where enough of
# the day is left for all of it.
sub await_day
{
	my $left = 86400 - time % 86400;
	sleep $left + 1 if $left < 300;
	return;
}

sub new
{
	my ($class, $name, %options) = @_;
	await_day();
	my $self = bless { count => 0, number => 0 }, $class;
	my $key = exists $options{key} ? $options{key} : 'apollo-EXAMPLE';
	$self->{standin} = Standin->start(
		settings => {
			apollo => {
				limits => undef, invent => \1, not_found_percent => 0, locked_percent => 0,
				no_email_percent => 0, %{ $options{apollo} // {} }
			}
		});
	$self->{secrets} = PostgreSQL::Test::Utils::tempdir();
	$self->secret($key) if defined $key;
	my $node = $self->{node} = PostgreSQL::Test::Cluster->new($name);
	my $base = $self->{standin}->url('apollo') . '/api/v1';
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf', qq{
fsync = off
log_min_messages = info
leadpool.secrets_dir = '$self->{secrets}'
leadpool.apollo_base_url = '$base'
leadpool.allow_loopback_http = on
leadpool.apollo_daily_credits = 100000
leadpool.apollo_rate = '0'
leadpool.backoff_base = '20ms'
} . ($options{conf} // ''));
	$node->start;
	$self->sql('CREATE EXTENSION leadpool; SELECT lp_worker_start()');
	return $self;
}

sub node { return $_[0]{node} }
sub standin { return $_[0]{standin} }
sub sql { return $_[0]{node}->safe_psql('postgres', $_[1]) }

# SQLSTATE of a statement, or "ok".
sub code
{
	my ($self, $sql) = @_;
	my ($rc, $out, $err) = $self->{node}->psql('postgres', "\\set VERBOSITY sqlstate\n$sql");
	return $err =~ /ERROR:\s+(\w{5})/ ? $1 : 'ok';
}

# What a check of the provider says.  A worker that is busy may leave one without
# an answer.
sub check
{
	my ($self, $columns) = @_;
	my $sql = "SELECT $columns FROM lp_provider_check('apollo')";
	for (1 .. 4)
	{
		my ($rc, $out, $err) = $self->{node}->psql('postgres', $sql);
		return $out if $rc == 0;
		note($err);
	}
	return $self->sql($sql);
}

sub secret
{
	my ($self, $key, $mode) = @_;
	my $file = "$self->{secrets}/leadpool_apollo_key";
	unlink $file;
	append_to_file($file, "$key\n");
	return chmod $mode // 0600, $file;
}

# Nobody asked, nothing is going on at the stand-in.
sub people
{
	my ($self, $n) = @_;
	my $from = $self->{number} + 1;
	my $to = $self->{number} += $n;
	return split /\n/, $self->sql(qq(
		SELECT lead_id FROM lp_capture_apollo((SELECT jsonb_build_object('people', jsonb_agg(jsonb_build_object(
			'id', 'aaaa' || lpad(to_hex(i), 20, '0'), 'first_name', 'P' || i) ORDER BY i)) FROM generate_series($from, $to) i)) ORDER BY ordinal));
}

sub apollo_id { return $_[0]->sql("SELECT apollo_id FROM lead_pool WHERE id = '$_[1]'") }

sub ask
{
	my ($self, $ids, $options) = @_;
	$options //= '{}';
	my $list = join ',', @$ids;
	return $self->sql(qq(SELECT string_agg(outcome || ' ' || n, ', ' ORDER BY outcome) FROM (
		SELECT outcome, count(*) AS n FROM lp_enrich('{$list}'::uuid[], 'test', '$options') GROUP BY 1) o));
}

sub wait_for
{
	my ($self, $condition) = @_;
	return 1 if $self->{node}->poll_query_until('postgres', "SELECT $condition");
	diag($self->sql('SELECT kind, state, error_code, error, count(*) FROM lead_jobs GROUP BY 1, 2, 3, 4; TABLE lead_worker_status'));
	die "waited in vain: $condition\n";
}

sub wait_jobs
{
	my ($self, $state, $n) = @_;
	return $self->wait_for("count(*) = $n FROM lead_jobs WHERE state = '$state'");
}

# No job waits or is under way, no answer waits to be captured.
sub wait_quiet
{
	my ($self) = @_;
	return $self->wait_for("NOT EXISTS (SELECT FROM lead_jobs WHERE state IN ('queued', 'leased', 'started'))"
		. ' AND NOT EXISTS (SELECT FROM lead_provider_answers WHERE error IS NULL)');
}

# Jobs, calls and the rules begin anew; leads and money stay.
sub begin
{
	my ($self) = @_;
	$self->standin->script([]);
	$self->sql('DELETE FROM lead_provider_answers; DELETE FROM lead_jobs; DELETE FROM lead_provider_calls;'
		. ' DELETE FROM lead_webhook_tokens; DELETE FROM lead_budgets; DELETE FROM lead_provider_state; DELETE FROM lead_worker_events;');
	$self->restart_worker;
	$self->{ledger} = () = $self->standin->ledger(provider => 'apollo');
	return;
}

# What the stand-in counted since.
sub calls
{
	my ($self) = @_;
	my @lines = $self->standin->ledger(provider => 'apollo');
	my @new = @lines[ ($self->{ledger} // 0) .. $#lines ];
	return @new;
}

sub restart_worker
{
	my ($self) = @_;
	return $self->sql('SELECT lp_worker_stop(); SELECT lp_worker_start()');
}

# When it returns, the worker has had a turn since: one that is paused has none.
sub set
{
	my ($self, %settings) = @_;
	$self->{node}->append_conf('postgresql.conf', "leadpool.$_ = '$settings{$_}'") for sort keys %settings;
	my $loaded = $self->sql('SELECT pg_conf_load_time()');
	$self->sql('SELECT pg_reload_conf()');
	$self->wait_for("pg_conf_load_time() > '$loaded'");
	$self->wait_for("pid IS NULL OR state = 'paused' OR last_turn_at > pg_conf_load_time() FROM lead_worker_status");
	return;
}

# What the day's budget and the ledger say, and the stand-in.
sub money
{
	my ($self) = @_;
	my $told = 0;
	$told += $_->{credits} for $self->calls;
	return $self->sql(q(SELECT format('spent %s reserved %s', trim_scale(sum(spent)), trim_scale(sum(reserved))) FROM lead_budgets))
	  . $self->sql(q(SELECT format(' ledger %s reserved %s', trim_scale(sum(credits)), trim_scale(sum(reserved))) FROM lead_provider_calls))
	  . " told $told";
}

1;

# Enrichment.pm
#	  A database whose worker enriches leads at the stand-in, and the sums that
#	  have to agree in the end whatever was killed on the way.
#
#	my $run = Enrichment->new('name', leads => 400, conf => "...", apollo => {...});
#	$run->ask($n)                    lp_enrich for the next n leads
#	$run->settle                     what an operator does with unknown jobs
#	$run->kill_worker, kill_server, kill_standin
#	$run->disagreements              lines that say what does not agree; none is right
#
# An operator's retries are entered in the table operator_retries in the
# transaction that makes them: a call may follow an unknown one only for each.
package Enrichment;

use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Standin;
use Test::More;
use Time::HiRes qw(time usleep);

sub new
{
	my ($class, $name, %options) = @_;
	my $self = bless { leads => $options{leads} }, $class;
	$self->{standin} = Standin->start(
		settings => {
			apollo => {
				limits => undef, invent => \1, not_found_percent => 0, locked_percent => 0,
				no_email_percent => 0, credits => 1000000, %{ $options{apollo} // {} }
			}
		});
	my $secrets = PostgreSQL::Test::Utils::tempdir();
	append_to_file("$secrets/leadpool_apollo_key", "apollo-EXAMPLE\n");
	chmod 0600, "$secrets/leadpool_apollo_key";
	my $node = $self->{node} = PostgreSQL::Test::Cluster->new($name);
	my $base = $self->{standin}->url('apollo') . '/api/v1';
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	# A signal loses nothing that the kernel has: fsync may be off.
	$node->append_conf('postgresql.conf', qq{
fsync = off
autovacuum = off
restart_after_crash = on
log_min_messages = info
shared_preload_libraries = 'leadpool'
leadpool.databases = 'postgres'
leadpool.secrets_dir = '$secrets'
leadpool.apollo_base_url = '$base'
leadpool.allow_loopback_http = on
leadpool.apollo_daily_credits = -1
leadpool.apollo_rate = '0'
leadpool.max_connections_per_host = 3
leadpool.backoff_base = '20ms'
leadpool.breaker_pause = '1s'
} . ($options{conf} // ''));
	$node->start;
	$self->sql(q(CREATE EXTENSION leadpool; SELECT lp_worker_start();
		CREATE TABLE operator_retries (job_id bigint, state text);));
	$self->sql(qq(
		SELECT count(*) FROM generate_series(0, ($options{leads} - 1) / 100) g, lp_capture_apollo(jsonb_build_object('people', (
			SELECT jsonb_agg(jsonb_build_object('id', lpad(to_hex(i), 24, '0'), 'first_name', 'P' || i))
			FROM generate_series(g * 100 + 1, least($options{leads}, g * 100 + 100)) i)));
		CREATE TABLE asked (subject text, apollo_id text);));
	return $self;
}

sub node { return $_[0]{node} }
sub standin { return $_[0]{standin} }

# The server may just be ending or starting.
sub sql
{
	my ($self, $sql) = @_;
	my $until = time + 60;
	for (;;)
	{
		# what psql does not read any more is a broken pipe here
		my ($rc, $out, $err) = eval { $self->{node}->psql('postgres', $sql, on_error_stop => 1) };
		($rc, $err) = (2, $@) unless defined $rc;
		return $out if $rc == 0;
		die "$sql: $err" if time > $until || $err =~ /^psql:\S+ ERROR/m;
		usleep(10_000);
	}
}

# Longer than the minute after which the worker looks by itself, or as long as said.
sub wait_for
{
	my ($self, $sql, $seconds) = @_;
	my $until = time + ($seconds // 100);
	while (time < $until)
	{
		return 1 if $self->sql($sql) eq 't';
		usleep(5_000);
	}
	$self->tell('SELECT kind, state, error_code, count(*) FROM lead_jobs GROUP BY 1, 2, 3', 'TABLE lead_worker_status',
		'SELECT code, message FROM lead_worker_events', 'SELECT call_id, later, error, deaths FROM lead_provider_answers',
		'SELECT pid, backend_type, wait_event_type, wait_event, query FROM pg_stat_activity');
	die "waited in vain: $sql\n";
}

# What there is to see, as far as there is an extension.
sub tell
{
	my ($self, @queries) = @_;
	for my $query (@queries)
	{
		diag("$query: " . (eval { $self->sql($query) } // $@));
	}
	return;
}

# sql may have to say it again though it has been done: then nobody is left to
# ask about, and all were queued.
sub ask
{
	my ($self, $n) = @_;
	my $goal = $n + $self->sql('SELECT count(*) FROM asked');
	return $self->sql(qq(WITH next AS (INSERT INTO asked SELECT id::text, apollo_id FROM lead_pool
			WHERE id::text NOT IN (SELECT subject FROM asked) ORDER BY apollo_id
			LIMIT greatest(0, $goal - (SELECT count(*) FROM asked)) RETURNING *)
		SELECT coalesce(string_agg(DISTINCT outcome, ' '), 'queued') FROM lp_enrich(ARRAY(SELECT subject::uuid FROM next ORDER BY apollo_id))));
}

# Every job that nobody knows about, and every dead one, again.
sub settle
{
	my ($self) = @_;
	return $self->sql(q(WITH open AS MATERIALIZED (SELECT id, state FROM lead_jobs WHERE state IN ('unknown', 'dead')),
		noted AS (INSERT INTO operator_retries SELECT id, state FROM open)
		SELECT count(lp_job_retry(id)) FROM open));
}

# Waits until so many jobs are done; an operator helps where all wait for one.
sub progress
{
	my ($self, $done, $seconds) = @_;
	my $until = time + ($seconds // 120);
	while (time < $until)
	{
		my ($have, $open) = split /\|/, $self->sql(
			q(SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state IN ('queued', 'leased', 'started')) FROM lead_jobs));
		return 1 if $have >= $done;
		$self->settle if $open == 0;
	}
	return 0;
}

sub wait_worker
{
	my ($self, $not) = @_;
	return $self->wait_for("SELECT coalesce(pid <> $not AND state IN ('idle', 'working'), false) FROM lead_worker_status");
}

sub worker { return $_[0]->sql('SELECT coalesce(pid, 0) FROM lead_worker_status') }

sub kill_worker
{
	my ($self) = @_;
	my $pid = $self->worker or return;
	kill 'KILL', $pid;
	return $self->wait_worker($pid);
}

# What is left of a server keeps the next from starting until it has noticed.
sub kill_server
{
	my ($self) = @_;
	my $node = $self->{node};
	my @left = split /\|/, $self->sql(q(SELECT string_agg(pid::text, '|') FROM pg_stat_activity WHERE pid <> pg_backend_pid()));
	push @left, (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	my $until = time + 60;
	$node->kill9;
	while (grep { kill 0, $_ } @left)
	{
		die 'the server did not end' if time > $until;
		usleep(5_000);
	}
	until ($node->start(fail_ok => 1))
	{
		die 'the server did not start again' if time > $until;
		$node->kill9;
	}
	return $self->wait_worker(0);
}

sub kill_standin
{
	my ($self, $pause) = @_;
	$self->{standin}->kill9;
	usleep($pause);
	return $self->{standin}->restart;
}

sub rows
{
	my ($self, $sql) = @_;
	return @{ decode_json($self->sql("SELECT coalesce(json_agg(r), '[]') FROM ($sql) r")) };
}

# Both ledgers, call by call: what the stand-in counted belongs to the last
# call about the same people that had begun by then.
sub compare_ledgers
{
	my ($self) = @_;
	my (%ours, @wrong);
	my $sums = $self->{sums} = { calls => 0, credits => 0, unknown => 0, unsent => 0, unknown_billed => 0 };
	for my $call ($self->rows(q(SELECT c.id, c.outcome, coalesce(c.reason, '') AS reason, c.credits::float8, c.reserved::float8,
			extract(epoch FROM c.started_at)::float8 AS at, c.finished_at IS NOT NULL AS finished,
			(SELECT string_agg(coalesce(a.apollo_id, '?'), ',' ORDER BY s.n) FROM unnest(c.subjects) WITH ORDINALITY s(subject, n)
			 LEFT JOIN asked a USING (subject)) AS people
		FROM lead_provider_calls c ORDER BY c.id)))
	{
		$call->{theirs} = [];
		push @{ $ours{ $call->{people} } }, $call;
	}
	my @lines = $self->{standin}->ledger(provider => 'apollo');
	# Where the answer was about somebody else, there is nothing to enrich with.
	$self->{doubled} = join ',', map { @{ $_->{subjects} } } grep { grep { $_ eq 'duplicates' } @{ $_->{fault} // [] } } @lines;
	for my $line (@lines)
	{
		my $of = $ours{ join ',', @{ $line->{subjects} } } // [];
		my ($call) = grep { $_->{at} <= $line->{at} + 0.002 } reverse @$of;
		push @wrong, "the stand-in's call $line->{n} is missing" unless $call;
		push @{ $call->{theirs} }, $line if $call;
	}
	for my $call (map { @$_ } values %ours)
	{
		my @theirs = @{ $call->{theirs} };
		my $name = "call $call->{id} ($call->{outcome} $call->{reason})";
		my $billed = 0;
		$billed += $_->{credits} for @theirs;
		$sums->{calls}++;
		$sums->{credits} += $call->{credits};
		push @wrong, "$name did not end" unless $call->{finished};
		push @wrong, "$name was made " . @theirs . ' times' if @theirs > 1;
		if ($call->{outcome} eq 'unknown')
		{
			$sums->{unknown}++;
			$sums->{unsent}++ unless @theirs;
			$sums->{unknown_billed} += $billed;
			$sums->{reasons}{ $call->{reason} }++;
			push @wrong, "$name says no reason" if $call->{reason} eq '';
			push @wrong, "$name costs $call->{credits}, not at most $call->{reserved}"
			  if $call->{credits} != 0 || $billed > $call->{reserved};
			next;
		}
		push @wrong, "$name costs $call->{credits}, the stand-in counted $billed" if $call->{credits} != $billed;
		push @wrong, "$name keeps $call->{reserved}" if $call->{reserved} != 0;
		push @wrong, "$name is not known to the stand-in" if !@theirs && $call->{reason} !~ /^(?:not_sent|refused_url)$/;
	}
	return @wrong;
}

# What holds at the end, when no job is open.  "repeats": how often a job may be
# called for again after an unknown call before an operator is needed.
sub disagreements
{
	my ($self, $repeats) = @_;
	$repeats //= 0;
	my @wrong = $self->compare_ledgers;
	my %none = (
		'jobs that are not done' => q(SELECT id, state, error_code FROM lead_jobs WHERE state <> 'done'),
		'leads without exactly one job' => q(SELECT a.apollo_id FROM asked a LEFT JOIN lead_jobs j ON j.subject = a.subject
			GROUP BY 1 HAVING count(j.id) <> 1),
		'people answered about other than once' => q(SELECT s.subject FROM lead_provider_calls c, unnest(c.subjects) s(subject)
			WHERE c.outcome IN ('ok', 'not_found') GROUP BY 1 HAVING count(*) <> 1),
		'jobs called for again without an operator' => qq(SELECT j.id, r.n AS retries, u.n AS unknown FROM lead_jobs j,
			LATERAL (SELECT count(*) AS n FROM operator_retries o WHERE o.job_id = j.id AND o.state = 'unknown') r,
			LATERAL (SELECT count(*) AS n FROM lead_provider_calls c WHERE j.subject = ANY (c.subjects) AND c.outcome = 'unknown') u
			WHERE u.n < r.n OR u.n > r.n * ($repeats + 1) + $repeats),
		'days whose budget is not the ledger' => q(SELECT b.*, c.* FROM lead_budgets b FULL JOIN (
			SELECT provider, (started_at AT TIME ZONE 'UTC')::date AS day, sum(credits) AS credits, sum(reserved) AS kept
			FROM lead_provider_calls GROUP BY 1, 2) c USING (provider, day)
			WHERE (b.spent, b.reserved) IS DISTINCT FROM (c.credits, c.kept)),
		'proofs of a double spend' => 'SELECT * FROM lead_proof_double_spend',
		'proofs of a field that was lost' => 'SELECT * FROM lead_proof_uncaptured_fields',
		'answers that wait' => q(SELECT call_id, error FROM lead_provider_answers),
		'people found and not enriched' => qq(SELECT j.id, a.apollo_id FROM lead_jobs j JOIN lead_pool l ON l.id = j.lead_id
			JOIN lead_pool p ON p.id = coalesce(l.merged_into, l.id) JOIN asked a USING (subject) WHERE j.found AND p.enriched_at IS NULL AND a.apollo_id <> ALL ('{$self->{doubled}}')),
	);
	for my $name (sort keys %none)
	{
		my @rows = $self->rows($none{$name});
		push @wrong, scalar(@rows) . " $name, as " . encode_json($rows[0]) if @rows;
	}
	return @wrong;
}

1;

# Standin.pm
#	  Starts and steers the stand-in for the providers (test/standin/).
#
#	my $standin = Standin->start(settings => { apollo => { credits => 50 } });
#	$standin->url('apollo')          http://127.0.0.1:PORT/apollo
#	$standin->script([ { match => { provider => 'apollo' }, do => { status => 500 } } ]);
#	$standin->ledger(provider => 'apollo')      list of calls, oldest first
#	$standin->wait_call($n)                     until a call after the nth is entered
#	$standin->kill9; $standin->restart;         same port, same ledger
#
# Options of start: settings; state (default 1: the ledger is on disk); dir
# (default: one that is removed); tls, a PEM file with key and certificate: then
# url('apollo', 'https') is the same in TLS.  What a rule, a setting and a line of the
# ledger are is said in script.py, the providers and ledger.py.  The process
# ends with stop, with the object, and with the process that started it.
package Standin;

use strict;
use warnings;
use Carp;
use File::Basename;
use File::Temp;
use HTTP::Tiny;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep time);

# Seconds: nothing waits for ever.
my $patience = 120;

my $program = dirname(__FILE__) . '/../standin/standin.py';
my %prefix = (twilio => 'lookup');
my $json = JSON::PP->new->utf8->canonical;

sub start
{
	my ($class, %options) = @_;
	my $self = bless {
		dir => $options{dir} // File::Temp::tempdir(CLEANUP => 1),
		state => $options{state} // 1,
		settings => $options{settings} // {},
		tls => $options{tls},
		port => 0,
		tls_port => 0,
		http => HTTP::Tiny->new(timeout => 60, no_proxy => ['127.0.0.1']),
	}, $class;
	$self->restart;
	return $self;
}

# Starts it again, on the port it had.
sub restart
{
	my ($self) = @_;
	$self->stop if $self->{pid};
	my $file = "$self->{dir}/port";
	unlink $file;
	my @command = ('python3', '-B', $program, '--port-file' => $file, '--port' => $self->{port},
		'--log' => "$self->{dir}/requests.log", '--settings' => $json->encode($self->{settings}));
	push @command, '--tls' => $self->{tls}, '--tls-port' => $self->{tls_port} if $self->{tls};
	push @command, '--state' => $self->state_file if $self->{state};
	my $pid = fork() // croak "could not fork: $!";
	if ($pid == 0)
	{
		# Not the pipes of who runs the tests, which wait for their end.
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$self->{dir}/standin.log");
		open(STDERR, '>&', \*STDOUT);
		exec(@command) or POSIX::_exit(127);
	}
	@{$self}{qw(pid owner)} = ($pid, $$);
	for (my $until = time + $patience; !-s $file;)
	{
		croak 'the stand-in did not start in time' if time > $until;
		if (waitpid($pid, POSIX::WNOHANG) == $pid)
		{
			delete $self->{pid};
			croak "the stand-in did not start: " . $self->output;
		}
		sleep 0.01;
	}
	open(my $in, '<', $file) or croak "could not read $file: $!";
	chomp(my @ports = <$in>);
	@{$self}{qw(port tls_port)} = @ports;
	return;
}

sub end
{
	my ($self, $signal) = @_;
	my $pid = delete $self->{pid} or return;
	return if $self->{owner} != $$;
	local $?;
	kill $signal, $pid;
	for (my $until = time + $patience; waitpid($pid, POSIX::WNOHANG) == 0;)
	{
		kill 'KILL', $pid if time > $until;
		sleep 0.005;
	}
	return;
}

sub stop { return $_[0]->end('TERM') }
sub kill9 { return $_[0]->end('KILL') }
sub DESTROY { return $_[0]->end('KILL') }

sub pid { return $_[0]{pid} }
sub port { return $_[0]{port} }
sub state_file { return "$_[0]{dir}/ledger" }

# What it wrote to its error output.
sub output
{
	my ($self) = @_;
	open(my $in, '<', "$self->{dir}/standin.log") or return '';
	local $/ = undef;
	return scalar <$in>;
}

# The base URL to configure for a provider; without one, that of the server.
sub url
{
	my ($self, $provider, $scheme) = @_;
	my $url = ($scheme // 'http') eq 'https' ? "https://127.0.0.1:$self->{tls_port}" : "http://127.0.0.1:$self->{port}";
	return defined $provider ? $url . '/' . ($prefix{$provider} // $provider) : $url;
}

# A call below /_control; its answer.
sub control
{
	my ($self, $method, $path, $body) = @_;
	my $response = $self->{http}->request($method, $self->url . "/_control/$path",
		defined $body ? { content => ref $body ? $json->encode($body) : $body } : {});
	croak "$method $path: $response->{status} $response->{content}" unless $response->{success};
	return $json->decode($response->{content});
}

sub ledger
{
	my ($self, %filter) = @_;
	my $query = join '&', map { "$_=$filter{$_}" } sort keys %filter;
	return @{ $self->control(GET => "ledger?$query") };
}

# The newest line of it.
sub last_call { return ($_[0]->ledger(last => 1))[0] }

sub wait_call
{
	my ($self, $n) = @_;
	for (my $until = time + $patience; ($self->last_call // { n => 0 })->{n} <= $n;)
	{
		croak "no call after call $n" if time > $until;
		sleep 0.01;
	}
	return;
}

sub stats { return $_[0]->control(GET => 'stats') }
sub reset { return $_[0]->control(POST => 'reset') }
sub events { return @{ $_[0]->control(GET => 'events') } }

# Rules in place of those before; without any, all goes well again.
sub script
{
	my ($self, $rules) = @_;
	return $rules && @$rules ? $self->control(POST => 'script', $rules) : $self->control(DELETE => 'script');
}

sub rules { return @{ $_[0]->control(GET => 'script') } }

sub settings
{
	my ($self, $settings) = @_;
	return $self->control($settings ? 'POST' : 'GET', 'settings', $settings);
}

# Whom Apollo knows: ids, addresses and names to ask with.
sub people
{
	my ($self, $from, $count) = @_;
	return @{ $self->control(GET => "people?from=$from&count=$count") };
}

# What Apollo would send to webhook_url, each with url, state and payload.
sub webhooks { return @{ $_[0]->control(GET => 'webhooks') } }

# Settles what waits (request_id, or all) as success, failed or expired.
sub settle
{
	my ($self, %event) = @_;
	return @{ $self->control(POST => 'webhooks', \%event) };
}

sub put_object
{
	my ($self, $bucket, $path, $bytes) = @_;
	s/([^A-Za-z0-9_.-])/sprintf '%%%02X', ord $1/ge for $bucket, $path;
	return $self->control(POST => "object?bucket=$bucket&path=$path", $bytes);
}

1;

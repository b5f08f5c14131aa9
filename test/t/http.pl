# The HTTP engine against a server that misbehaves in every way we know of.
#
# The server is a process for each connection, on loopback; the path of a
# request says what it does.  It writes a line for each connection and request
# to a file, so that a test can ask what really was sent.
use strict;
use warnings;
use IO::Compress::Gzip qw(gzip);
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

# In a tree for which nothing but the extension was installed.
my $module = "$ENV{LEADPOOL_TOP}/tmp/root" . `$ENV{PG_CONFIG} --pkglibdir`;
chomp $module;
plan skip_all => 'the test module is not built' unless -f "$module/leadpool_http_test.so";

my $node = PostgreSQL::Test::Cluster->new('http');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->start;
$node->safe_psql('postgres', q{
	CREATE FUNCTION http_run(urls text[], method text DEFAULT 'GET', headers text[] DEFAULT NULL, body text DEFAULT NULL,
		timeout_ms int DEFAULT 10000, max_body int DEFAULT 100000, free_call boolean DEFAULT false,
		concurrency int DEFAULT 10, per_host int DEFAULT 1000, connect_timeout_ms int DEFAULT 5000,
		loopback boolean DEFAULT true, ca_file text DEFAULT NULL, want text DEFAULT NULL, cancel_after int DEFAULT NULL)
	RETURNS TABLE (call int, outcome text, status int, length bigint, content_type text, error text, ms int, sent boolean,
		body text, header text, in_flight int)
	LANGUAGE C AS 'leadpool_http_test';
	CREATE FUNCTION http_forget() RETURNS void LANGUAGE C AS 'leadpool_http_test';
});

# --- the server

my $log = $node->basedir . '/requests';
my $listen = IO::Socket::INET->new(Listen => 1024, LocalAddr => '127.0.0.1', Proto => 'tcp')
  or die "could not listen: $!";
my $port = $listen->sockport;
my $base = "http://127.0.0.1:$port";

sub note_line
{
	open(my $out, '>>', $log) or die;
	syswrite($out, "$_[0]\n");
	close $out;
	return;
}

sub answer
{
	my ($c, $body, @headers) = @_;
	push @headers, 'Content-Type: application/json' unless grep { /^Content-Type/ } @headers;
	return syswrite($c, join("\r\n", 'HTTP/1.1 200 OK', 'Content-Length: ' . length($body), @headers, '', $body));
}

# A process of the server ends without what Perl does at an exit: the cluster is
# not its own.
sub hang_up
{
	return POSIX::_exit(0);
}

# Only these need more than a line.
my $bomb = '';
gzip(\(my $zeros = "\0" x 20_000_000), \$bomb);
gzip(\(my $small = '{"small": "' . ('x' x 1000) . '"}'), \my $zipped);

my %behaviour = (
	ok => sub { answer($_[0], '{"ok": true}') },
	status => sub { syswrite($_[0], "HTTP/1.1 429 Slow\r\nRetry-After:  7 \r\nX-Empty:\r\nContent-Length: 2\r\n\r\n{}") },
	interim => sub { syswrite($_[0], "HTTP/1.1 103 Early\r\nX-Probe: early\r\n\r\nHTTP/1.1 200 OK\r\nX-PROBE: late\r\nContent-Length: 2\r\n\r\n{}") },
	html => sub { answer($_[0], '<html>', 'Content-Type: text/html; charset=latin1') },
	# /after/N: once N others have asked
	after => sub { my ($others) = $_[1] =~ m{^\S+ /after/(\d+)}; sleep 0.02 while requests('GET ok') < $others; answer($_[0], '{}') },
	silent => sub { sleep 30; hang_up() },
	drip => sub { syswrite($_[0], "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"); for (1 .. 300) { sleep 0.1; syswrite($_[0], 'x') or hang_up() } hang_up() },
	drip_header => sub { syswrite($_[0], "HTTP/1.1 200 OK\r\n"); for (1 .. 300) { sleep 0.1; syswrite($_[0], "X-A: b\r\n") or hang_up() } hang_up() },
	cut => sub { syswrite($_[0], "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"half\":"); hang_up() },
	cut_chunk => sub { syswrite($_[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\"\r\n"); hang_up() },
	bad_chunk => sub { syswrite($_[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"); hang_up() },
	close => sub { hang_up() },
	reset => sub { setsockopt($_[0], SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)); hang_up() },
	nonsense => sub { syswrite($_[0], "SSH-2.0-OpenSSH_9.2\r\n\r\n"); hang_up() },
	huge => sub { syswrite($_[0], "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"); while (1) { syswrite($_[0], 'x' x 65536) or hang_up() } },
	huge_length => sub { syswrite($_[0], "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"); sleep 30; hang_up() },
	huge_header => sub { syswrite($_[0], "HTTP/1.1 200 OK\r\n" . "X-Long: @{['x' x 900]}\r\n" x 90 . "Content-Length: 2\r\n\r\n{}") },
	chunked => sub { syswrite($_[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n5\r\n\": 1}\r\n0\r\nX-Probe: trailer\r\n\r\n") },
	gzip => sub { answer($_[0], $zipped, 'Content-Encoding: gzip') },
	bomb => sub { answer($_[0], $bomb, 'Content-Encoding: gzip') },
	bad_gzip => sub { answer($_[0], 'not gzip at all', 'Content-Encoding: gzip') },
	redirect => sub { syswrite($_[0], "HTTP/1.1 302 Found\r\nLocation: $base/ok/redirected\r\nContent-Length: 0\r\n\r\n") },
	cookie => sub { answer($_[0], '{}', 'Set-Cookie: a=b; path=/') },
	exact => sub { answer($_[0], 'x' x 1000) },
	echo => sub { answer($_[0], $_[1]) },
	# The first request of a connection is answered, the next is not.
	once => sub { $_[2] > 1 ? hang_up() : answer($_[0], '{}') },);

sub serve
{
	my ($c) = @_;
	my $n = 0;
	my $data = '';
	note_line('connection');
	while (1)
	{
		while ($data !~ /\r\n\r\n/)
		{
			hang_up() unless sysread($c, $data, 65536, length $data);
		}
		my ($head, $rest) = split(/\r\n\r\n/, $data, 2);
		my $length = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;
		while (length $rest < $length)
		{
			hang_up() unless sysread($c, $rest, 65536, length $rest);
		}
		my ($method, $what) = $head =~ m{^(\S+) /(\w+)\S*} or hang_up();
		note_line("$method $what" . ($head =~ m{^\S+ /\w+/(\S+)} ? " $1" : ''));
		$behaviour{$what}->($c, "$head\n\n$rest", ++$n);
		$data = substr($rest, $length);
	}
	return;
}

my $test_pid = $$;
my $server = fork();
die "could not fork: $!" unless defined $server;
if ($server == 0)
{
	$SIG{CHLD} = 'IGNORE';
	$SIG{PIPE} = 'IGNORE';
	setpgrp(0, 0);
	while (1)
	{
		my $c = $listen->accept or next;
		my $pid = fork();
		if (defined $pid && $pid == 0)
		{
			$c->blocking(1);
			eval { serve($c) };
			hang_up();
		}
		close $c;
	}
}
close $listen;
my $tls;
my $tls_output;

END
{
	if (defined $test_pid && $$ == $test_pid)
	{
		my $status = $?;
		kill 'KILL', -$server if $server;
		kill 'KILL', $tls if $tls;
		$? = $status;
	}
}

sub requests
{
	my ($pattern) = @_;
	return scalar grep { /$pattern/ } split(/\n/, -e $log ? slurp_file($log) : '');
}

# A call, or several: their columns, as psql prints them.
sub run
{
	my ($columns, $urls, $more) = @_;
	my $list = join(',', map { "'$_'" } ref $urls ? @$urls : $urls);
	return $node->safe_psql('postgres', "SELECT $columns FROM http_run(ARRAY[$list]" . ($more ? ", $more" : '') . ')');
}

# --- answers

is(run('outcome, status, content_type, sent, body', "$base/ok"), 'answer|200|application/json|t|{"ok": true}', 'an answer');
is(run('outcome, status, header', "$base/status", "want => 'retry-AFTER'"), 'answer|429|7', 'a status that is an error is an answer, with its headers');
is(run("header IS NULL, header = ''", "$base/status", "want => 'x-empty'"), 'f|t', 'an empty header is there');
is(run('header', "$base/interim", "want => 'x-probe'"), 'late', "an interim answer's headers do not count");
is(run('content_type', "$base/html"), 'text/html; charset=latin1', 'the content type is what was sent');
is(run('body, header', "$base/chunked", "want => 'x-probe'"), '{"a": 1}|', 'chunked; trailers are dropped');
is(run('outcome, length', "$base/gzip"), 'answer|1013', 'gzip is decoded');
is(run('outcome, length', "$base/exact", 'max_body => 1000'), 'answer|1000', 'as large as allowed');
is(run('outcome, status, length, header', "$base/redirect", "want => 'location'"), "answer|302|0|$base/ok/redirected", 'a redirect is an answer');
is(requests('redirected'), 0, '... and is not followed');

my $echo = run('body', "$base/echo/path?q=1", "'POST', ARRAY['X-One', '1', 'X-None', ''], '{\"a\":1}'");
like($echo, qr{^POST /echo/path\?q=1 HTTP/1\.1\r?$}m, 'method and path');
like($echo, qr/^X-One: 1\r?$/m, 'a header');
like($echo, qr/^X-None:\s*$/m, 'an empty header');
like($echo, qr/\n\n\{"a":1\}$/, 'the body');
unlike($echo, qr/^(Expect|Content-Type|Cookie|Authorization)/mi, 'nothing is added');
like(run('body', "$base/echo", "'DELETE'"), qr/^DELETE /, 'another method');
like(run('body', "$base/echo", "'PATCH', NULL, 'x'"), qr/^PATCH .*\n\nx$/s, 'another method with a body');
is(run('outcome, status, length', "$base/status", "'HEAD'"), 'answer|429|0', 'HEAD');
is(run('length > 300000', "$base/echo", "'POST', NULL, repeat('x', 300000), max_body => 1000000"), 't', 'a large request');

# --- one session: connections and options from call to call

truncate($log, 0);
is($node->safe_psql('postgres', "SELECT count(*), min(outcome) FROM generate_series(1, 20) i, LATERAL http_run(ARRAY['$base/ok'], want => i::text)"),
	'20|answer', '20 calls, one after the other');
is(requests('connection'), 1, '... share a connection');
is( $node->safe_psql('postgres', "
		SELECT outcome, status FROM http_run(ARRAY['$base/status'], 'HEAD');
		SELECT outcome, body FROM http_run(ARRAY['$base/ok']);
		SELECT left(body, 5), body ~ 'X-One' FROM http_run(ARRAY['$base/echo'], 'PUT', ARRAY['X-One', '1'], 'x');
		SELECT left(body, 4), body ~ 'X-One|Content-Length' FROM http_run(ARRAY['$base/echo']);
		SELECT outcome FROM http_run(ARRAY['$base/exact'], max_body => 10);
		SELECT outcome, error FROM http_run(ARRAY['$base/exact'])"),
	"answer|429\nanswer|{\"ok\": true}\nPUT /|t\nGET |f\ntoo_large\nanswer|", 'nothing of a call is left in the next');
$node->safe_psql('postgres', "SELECT FROM http_run(ARRAY['$base/cookie/1', '$base/cookie/2'], concurrency => 1)");
is($node->safe_psql('postgres', "SELECT body ~* 'cookie:' FROM http_run(ARRAY['$base/cookie', '$base/echo'], concurrency => 1) WHERE call = 1"), 'f', 'cookies are not kept');
is( $node->safe_psql('postgres', "
		SELECT outcome FROM http_run(ARRAY['$base/ok']);
		SELECT http_forget();
		SELECT outcome FROM http_run(ARRAY['$base/ok'])"), "answer\n\nanswer", 'an engine can be closed');

# --- deadlines

is(run('outcome, ms >= 2990, sent', "$base/silent", 'timeout_ms => 3000'), 'timeout|t|t', 'no answer');
is(run('outcome, ms >= 2990, length', "$base/drip", 'timeout_ms => 3000'), 'timeout|t|0', 'a body in drips');
is(run('outcome, ms >= 2990', "$base/drip_header", 'timeout_ms => 3000'), 'timeout|t', 'headers in drips');
# Nobody accepts: the queue of a listener holds the first two connections.
{
	my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp') or die;
	my @waiting = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) } 1 .. 4;
	is(run('outcome, sent, ms < 60000', 'http://127.0.0.1:' . $full->sockport . '/ok', 'connect_timeout_ms => 300, timeout_ms => 60000'), 'not_sent|f|t', 'a connection that does not come about');
}

# --- broken answers

is(run('outcome, sent, length, error', "$base/$_"), "broken|t|0|" . {
		cut => 'Transferred a partial file', cut_chunk => 'Transferred a partial file', bad_chunk => 'Failure when receiving data from the peer',
		close => 'Server returned nothing (no headers, no data)', reset => 'Failure when receiving data from the peer',
		nonsense => 'Unsupported protocol', bad_gzip => 'Unrecognized or bad HTTP Content or Transfer-Encoding' }->{$_}, $_)
  for qw(cut cut_chunk bad_chunk close reset nonsense bad_gzip);
is(run('outcome, status, length', "$base/$_"), 'too_large|200|0', $_) for qw(huge huge_length huge_header bomb);
is(run('outcome', "$base/huge_length"), 'too_large', 'what says that it is too large is not waited for');

# --- a kept connection that dies under a request

truncate($log, 0);
is(run('outcome, sent', [ "$base/once/a", "$base/once/b" ], "'POST', NULL, '{}', concurrency => 1"), "answer|t\nbroken|t", 'a call that costs is not sent again');
is(requests('POST once b'), 1, '... the server saw it once');
truncate($log, 0);
is(run('outcome, sent', [ "$base/once/a", "$base/once/b" ], "'POST', NULL, '{}', concurrency => 1, free_call => true"), "answer|t\nanswer|t", 'a call that is free is');
is(requests('POST once b'), 2, '... the server saw it twice');

# --- refused

my $dead = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp')->sockport;
# libcurl's words are others from version to version
like(run('outcome, sent, error', "http://127.0.0.1:$dead/"), qr/^not_sent\|f\|Could(?:n't| not) connect to server: Connection refused$/, 'nobody listens');
is(run('outcome, sent', 'https://name.invalid/'), 'not_sent|f', 'no such name');
truncate($log, 0);
my %url = (
	'ftp://127.0.0.1/x' => 'the URL is neither https nor http',
	'file:///etc/passwd' => 'the URL is neither https nor http',
	'' => 'the URL is neither https nor http',
	'http://192.0.2.1/' => 'http without TLS is for this machine only',
	'http://127.0.0.1.example.com/' => 'http without TLS is for this machine only',
	'http://localhost.example.com/' => 'http without TLS is for this machine only',
	"http://2130706433:$port/ok" => 'http without TLS is for this machine only',
	"http://127.1:$port/ok" => 'http without TLS is for this machine only',
	"http://user\@127.0.0.1:$port/ok" => 'the URL has no plain host',
	"http://127.0.0.1:$port\@example.com/ok" => 'the URL has no plain host',
	"http://127.0.0.1\\\@example.com/" => 'the URL has a character that must be escaped',
	"http://127.0.0.1:$port/ok a" => 'the URL has a character that must be escaped',
	"https://" => 'the URL has no plain host',);
for my $bad (sort keys %url)
{
	is(run('outcome, status, sent, error', $bad), "refused_url|0|f|$url{$bad}", "URL \"$bad\"");
}
is(run('outcome', "$base/ok'||chr(13)||chr(10)||'X-Evil: 1"), 'refused_url', 'a line end in the URL');
is(run('outcome, error', "$base/ok", "headers => ARRAY['X-A', 'b'||chr(13)||chr(10)||'X-Evil: 1']"), "refused_url|a header's value has a control character", 'a line end in a header');
is(run('outcome', "$base/ok", "headers => ARRAY['X-A: b'||chr(10)||'X', '1']"), 'refused_url', "a line end in a header's name");
is(run('outcome', "$base/ok", "method => 'GET /evil HTTP/1.1'||chr(10)"), 'refused_url', 'a line end in the method');
is(run('outcome, error', "$base/ok", 'loopback => false'), 'refused_url|http without TLS is not allowed', 'http where it is not allowed');
is(requests('.'), 0, 'none of these reached the server');
is(run('outcome', "http://localhost:$port/ok"), 'answer', 'localhost is this machine');
{
	local $ENV{http_proxy} = "http://127.0.0.1:$dead";
	local $ENV{ALL_PROXY} = $ENV{http_proxy};
	$node->restart;
	is(run('outcome', "$base/ok"), 'answer', "the environment's proxy is ignored");
}
$node->restart;

# --- many at once

truncate($log, 0);
is( run('count(*), count(*) FILTER (WHERE outcome = \'answer\'), count(DISTINCT call)', [ map { "$base/ok/$_" } 1 .. 1000 ], 'concurrency => 200, timeout_ms => 60000'),
	'1000|1000|1000', '1000 calls, 200 at once');
cmp_ok(requests('connection'), '<=', 200, '... over at most 200 connections');
is(requests('GET ok'), 1000, '... and each was sent once');
truncate($log, 0);
is(run('count(*)', [ map { "$base/ok/$_" } 1 .. 100 ], 'concurrency => 50, per_host => 3, timeout_ms => 60000'), '100', 'more calls than connections to a host');
cmp_ok(requests('connection'), '<=', 3, '... use no more than those');
truncate($log, 0);
is(run('count(*), max(in_flight) FILTER (WHERE call >= 2)', [ ("$base/after/300") x 2, map { "$base/ok/$_" } 1 .. 300 ], 'concurrency => 5, timeout_ms => 60000') . '|' . requests('GET after'),
	'302|4|2', 'slow answers stall nobody, and what ends makes room at once');
is($node->safe_psql('postgres', "
		SELECT count(*) BETWEEN 1 AND 20 FROM http_run(ARRAY(SELECT '$base/' || CASE WHEN i < 10 THEN 'silent' ELSE 'ok' END FROM generate_series(1, 100) i), concurrency => 20, cancel_after => 1);
		SELECT outcome FROM http_run(ARRAY['$base/ok'])"), "t\nanswer", 'calls can be cancelled, and the engine is as new');

# --- the thread

SKIP:
{
	my $session = $node->background_psql('postgres');
	skip 'background_psql without query_safe, or no /proc', 5 unless $session->can('query_safe') && -d '/proc/self/task';
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe("SELECT http_run(ARRAY['$base/ok'])");
	my @blocked = map { slurp_file("$_/status") =~ /^SigBlk:\s+(\w+)/m ? hex $1 : 0 } glob "/proc/$pid/task/*";
	# all but those that no mask can name: KILL, STOP and two of the C library's
	my $all = hex '7ffbfeff';
	is(scalar(grep { ($_ & $all) == $all } @blocked), 1, 'a thread, and no signal gets there');
	is(scalar @blocked, 2, '... beside the first');
	$session->query_safe('SELECT http_forget()');
	is(scalar(my @left = glob "/proc/$pid/task/*"), 1, 'it goes with its engine');
	$session->query_safe("SELECT http_run(ARRAY['$base/ok'])");
	$session->quit;
	truncate($log, 0);
	my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
	for (1 .. 10)
	{
		my $cut = $node->background_psql('postgres', on_error_stop => 0);
		$pid = $cut->query_safe('SELECT pg_backend_pid()');
		$cut->{stdin} .= "SELECT count(*) FROM http_run(ARRAY['$base/silent', '$base/drip']);\n";
		$cut->{run}->pump_nb;
		for my $look (1 .. 3000) { last if requests('GET (silent|drip)') >= 2 * $_; sleep 0.02 }
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 60000)");
		eval { $cut->quit };
	}
	my $crashes = grep { /terminated by signal|was terminated|abnormal/ } split(/\n/, slurp_file($node->logfile));
	is($crashes, 0, 'a session that ends with calls in flight ends in peace');
	is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, '... and the server with it');
}

# --- TLS

SKIP:
{
	my $dir = $node->basedir;
	skip 'no openssl', 5
	  if system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
		  . "-keyout $dir/key.pem -out $dir/cert.pem > $dir/openssl.log 2>&1") != 0;
	$tls = open($tls_output, '-|', "exec openssl s_server -accept 127.0.0.1:0 -www -cert $dir/cert.pem -key $dir/key.pem 2>> $dir/openssl.log") or die;
	my $tls_port;
	local $SIG{ALRM} = sub { die "openssl does not listen\n" };
	alarm 60;
	while (my $line = <$tls_output>)
	{
		last if ($tls_port) = $line =~ /^ACCEPT .*:(\d+)/;
	}
	alarm 0;
	my $url = "https://localhost:$tls_port/";
	# the other words are those of a machine without ca-certificates
	like(run('outcome, sent, error', $url), qr/^not_sent\|f\|(?:SSL certificate problem: self-signed certificate|error adding trust anchors)/, 'an unknown certificate is refused');
	is(run('outcome, status, content_type, header', $url, "ca_file => '$dir/cert.pem'"), 'answer|200|text/html|', '... and taken with ca_file');
	is(run('outcome, sent', "https://127.0.0.1:$tls_port/", "ca_file => '$dir/cert.pem'"), 'not_sent|f', '... for its own name only');
	like(run('outcome, sent, error', $url, "ca_file => '$dir/none.pem'"), qr/^not_sent\|f\|error (?:setting certificate|adding trust anchors)/, 'a ca_file that is missing');
	is( $node->safe_psql('postgres', "
			SELECT outcome FROM http_run(ARRAY['$url'], ca_file => '$dir/cert.pem');
			SELECT outcome FROM http_run(ARRAY['$url'])"), "answer\nnot_sent", 'other limits hold for the next call');
	is(run('outcome', "https://127.0.0.1:$port/ok", 'connect_timeout_ms => 300'), 'not_sent', 'no TLS at the other side');
}

# A pipe is closed only when its writer is gone.
if ($tls)
{
	kill 'KILL', $tls;
	close $tls_output;
	undef $tls;
}

# Nothing of a request is in the log.
unlike(slurp_file($node->logfile), qr/127\.0\.0\.1:$port.*ERROR/, 'no error on the way');
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server has not noticed');

$node->stop;
done_testing();

# What nobody trusts: answers of a provider and values that people typed, bent
# out of shape.  The server stays up, every refusal is one that the contract
# names, and what was taken is consistent and archived byte for byte.
#
# LEADPOOL_SEED repeats a run (its first batches; how many there are depends on
# the time), LEADPOOL_FUZZ_SECONDS makes a longer one.
use strict;
use warnings;

use Encode qw(decode encode);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Fill qw(consistency);

my $seed = $ENV{LEADPOOL_SEED} // int(time * 1000) % 1_000_000_000;
my $seconds = $ENV{LEADPOOL_FUZZ_SECONDS} // 7;
srand($seed);
diag("seed $seed (LEADPOOL_SEED)");

my @bodies = map { slurp_file($_) } sort glob "$ENV{LEADPOOL_TOP}/test/fixtures/apollo/*.json";
my @keys = do { my %seen; grep { !$seen{$_}++ } map { /"(\w+)"\s*:/g } @bodies };

# Values as they stand in JSON: what a number, a text, a date can be at worst.
my @values = (
	qw(null true false 0 -0 -1 1.5 {} [] [[]] [null] [{}] {"a":{"b":[]}} ""), '[1, "a", null]',
	qw(2147483648 -9223372036854775809 18446744073709551616 0.1e1 1e400 -1e400 1e-400 1E5000 1e5001 1e-5001 01 - 1e 1.e1 .5 +1 NaN Infinity),
	'1e99999999999999999999', '1e-99999999999999999999', '9' x 400, '-0.' . '1' x 6000,
	'"1e-99999999999999999999"', '"1e99999999999999999999"', '"' . '9' x 6000 . '"', '" 12 "', '"NaN"', '"Infinity"',
	'"0001-01-01"', '"9999-12-31T23:59:60.999999999999999999-15:59"', '"0000-00-00"', '"2026-02-30T25:61:61Z"', '"-infinity"',
	'"\u0000"', '"\ud800"', '"\udc00\ud800"', '"\ud83d\ude00"', '"\uD800\u0041"', '"\\\\"', '"\\"', '"\x"', '"\u12"', '"\u"', '"a', "\"\t\n\"",
	'"@"', '"a@b"', '"a@@b.c"', '"' . 'a' x 300 . '@' . 'b.' x 200 . 'com"', '"x@[127.0.0.1]"', '"+"', '"+0"', '"' . '+1' x 200 . '"', '"ext. 12345678901"',
	'"http://"', '"https://www.linkedin.com/in/%"', '"https://www.linkedin.com/in/%00%ff%e2%82"', '"//\\\\..//"', '"..."', '"xn--"', '"xn--a-"', '"' . 'x' x 64 . '.com"',
	map { '"' . encode('UTF-8', $_) . '"' }
	  "\x{0130}stanbul\@\x{0130}.com", "m\x{fc}nchen.de", "\x{202e}moc.elpmaxe", "\x{200b}", "a\x{300}" x 50, "\x{ff10}\x{ff11}\x{ff0b}", "\x{1f469}\x{200d}\x{1f4bb}", "\x{10ffff}", "\x{fffe}", "\x{85}\x{a0}\x{3000}", "\x{3002}com", "\x{df}.de", "\x{661}\x{662}\x{663}");

my @plain = ('Person.Name+tag@Example.COM', 'g.mail.user@googlemail.com', '+1 (303) 555-0101 ext. 7', '0049 30 1234567', '020 7946 0177',
	'https://www.linkedin.com/in/some-one-12345/?trk=x', 'http://user:pw@www.example.co.uk:8080/path?q#f', 'mailto:a@b.example', encode('UTF-8', "caf\x{e9}.example"));
my @regions = ('', qw(US GB DE AU XX us ZZZ));
my @kinds = qw(email phone domain linkedin name company apollo_id lead everything);

sub one_of { return $_[ int rand @_ ] }

# A random place for $length bytes in a text.
sub spot { my ($text, $length) = @_; return int rand(1 + length($$text) - $length) }

# Replaces the n-th match of a pattern, n at random.
sub replace_one
{
	my ($text, $pattern, $new) = @_;
	my @at;
	push @at, [ $-[1], $+[1] - $-[1] ] while $$text =~ /$pattern/g;
	return unless @at;
	my ($from, $length) = @{ one_of(@at) };
	substr($$text, $from, $length) = $new;
}

my $string = qr/"(?:[^"\\]|\\.)*+"/;
my $value  = qr/:\s*($string|[-\w.+]+|\{\}|\[\])/;
my @mutations = (
	sub { my $t = shift; for (0 .. rand 6) { substr($$t, spot($t, 1), 1) ^= chr(1 << rand 8) if length $$t } },
	sub { my $t = shift; substr($$t, spot($t, 0)) = '' },
	sub { my $t = shift; substr($$t, 0, spot($t, 0)) = '' },
	sub {    # the same chunk twice
		my $t = shift;
		my $length = int rand(length($$t) < 3000 ? length $$t : 3000);
		substr($$t, spot($t, 0), 0) = substr($$t, spot($t, $length), $length);
	},
	sub { my $t = shift; my $length = int rand(1 + length($$t) / 4); substr($$t, spot($t, $length), $length) = '' },
	(sub { my $t = shift; replace_one($t, $value, one_of(@values)) for 0 .. rand 4 }) x 4,
	sub { my $t = shift; replace_one($t, qr/"(\w+)"\s*:/, one_of(@keys)) for 0 .. rand 3 },
	sub { my $t = shift; replace_one($t, qr/[:,\[]\s*(\{)/, '{"' . one_of(@keys) . '":' . one_of(@values) . ',') },
	sub { my $t = shift; replace_one($t, qr/"([^"\\]*)"/, one_of('\u0000', '\ud800', '\udfff', '\\', '\u', '\q', '\u00', '\"', "\x01", "\xf0\x9f\x92\xa9", "\xff")) },
	sub {    # deep
		my $t = shift;
		my $depth = one_of(10, 480, 499, 501, 5000, 100_000);
		my ($open, $close) = @{ one_of([ '[', ']' ], [ '{"a":', '}' ]) };
		replace_one($t, $value, $open x $depth . '1' . (rand() < 0.8 ? $close x $depth : ''));
	},
	sub { my $t = shift; replace_one($t, $value, '"' . one_of('x', '\u0041', ' ', "\xc3\xa9", '@', '9', '.') x one_of(100, 10_000, 300_000) . '"') },
	sub { my $t = shift; my $other = one_of(@bodies); substr($$t, spot($t, 0)) = substr($other, spot(\$other, 0)) },
	sub { my $t = shift; $$t = one_of('[', '{"person":', '{"people":[', '{"webhook_result":', '{"matches":[null,', '') . $$t . one_of(']', '}', ']}', '') });

# A jsonb argument: keys that are known, values of every kind.
my %arguments = (
	client => [ qw(status time_zone max_active_leads daily_allocation daily_limit exclude_domains release_contacted company_exclusive
		quiet_hours recent_contact channel_cooling not_interested_cooling allow_catch_all bounce_breaker_rate) ],
	sender => [ qw(daily_limit time_zone min_gap paused warmup_ready warmup_started_on warmup_days) ],
	criteria => [ qw(industries exclude_industries titles seniorities departments countries states cities employees_min employees_max
		revenue_min revenue_max technologies technologies_all keywords domains exclude_domains email_statuses channels has_phone
		has_linkedin min_score sources ingestion_id) ],
	options => [ qw(dry_run order seed per_company_max enrich_on_shortage request_key) ]);
my @settings = (qw("infinity" "-infinity" "never" "-1 day" "P1Y" "300000000 days" "178000000 years" "0" "1 mon -1 day" 7 100 9007199254740992 9223372036854775807 9223372036854775808 1e18),
	qw("1000 years" "999999999999999999 hours" "2026-01-31" "0000-01-01" "+1-01-0001" "paused" "active" "Europe/Berlin" "../etc/passwd" "posixrules" "random" "newest"),
	'["linkedin","voice"]', '["fax"]', '["ceo","%_\\\\", "(", "*"]', '["a b c d e f g", ""]', '{"email": 5}', '{"email": 1e400}',
	'{"voice": {"from": "09:00", "to": "18:00", "days": [1, 2, 3]}}', '{"voice": {"from": "24:00", "to": "-1:00", "days": [0, 8, 1e99]}}',
	'{"sms": null}', '{"voice": {"days": []}}', '"00000000-0000-7000-8000-000000000001"', '"{0-0}"');

sub some_argument
{
	my $keys = $arguments{ $_[0] };
	my %pair = map { one_of(@$keys) => one_of(@settings, @settings, @values) } 0 .. rand 3;
	return valid('{' . join(', ', map { "\"$_\": $pair{$_}" } sort keys %pair) . '}');
}

# Text that a database can hold, whatever the bytes became.
sub valid { my $t = decode('UTF-8', shift, Encode::FB_DEFAULT); $t =~ tr/\0//d; return encode('UTF-8', $t) }

sub mutated
{
	my $text = shift;
	one_of(@mutations)->(\$text) for 0 .. rand 3;
	return valid($text);
}

sub some_value
{
	my $text = one_of(@plain, one_of(@values) =~ s/^"|"$//gr);
	return valid(join '', map { rand() < 0.5 ? chr(rand 256) : encode('UTF-8', chr(one_of(0x80, 0x300, 0x3000, 0x10000) + rand 0x200)) } 0 .. rand 40)
	  if rand() < 0.3;
	$text .= one_of(@plain) if rand() < 0.1;
	$mutations[ rand 5 ]->(\$text) if rand() < 0.6;
	return valid($text);
}

my $node = PostgreSQL::Test::Cluster->new('fuzz');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nstatement_timeout = '60s'\nlog_min_messages = warning");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION leadpool;
SELECT FROM lp_client_set('10000000-0000-7000-8000-000000000001', 'Agency');
SELECT FROM lp_capture('list', '{"email": "known@somewhere.example", "email_status": "verified", "title": "VP of Sales", "country": "Germany"}');
CREATE UNLOGGED TABLE cases (n bigserial, door text, kind text, region text, body bytea, answered integer, state text, message text);
-- Each case is a subtransaction; what is no JSON for jsonb is none of ours.
CREATE PROCEDURE attempt() LANGUAGE plpgsql AS $$
DECLARE
	c cases;
	words text;
	parsed jsonb;
	rows integer;
	c1 uuid := '10000000-0000-7000-8000-000000000001';
BEGIN
	FOR c IN SELECT * FROM cases WHERE state IS NULL ORDER BY n LOOP
		words := convert_from(c.body, 'UTF8');
		IF c.door IN ('apollo', 'list', 'event', 'client', 'sender', 'criteria', 'options') THEN
			BEGIN
				parsed := words::jsonb;
			EXCEPTION WHEN OTHERS THEN
				UPDATE cases SET state = 'skipped' WHERE n = c.n;
				CONTINUE;
			END;
		END IF;
		BEGIN
			IF c.door = 'raw' THEN
				SELECT count(*) INTO rows FROM lp_capture_apollo_raw(words);
			ELSIF c.door = 'apollo' THEN
				SELECT count(*) INTO rows FROM lp_capture_apollo(parsed);
			ELSIF c.door = 'list' THEN
				SELECT count(*) INTO rows FROM lp_capture('list', parsed);
			ELSIF c.door = 'event' THEN
				SELECT count(*) INTO rows FROM lp_record_event('opened', email => 'known@somewhere.example', detail => parsed);
			ELSIF c.door = 'client' THEN
				PERFORM lp_client_set(c1, settings => parsed);
				-- a client that was paused would refuse all that comes after
				PERFORM lp_client_set(c1, settings => '{"status": "active"}');
			ELSIF c.door = 'sender' THEN
				PERFORM lp_sender_set(c1, 'linkedin', 'ann', parsed);
			ELSIF c.door = 'criteria' THEN
				SELECT count(*) INTO rows FROM lp_allocate(c1, NULL, 1, parsed, '{"dry_run": true}');
				PERFORM lp_explain_allocation((SELECT id FROM lead_pool ORDER BY id LIMIT 1), c1, parsed);
				SELECT count(*) INTO rows FROM lp_allocate(c1, NULL, 1, parsed);
			ELSIF c.door = 'options' THEN
				SELECT count(*) INTO rows FROM lp_allocate(c1, NULL, 1, '{"channels": ["email", "linkedin", "voice"]}', parsed);
			ELSIF c.door = 'normalize' THEN
				PERFORM lp_normalize(c.kind, words, nullif(c.region, ''));
			ELSIF c.door = 'suppress' THEN
				PERFORM lp_suppress(c.kind, words, 'operator'), lp_is_suppressed(c.kind, words);
			ELSE
				PERFORM lp_find_lead(email => words), lp_find_lead(phone => words), lp_find_lead(linkedin_url => words);
			END IF;
			UPDATE cases SET state = '00000', answered = rows WHERE n = c.n;
		EXCEPTION WHEN OTHERS OR QUERY_CANCELED THEN
			UPDATE cases SET state = SQLSTATE, message = SQLERRM WHERE n = c.n;
		END;
	END LOOP;
END
$$;
SQL
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

my ($begun, $total, $alive) = (time, 0, 1);
while ($alive && time - $begun < $seconds)
{
	my $copy = "COPY cases (door, kind, region, body) FROM stdin;\n";
	for (1 .. 60)
	{
		my $door = one_of(qw(raw raw raw apollo list event), ('normalize', 'suppress', 'find') x 2, sort keys %arguments);
		my $body = $arguments{$door} ? some_argument($door) : $door =~ /normalize|suppress|find/ ? some_value() : mutated(one_of(@bodies));
		$copy .= join("\t", $door, one_of(@kinds[ 0 .. 3 ], @kinds), one_of(@regions), '\\\\x' . unpack('H*', $body)) . "\n";
		$total++;
	}
	my ($code, undef, $error) = $node->psql('postgres', "$copy\\.\nCALL attempt();", on_error_stop => 1);
	$alive = $code == 0;
	diag("seed $seed: $error") unless $alive;
}

ok($alive, 'no call cost the connection');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server is the same');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX000|runtime error/, 'the log knows of no crash');

is($node->safe_psql('postgres', q(
	SELECT state, door, kind, min(message), count(*), encode(substring((array_agg(body ORDER BY length(body)))[1] FOR 200), 'escape')
	FROM cases WHERE state NOT IN ('00000', 'skipped', 'LP009',
		'22032', CASE WHEN door NOT IN ('raw', 'apollo', 'list') THEN '22023' ELSE '' END) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3)),
	'', "every refusal has a code of the contract (seed $seed)");
is($node->safe_psql('postgres', consistency()), '', "consistent (seed $seed)");

# The body is put together from its parts, in SQL alone.
is($node->safe_psql('postgres', <<'SQL'), '', "every body that was taken is archived byte for byte (seed $seed)");
WITH e AS (SELECT id, content_hash, convert_to(part, 'UTF8') AS rest, cuts FROM lead_captures WHERE envelope_id IS NULL),
whole AS (
	SELECT e.content_hash, coalesce((
			SELECT string_agg(substring(e.rest FROM p.before + 1 FOR p.cut - p.before) || p.part, '' ORDER BY p.cut)
			FROM (SELECT e.cuts[c.ordinal] AS cut, convert_to(c.part, 'UTF8') AS part,
					lag(e.cuts[c.ordinal], 1, 0) OVER (ORDER BY e.cuts[c.ordinal]) AS before
				FROM lead_captures c WHERE c.envelope_id = e.id) p), '')
		|| substring(e.rest FROM coalesce((SELECT max(cut) FROM unnest(e.cuts) cut), 0) + 1) AS body
	FROM e)
SELECT 'archived otherwise', encode(content_hash, 'hex') FROM whole WHERE content_hash <> sha256(body)
UNION ALL
SELECT 'not archived', n::text FROM cases c WHERE door = 'raw' AND state = '00000' AND answered > 0
	AND NOT EXISTS (SELECT FROM whole w WHERE w.content_hash = sha256(c.body))
LIMIT 10
SQL

my $taken = $node->safe_psql('postgres', q(SELECT count(*) FILTER (WHERE state = '00000' AND answered > 0) FROM cases));
cmp_ok($taken, '>', 0, 'some were taken');
diag("$total cases, $taken captures taken; "
	. $node->safe_psql('postgres', q(SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM cases GROUP BY 1) s)));

$node->stop;
done_testing();

# The key of the bans: made once, kept out of dumps, and without it no door
# answers.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "fsync = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');

my $key = $node->data_dir . '/leadpool.key';
my $client = '00000000-0000-7000-8000-00000000000a';
my $person = '{"person": {"id": "74de91caf521ef8c858ae56f", "first_name": "Ada",'
  . ' "email": "ada@quillmere.example", "email_status": "verified", "country": "Netherlands"}}';

# The SQLSTATE of a statement, '' if it succeeds.
sub sqlstate
{
	my ($sql) = @_;
	my ($rc, $out, $err) =
	  $node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql");
	return $err =~ /ERROR:\s+(\S+)/ ? $1 : '';
}

ok(!-e $key, 'no key before it is needed');
is( $node->safe_psql('postgres',
		"SELECT lp_is_suppressed('email', 'ada\@quillmere.example')"),
	'f', 'nobody is banned before there is a key');
ok(!-e $key, 'a question makes no key');

$node->safe_psql('postgres',
	"SELECT lp_suppress('email', 'eve\@quillmere.example', 'unsubscribed')");
ok(-e $key, 'the first ban makes the key');
is(sprintf('%o', (stat($key))[2] & 07777), '600', 'for the server alone');
is(-s $key, 32, 'of 32 bytes');
my $made = slurp_file($key);
is( $node->safe_psql(
		'postgres',
		"SELECT encode(fingerprint, 'hex') <> '"
		  . unpack('H*', $made)
		  . "' AND length(fingerprint) = 32 FROM lead_keys"),
	't',
	'the table has a fingerprint, not the key');

$node->safe_psql('postgres', "SELECT lp_client_set('$client', 'Agency A')");
$node->safe_psql('postgres', "SELECT * FROM lp_capture_apollo('$person')");
my $lead = $node->safe_psql('postgres', 'SELECT id FROM lead_pool');
my $sender = 'out@agency.example';
$node->safe_psql('postgres',
	"SELECT lp_sender_set('$client', 'email', '$sender', '{\"warmup_ready\": true}')");

my %doors = (
	'capture' => "SELECT * FROM lp_capture_apollo('$person')",
	'allocate' => "SELECT * FROM lp_allocate('$client', NULL, 1)",
	'assign' => "SELECT lp_assign('$lead', '$client')",
	'check' => "SELECT lp_jit_check('$lead', '$client', 'email', '$sender')",
	'claim' => "SELECT * FROM lp_jit_claim('$lead', '$client', 'email', '$sender')",
	'event' => "SELECT * FROM lp_record_event('opened', lead_id => '$lead')",
	'suppress' => "SELECT lp_suppress('email', 'x\@y.example', 'operator')",
	'look-up' => "SELECT lp_is_suppressed('email', 'x\@y.example')",);

foreach my $door (sort keys %doors)
{
	is(sqlstate("BEGIN; $doors{$door}; ROLLBACK;"), '', "$door works with the key");
}

# An assignment and a claim that are open when the key goes.
$node->safe_psql('postgres', "SELECT lp_assign('$lead', '$client')");
my $touch = $node->safe_psql('postgres',
	"SELECT touch_id FROM lp_jit_claim('$lead', '$client', 'email', '$sender')");
like($touch, qr/^[0-9a-f-]{36}$/, 'a claim is open');
$doors{dispatch} = "SELECT lp_touch_dispatch('$touch')";

sub all_refuse
{
	my ($how) = @_;
	foreach my $door (sort keys %doors)
	{
		is(sqlstate($doors{$door}), 'LP008', "$door refuses $how");
	}
	# What was sent is a fact, whether anybody may be banned or not.
	foreach my $report ("lp_touch_confirm('$touch')", "lp_touch_fail('$touch', 'x')")
	{
		is( sqlstate("BEGIN; UPDATE lead_touches SET state = 'dispatched', dispatched_at = claimed_at; SELECT $report; ROLLBACK;"),
			'', ($report =~ /^(\w+)/)[0] . " does not, $how");
	}
}

rename($key, "$key.away") or die $!;
all_refuse('without the key');
ok(!-e $key, 'and makes no new one');

append_to_file($key, 'x' x 32);
chmod 0600, $key;
all_refuse('with another key');

chmod 0644, $key;
is(sqlstate($doors{'look-up'}), 'LP008', 'a key that others may read is refused');
unlink $key;
append_to_file($key, 'short');
chmod 0600, $key;
is(sqlstate($doors{'look-up'}), 'LP008', 'a damaged key is refused');

unlink $key;
rename("$key.away", $key) or die $!;
is( $node->safe_psql('postgres',
		"SELECT lp_is_suppressed('email', 'eve\@quillmere.example')"),
	't', 'with the key back the ban holds');

# A new key in front, the old one behind it: old bans hold, new ones use it.
append_to_file("$key.new", ('n' x 32) . $made);
chmod 0600, "$key.new";
rename("$key.new", $key) or die $!;
$node->safe_psql('postgres',
	"SELECT lp_suppress('email', 'mallory\@quillmere.example', 'operator')");
is( $node->safe_psql(
		'postgres',
		"SELECT lp_is_suppressed('email', 'eve\@quillmere.example'),"
		  . " lp_is_suppressed('email', 'mallory\@quillmere.example'),"
		  . " count(DISTINCT key_id) = 2 FROM lead_suppressions"),
	't|t|t',
	'an older key is still checked after a new one');

# A ban under the new key finds its lead, when it is made and when it is lifted.
$node->safe_psql('postgres', "SELECT lp_release('$lead', '$client', 'done')");
my $banned = $node->safe_psql('postgres',
	"SELECT lp_suppress('email', 'ada\@quillmere.example', 'operator')");
is( $node->safe_psql('postgres', 'SELECT flags & 512 FROM lead_state'),
	'512', 'a ban under the new key marks its lead');
is( $node->safe_psql('postgres', "SELECT lp_unsuppress('$banned', 'asked to')"), 't', 'it is lifted');
is( $node->safe_psql('postgres', 'SELECT flags & 512 FROM lead_state'),
	'0', 'and lifting takes the mark back');

# The key itself is nowhere but in its file.
my $dump = `pg_dump -h @{[$node->host]} -p @{[$node->port]} -d postgres`;
unlike($dump, qr/\Q@{[unpack('H*', $made)]}\E/, 'the key is in no dump');

$node->stop;
done_testing();

# Nothing that was paid for is lost: every leaf of every sample answer is in
# the archive byte for byte, and in its typed column where one is mapped.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir  = "$ENV{LEADPOOL_TOP}/test/fixtures/apollo";
my $json = JSON::PP->new->utf8->allow_nonref->allow_bignum;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf',
	"timezone = 'UTC'\nfsync = off\nextra_float_digits = 1\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION leadpool');

my $tables = join ', ', split /\n/,
  $node->safe_psql('postgres', q{
	SELECT conrelid::regclass FROM pg_constraint
	WHERE conname IN ('lead_pool_pkey', 'lead_state_pkey', 'lead_available_pkey',
		'lead_terms_pkey', 'lead_identities_pkey', 'lead_companies_pkey',
		'lead_captures_pkey', 'lead_capture_keys_pkey', 'lead_unmapped_pkey',
		'lead_conflicts_pkey', 'lead_suppressions_pkey')});

# path -> [column, type]
my %map;
for (split /\n/, $node->safe_psql('postgres',
		'SELECT json_path, column_name, column_type FROM lp_field_map()'))
{
	my ($path, $column, $type) = split /\|/;
	$map{$path} = [ $column, $type ];
}
cmp_ok(scalar(keys %map), '>', 143, 'the field map lists nested keys too');

# The body is put together again from its parts, in SQL alone.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION reassembled(envelope uuid) RETURNS text LANGUAGE sql AS $$
	WITH e AS (SELECT convert_to(part, 'UTF8') AS rest, cuts FROM lead_captures WHERE id = envelope),
	parts AS (
		SELECT e.cuts[c.ordinal] AS cut, convert_to(c.part, 'UTF8') AS part,
			lag(e.cuts[c.ordinal], 1, 0) OVER (ORDER BY e.cuts[c.ordinal]) AS before
		FROM lead_captures c, e WHERE c.envelope_id = envelope)
	SELECT convert_from(coalesce((SELECT string_agg(
			substring(e.rest FROM before + 1 FOR cut - before) || part, '' ORDER BY cut)
			FROM parts), '')
		|| substring(e.rest FROM coalesce((SELECT max(cut) FROM parts), 0) + 1), 'UTF8')
	FROM e
$$
SQL

# Calls back for each leaf with its path in the map's spelling and its place.
sub leaves
{
	my ($value, $path, $place, $visit) = @_;
	if (ref $value eq 'HASH' && %$value)
	{
		leaves($value->{$_}, $path eq '' ? $_ : "$path.$_", [ @$place, $_ ], $visit)
		  for sort keys %$value;
	}
	elsif (ref $value eq 'ARRAY' && @$value)
	{
		leaves($value->[$_], $path . '[]', [ @$place, $_ ], $visit)
		  for 0 .. $#$value;
	}
	else
	{
		$visit->($path, $place, $value);
	}
}

# The entry of the map for a path; keys that are data match ".*".
sub mapped
{
	my ($path) = @_;
	return $map{$path} if $map{$path};
	while ($path =~ s/\.[^.]*$//)
	{
		return $map{"$path.*"} if $map{"$path.*"};
	}
	return undef;
}

sub at_place
{
	my ($value, @place) = @_;
	for my $step (@place)
	{
		return undef unless ref $value;
		$value = ref $value eq 'HASH' ? $value->{$step} : $value->[$step];
	}
	return $value;
}

sub same
{
	my ($got, $want) = @_;
	return !defined $got if !defined $want;
	return 0             if !defined $got;
	return $json->canonical->encode($got) eq $json->canonical->encode($want)
	  if ref $got eq 'HASH' || ref $got eq 'ARRAY';
	return 1 if "$got" eq "$want";
	return 1
	  if "$got" =~ /^-?[\d.]+(e[-+]?\d+)?$/i && "$want" =~ /^-?[\d.]+(e[-+]?\d+)?$/i
	  && $got == $want;
	my ($x, $y) = map { (my $t = $_) =~ s/(\.\d*?)0*(?=[Z+]|$)/$1 eq '.' ? '' : $1/e; $t =~ s/\.(?=[Z+]|$)//; $t =~ s/Z$|\+00:00$//; $t } "$got", "$want";
	return $x eq $y || $x eq "${y}T00:00:00";
}

# The elements in the order of the result rows.
sub elements
{
	my ($body) = @_;
	my $in = ref $body->{webhook_result} eq 'HASH' ? $body->{webhook_result} : $body;
	my @list;
	push @list, [ person => $in->{person} ] if exists $in->{person};
	for ([ people => 'person' ], [ matches => 'person' ], [ contacts => 'contact' ])
	{
		my ($key, $kind) = @$_;
		push @list, map { [ $kind => $_ ] } @{ $in->{$key} } if ref $in->{$key} eq 'ARRAY';
	}
	push @list, [ organization => $in->{organization} ] if exists $in->{organization};
	push @list, map { [ organization => $_ ] } @{ $in->{organizations} }
	  if ref $in->{organizations} eq 'ARRAY';
	return @list;
}

my ($leaves, $in_columns, $files) = (0, 0, 0);

sub check_column
{
	my ($row, $kind, $path, $place, $value) = @_;
	my $full = $kind eq 'person' ? $path : "$kind.$path";
	my $entry = mapped($full);
	return undef if $full eq 'organization' && !defined $value;
	return "no column for $full" if !$entry;
	return undef if !defined $value;
	my ($column, $type) = @$entry;
	my @inside = @$place;
	if ($kind eq 'contact')
	{
		$column = 'contact';
	}
	else
	{
		# Below a jsonb or list column: the steps after the column's own key.
		my $depth = $kind eq 'person' && $place->[0] eq 'organization' ? 2 : 1;
		splice @inside, 0, $depth;
	}
	return undef if $column =~ /^email(_status)?$/ && $row->{email_locked};
	my $got = at_place($row->{$column}, @inside);
	return "$full: column $column differs" unless same($got, $value);
	$in_columns++;
	return undef;
}

for my $file (sort glob "$dir/*.json")
{
	my $body = slurp_file($file);
	my ($name) = $file =~ m{([^/]+)$};
	my $data = JSON::PP->new->utf8->allow_bignum->decode($body);
	my $problem;

	$files++;
	$node->safe_psql('postgres', "TRUNCATE $tables");
	my $answer = $node->safe_psql('postgres',
		"SELECT ordinal, lead_id, outcome FROM lp_capture_apollo_raw(\$b\$$body\$b\$)");
	my @rows = map { [ split /\|/, $_, -1 ] } split /\n/, $answer;
	my $archived = $node->safe_psql('postgres', q{
		SELECT encode(convert_to(reassembled(id), 'UTF8'), 'hex')
		FROM lead_captures WHERE envelope_id IS NULL});
	(my $hex = $archived) =~ s/\s//g;
	is(pack('H*', $hex), $body, "$name: the archive holds every byte");
	leaves($data, '', [], sub { $leaves++ });

	my @elements = elements($data);
	is(scalar @rows, scalar @elements, "$name: one row an element");
	for my $i (0 .. $#elements)
	{
		my ($kind, $element) = @{ $elements[$i] };
		my ($ordinal, $lead, $outcome) = @{ $rows[$i] };

		last if $problem;
		next if $outcome eq 'rejected';
		my $row = $kind eq 'organization'
		  ? { facts => $json->decode($node->safe_psql('postgres',
				"SELECT facts FROM lead_companies WHERE apollo_id = '$element->{id}'")) }
		  : $json->decode($node->safe_psql('postgres',
			"SELECT to_jsonb(p) FROM lead_pool p WHERE id = '$lead'"));
		leaves($element, '', [], sub {
			my ($path, $place, $value) = @_;
			return if $problem;
			if ($kind eq 'organization')
			{
				$problem = "no column for organization.$path"
				  unless mapped("organization.$path");
				$problem = "$path is not in the company's facts"
				  if defined $value && !same(at_place($row->{facts}, @$place), $value);
				$in_columns++ if defined $value;
				return;
			}
			$problem = check_column($row, $kind, $path, $place, $value);
		});
	}
	is($problem, undef, "$name: every mapped leaf is in its column");
	is($node->safe_psql('postgres', 'SELECT string_agg(json_path, $$, $$) FROM lead_unmapped_paths'),
		'', "$name: no path is unknown");
}

my ($code) = $node->psql('postgres',
	'SELECT lp_capture_apollo_raw($b$' . slurp_file("$dir/error_401_plain.txt") . '$b$)');
isnt($code, 0, 'a body that is no JSON is refused');
cmp_ok($in_columns, '>', 1500, 'leaves were compared with columns');
note("$leaves leaves of $files files are in the archive, $in_columns values in their columns");
diag("$leaves leaves of $files files in the archive, $in_columns of them in typed columns");

$node->stop;
done_testing();

# Reference.pm
#	  Makes doc/reference.md from the comments in the catalogs.
#
# new(node, top) reads a database that has the extension; text() is the
# document; architecture() is doc/architecture.md with its list of files made
# anew from the headers of the sources; problems() lists what is wrong with the comments: a function must
# say Result, Errors and an Example that can be planned, and Arguments if it
# has any.
package Reference;

use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);

# Headings, in the order of the document, by the part of src/sql/ that makes
# the function.
my @topics = (
	[ capture   => 'Capture and identity' ],
	[ ownership => 'Clients, senders, allocation, ownership' ],
	[ jit       => 'Just-in-time checks, claims, sends' ],
	[ events    => 'Events' ],
	[ bans      => 'Bans' ],
	[ values    => 'Values' ],
	[ types     => 'Ids' ],
	[ acl       => 'Permissions' ]);

my %context = (
	superuser  => 'superuser, or who was granted SET on it',
	sighup     => 'configuration file and reload',
	postmaster => 'configuration file and restart');
my %who = (
	service  => 'service_role, operators',
	operator => 'operators',
	read     => 'service_role and operators read it',
	rules    => 'service_role reads it, operators change its rows',
	owner    => 'nobody but the extension');

sub new
{
	my ($class, $node, $top) = @_;
	return bless { node => $node, top => $top, problems => [], codes => {} }, $class;
}

# Rows of a query, as a list of hashes.
sub rows
{
	my ($self, $sql) = @_;
	my $json = $self->{node}->safe_psql('postgres',
		"LOAD 'leadpool'; SELECT coalesce(json_agg(to_json(q)), '[]') FROM ($sql) q");
	# Bytes stay bytes: what is not ASCII passes through as it is.
	return @{ JSON::PP->new->decode($json) };
}

sub problem
{
	my ($self, $text) = @_;
	push @{ $self->{problems} }, $text;
	return;
}

sub problems
{
	my ($self) = @_;
	return @{ $self->{problems} };
}

# Which part of src/sql/ makes a function.
sub topic_of
{
	my ($self) = @_;
	my %topic;
	for my $file (sort glob("$self->{top}/src/sql/*.sql"))
	{
		my ($topic) = $file =~ m{/\d+_(?:functions_)?(\w+?)\.sql$} or next;
		my $text = slurp_file($file);
		$topic{$1} //= $topic
		  while $text =~ /^CREATE FUNCTION \@extschema\@\.(\w+)/mg;
	}
	return \%topic;
}

# A comment taken apart: { text, Arguments, Result, Errors, Example }.
sub parse_comment
{
	my ($comment) = @_;
	my %part = (text => '');
	my $current = 'text';
	for my $line (split /\n/, $comment // '')
	{
		if ($line =~ s/^(Arguments|Result|Errors|Example):\s*//)
		{
			$current = $1;
			$part{$current} = '';
		}
		$part{$current} .= "$line\n";
	}
	s/^\s+|\s+$//g for values %part;
	return \%part;
}

# An argument list or result that is too long for a line is broken up.
sub signature
{
	my ($f) = @_;
	my $one = "$f->{name}($f->{arguments}) RETURNS $f->{result}";
	return $one if length($one) <= 88;
	my $broken = sub {
		my ($list) = @_;
		my @items = split /, (?=(?:"?\w+"? )[^)]*(?:,|$))/, $list;
		return join(",\n    ", @items);
	};
	my $result = $f->{result};
	$result = "TABLE (\n    " . $broken->($1) . ")" if $result =~ /^TABLE\((.*)\)$/ && length($result) > 70;
	my $arguments = $f->{arguments} eq '' ? '' : "\n    " . $broken->($f->{arguments});
	return "$f->{name}($arguments)\n    RETURNS $result";
}

# Whether an example can be planned, each statement of it.
sub check_example
{
	my ($self, $name, $example) = @_;
	for my $statement (split /;\s*(?:\n|$)/, $example)
	{
		next if $statement =~ /^\s*$/;
		my $sql = $statement =~ /^\s*(SELECT|WITH|INSERT|UPDATE|DELETE|VALUES)\b/i
		  ? "EXPLAIN $statement" : "BEGIN; $statement; ROLLBACK";
		my ($status, $out, $err) = $self->{node}->psql('postgres', $sql);
		$self->problem("$name: example: $err") if $err ne '' || $status != 0;
	}
	return;
}

sub function_text
{
	my ($self, $f) = @_;
	my $part = parse_comment($f->{comment});
	my @need = ('Result', 'Errors', 'Example');
	unshift @need, 'Arguments' if $f->{arguments} ne '';
	for my $key ('text', @need)
	{
		$self->problem("$f->{name}: comment without " . ($key eq 'text' ? 'a sentence' : "\"$key:\""))
		  if !defined $part->{$key} || $part->{$key} eq '';
	}
	$self->check_example($f->{name}, $part->{Example} // '');

	# Codes of this function, for the table of SQLSTATEs.
	my $errors = $part->{Errors} // '';
	$errors .= parse_comment($self->{comments}{$1})->{Errors} // '' if $errors =~ /as for (lp_\w+)/;
	$self->{codes}{$1}{ $f->{name} } = 1 while $errors =~ /\b(LP\d{3}|PT\d{3}|(?:22|25|40|42|55|0A)[0-9A-Z]{3})\b/g;
	# Each argument is spoken of, here or where the comment points to.
	for my $argument (($part->{Arguments} // '') =~ /as for lp_\w+/ ? () : @{ $f->{names} })
	{
		$self->problem("$f->{name}: argument $argument is not explained")
		  unless ($part->{Arguments} // '') =~ /\b\Q$argument\E\b/;
	}

	my $text = "### $f->{name}\n\n```sql\n" . signature($f) . "\n```\n\n$part->{text}\n\n";
	$text .= "**$_:** $part->{$_}\n\n" for grep { ($part->{$_} // '') ne '' } 'Arguments', 'Result', 'Errors';
	$text .= "**Called by:** " . ($who{ $f->{who} // '' } // 'not stated') . ".\n\n";
	$text .= "```sql\n$part->{Example}\n```\n\n" if ($part->{Example} // '') ne '';
	return $text;
}

sub functions
{
	my ($self) = @_;
	my $topic_of = $self->topic_of;
	my %of_topic;
	my @functions = $self->rows(q(
		SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments,
		       pg_get_function_result(p.oid) AS result, obj_description(p.oid, 'pg_proc') AS comment, g.who,
		       (p.proargnames)[1:p.pronargs] AS names
		FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'leadpool'
		LEFT JOIN lead_grants g ON (g.object, g.kind) = (p.proname, 'function')
		ORDER BY p.proname));
	push @{ $of_topic{ $topic_of->{ $_->{name} } // 'other' } }, $_ for @functions;
	$self->{comments} = { map { $_->{name} => $_->{comment} } @functions };

	my @order = @topics;
	push @order, map { [ $_, ucfirst ] } grep { my $t = $_; !grep { $_->[0] eq $t } @topics } sort keys %of_topic;
	my ($list, $text) = ('', '');
	for (@order)
	{
		my ($topic, $heading) = @$_;
		next unless $of_topic{$topic};
		$text .= "## $heading\n\n" . join('', map { $self->function_text($_) } @{ $of_topic{$topic} });
		$list .= "- $heading: " . join(', ', map { "[$_->{name}](#$_->{name})" } @{ $of_topic{$topic} }) . "\n";
	}
	return ($list, $text);
}

sub cell
{
	my ($text) = @_;
	$text = '' unless defined $text;
	$text =~ s/\s*\n\s*/ /g;
	$text =~ s/\|/\\|/g;
	return $text;
}

sub relations
{
	my ($self, $kind, $heading) = @_;
	my $text = "## $heading\n\n";
	for my $r ($self->rows(qq(
		SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS comment, g.who,
		       (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
		                'null', NOT a.attnotnull, 'default', pg_get_expr(k.adbin, k.adrelid),
		                'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
		        FROM pg_attribute a LEFT JOIN pg_attrdef k ON k.adrelid = a.attrelid AND k.adnum = a.attnum
		        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
		FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
		JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'leadpool'
		LEFT JOIN lead_grants g ON g.object = c.relname AND g.kind IN ('table', 'view')
		WHERE c.relkind = '$kind' ORDER BY c.relname)))
	{
		$text .= "### $r->{name}\n\n$r->{comment}\n\nPermission: " . ($who{ $r->{who} // '' } // 'not stated') . ".\n\n";
		$text .= $kind eq 'v' ? "| column | type | |\n|---|---|---|\n" : "| column | type | null | default | |\n|---|---|---|---|---|\n";
		for my $c (@{ $r->{columns} })
		{
			my @cells = ("`$c->{name}`", $c->{type});
			push @cells, ($c->{null} ? 'yes' : ''), (defined $c->{default} ? '`' . cell($c->{default}) . '`' : '') if $kind ne 'v';
			$text .= '| ' . join(' | ', @cells, cell($c->{comment})) . " |\n";
		}
		$text .= "\n";
	}
	return $text;
}

sub types
{
	my ($self) = @_;
	my $text = "## Types\n\n| type | is | |\n|---|---|---|\n";
	for my $t ($self->rows(q(
		SELECT t.typname AS name, obj_description(t.oid, 'pg_type') AS comment,
		       CASE t.typtype WHEN 'e' THEN
		            'one of ' || (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
		       ELSE (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
		             FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END AS is
		FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
		JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'leadpool'
		WHERE t.typtype = 'e' OR EXISTS (SELECT FROM pg_class r WHERE r.oid = t.typrelid AND r.relkind = 'c')
		ORDER BY t.typname)))
	{
		$text .= '| `' . $t->{name} . '` | ' . cell($t->{is}) . ' | ' . cell($t->{comment}) . " |\n";
	}
	return "$text\n";
}

sub settings
{
	my ($self) = @_;
	my $text = "## Settings\n\n| setting | default | unit | range | set by | |\n|---|---|---|---|---|---|\n";
	for my $s ($self->rows(q(SELECT * FROM pg_settings WHERE name LIKE 'leadpool.%' ORDER BY name)))
	{
		my $default = $s->{boot_val} // '';
		$text .= '| ' . join(' | ', "`$s->{name}`", ($default eq '' ? "(empty)" : "`$default`"), cell($s->{unit}),
			(defined $s->{min_val} ? "$s->{min_val} to $s->{max_val}" : ''),
			$context{ $s->{context} } // $s->{context}, cell($s->{short_desc})) . " |\n";
		$self->problem("$s->{name}: setting without a description") unless $s->{short_desc};
	}
	return "$text\nNo ordinary session can change one. Periods are written like `72 hours` or `12 months`; `0` switches a check off.\n\n";
}

# Meanings stand in the README; here also who throws what.
sub sqlstates
{
	my ($self) = @_;
	my %meaning;
	my $readme = slurp_file("$self->{top}/README.md");
	while ($readme =~ /^\| `(\w{5})` \| (.*?) \|$/mg)
	{
		$meaning{$1} = $2;
	}
	my $errors = slurp_file("$self->{top}/src/util/errors.h");
	while ($errors =~ /MAKE_SQLSTATE\((.*?)\)/g)
	{
		(my $code = $1) =~ s/[', ]//g;
		$self->problem("README.md does not list SQLSTATE $code") unless $meaning{$code};
	}
	my $text = "## SQLSTATEs\n\n| code | means | thrown by |\n|---|---|---|\n";
	for my $code (sort keys %{ { %meaning, %{ $self->{codes} } } })
	{
		$self->problem("README.md does not list SQLSTATE $code, which a comment names") unless $meaning{$code};
		$text .= "| `$code` | " . ($meaning{$code} // '') . ' | ' . join(', ', sort keys %{ $self->{codes}{$code} // {} }) . " |\n";
	}
	return $text;
}

# The document.
sub text
{
	my ($self) = @_;
	my ($list, $functions) = $self->functions;
	my $text = <<"END";
# leadpool reference

Generated from the comments in the database by `make doc`; do not edit. Every object lives in
the schema that the extension was created in. Times are `timestamptz`; ids are time-ordered UUIDs.

$list- [Types](#types), [Views](#views), [Tables](#tables), [Settings](#settings), [SQLSTATEs](#sqlstates)

END
	$text .= $functions . $self->types . $self->relations('v', 'Views') . $self->relations('r', 'Tables') .
	  $self->settings . $self->sqlstates;
	$text =~ s{timestamp with time zone}{timestamptz}g;
	$text =~ s/[ \t]+$//mg;
	return $text;
}

# The list of files, by the first sentence of each header.
my @layers = (
	[ 'src/'           => 'the entry' ],
	[ 'src/core/'      => 'the promises: may call store, providers and util' ],
	[ 'src/worker/'    => 'the background worker: its life, its turns, its calls' ],
	[ 'src/providers/' => "what a provider's answer looks like: no SQL, no network" ],
	[ 'src/store/'     => 'SQL texts, kept plans, rows to structs' ],
	[ 'src/util/'      => 'values, time, settings: no table' ],
	[ 'src/http/'      => 'HTTP calls with libcurl, in a library of its own that workers load: bytes and deadlines, no table' ],
	[ 'src/phone/'     => 'libphonenumber, in a library of its own that is loaded at the first number which needs it' ],
	[ 'src/sql/'       => 'types, tables, functions, rules, permissions: in this order they are the script' ]);

sub modules
{
	my ($self) = @_;
	my $text = '';
	for (@layers)
	{
		my ($directory, $job) = @$_;
		my @files = map { s{^\Q$self->{top}\E/}{}r } map { glob("$self->{top}/$directory*.$_") } 'c', 'cc', 'sql';
		next unless @files;
		$text .= "**`$directory`** $job\n\n";
		for my $file (sort @files)
		{
			my ($name) = $file =~ m{([^/]+)$};
			my ($sentence) = slurp_file("$self->{top}/$file") =~ m{\A/\*\s*(.*?)\s*\*/}s;
			$sentence = '' unless defined $sentence;
			$sentence =~ s/^\s*\*[ \t]*//mg;
			# A header in C begins with the name of its file.
			$sentence =~ s/^\Q$name\E\s+//;
			$sentence =~ s/\n\n.*//s;
			$sentence =~ s/\s+/ /g;
			$sentence =~ s/(?<=[a-z)*0-9])\. .*//;
			$sentence =~ s/\.$//;
			$self->problem("$file: no sentence in its header") if $sentence eq '' || $sentence !~ / /;
			$text .= "- `$name` $sentence\n";
		}
		$text .= "\n";
	}
	return $text;
}

sub architecture
{
	my ($self) = @_;
	my $text = slurp_file("$self->{top}/doc/architecture.md");
	my $modules = $self->modules;
	$text =~ s/(<!-- modules[^\n]*\n).*?(?=<!-- end)/$1\n$modules/s
	  or $self->problem('doc/architecture.md has no place for the list of files');
	return $text;
}

1;

# The library exports what PostgreSQL must find and nothing that could clash
# with another library; versions agree wherever they are written.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = $ENV{LEADPOOL_TOP};

# The private copy of PostgreSQL lies under tmp/root as it does under /.
chomp(my $pkglibdir = `$ENV{PG_CONFIG} --pkglibdir`);
my $library = "$top/tmp/root$pkglibdir/leadpool.so";
ok(-f $library, 'leadpool.so is installed');
ok(-f "$top/tmp/root$pkglibdir/leadpool_$_.so", "leadpool_$_.so is installed") for 'http', 'phone';

sub exported
{
	my ($file) = @_;
	my @names = map { (split)[-1] } split(/\n/, `nm -D --defined-only $file`);
	return @names;
}

my @names = exported($library);
cmp_ok(scalar(@names), '>', 10, 'the library exports something');
is_deeply(
	[ grep { !/^(lp_|pg_finfo_lp_|_PG_init$|Pg_magic_func$)/ } @names ],
	[], 'leadpool.so exports lp_*, pg_finfo_lp_*, _PG_init, Pg_magic_func only');
for my $module ('http', 'phone')
{
	my $file = "$top/tmp/root$pkglibdir/leadpool_$module.so";
	is_deeply([ grep { !/^(lp_${module}_|_PG_init$|Pg_magic_func$)/ } exported($file) ],
		[], "leadpool_$module.so exports its entry points only");
}
is_deeply([ grep { /^lp_/ } exported("$top/tmp/root$pkglibdir/leadpool_http.so") ],
	['lp_http_module'], 'one of leadpool_http.so');

# C++ runtime, libphonenumber and libcurl must not be in every backend.
my $needed = `objdump -p $library`;
unlike($needed, qr/NEEDED.*(stdc\+\+|phonenumber|protobuf|icu|curl|ssl)/,
	'leadpool.so itself needs no large library');

my $control = slurp_file("$top/leadpool.control");
my ($version) = $control =~ /^default_version = '([^']+)'/m;
my $meta = decode_json(slurp_file("$top/META.json"));
like($meta->{version}, qr/^\Q$version\E(\.0)*$/, 'META.json has the version of the control file');
is($meta->{provides}{leadpool}{version}, $meta->{version}, 'and so has what it provides');
like(slurp_file("$top/CHANGELOG.md"), qr/^#+ \[?v?\Q$version\E/m, 'CHANGELOG.md has an entry for it');
ok(-f "$top/$meta->{provides}{leadpool}{docfile}", 'the documentation that it names exists');

done_testing();

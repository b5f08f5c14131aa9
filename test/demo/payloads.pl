#!/usr/bin/perl
# payloads.pl [file ...]: answers of Apollo as the demo captures them, one a line
# in COPY text format: how it came (jsonb, or raw for a body that jsonb refuses),
# tab, body.  The files given come first, verbatim.
#
# 500 bodies made up: 80 bulk matches of ten and 420 of one person, about 1,100 people at
# 160 companies.  The same seed gives the same bytes.  All is invented: domains
# end in .example, phone numbers are from ranges reserved for fiction.  As in
# life, one answer in six is incomplete or odd: see dirty().
use strict;
use warnings;
use JSON::PP;

my $json = JSON::PP->new->utf8->canonical;

# Own generator, so that no version of Perl changes the demo (ANSI C's).
my $state = 7;
sub below { $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $_[0]; }
sub one_of { return $_[ below(scalar @_) ]; }
sub chance { return below(100) < $_[0]; }
sub hex_id { return join('', map { sprintf('%x', below(16)) } 1 .. 24); }
sub some_of
{
	my ($n, @from) = @_;
	my %seen;
	return [ grep { !$seen{$_}++ } map { one_of(@from) } 1 .. $n ];
}

my %place = (
	'United States' => {
		weight => 40, cities => [ [ 'Austin', 'Texas', 'America/Chicago' ], [ 'Boston', 'Massachusetts', 'America/New_York' ],
			[ 'Denver', 'Colorado', 'America/Denver' ], [ 'Seattle', 'Washington', 'America/Los_Angeles' ], [ 'Miami', 'Florida', 'America/New_York' ] ],
		first => [qw(Olivia Liam Emma Noah Ava Mason Sophia Ethan Harper Logan Grace Caleb)],
		last => [qw(Whitfield Carver Delgado Okafor Brandt Haskell Nguyen Prescott Lindqvist Ramos)],
		mobile => sub { sprintf('+1202555%04d', 100 + below(100)) }, company => 'Inc.' },
	'United Kingdom' => {
		weight => 20, cities => [ [ 'London', 'England', 'Europe/London' ], [ 'Leeds', 'England', 'Europe/London' ], [ 'Glasgow', 'Scotland', 'Europe/London' ] ],
		first => [qw(Amelia Oliver Isla George Freya Arthur Poppy Rhys)],
		last => [qw(Ashworth Penhaligon Fairclough Iqbal Macrae Thornley)],
		mobile => sub { sprintf('+447700900%03d', below(1000)) }, company => 'Ltd' },
	'Australia' => {
		weight => 18, cities => [ [ 'Sydney', 'New South Wales', 'Australia/Sydney' ], [ 'Melbourne', 'Victoria', 'Australia/Melbourne' ], [ 'Perth', 'Western Australia', 'Australia/Perth' ] ],
		first => [qw(Charlotte Jack Matilda Cooper Ruby Lachlan)],
		last => [qw(Gallagher Nowak Tran Petrou Wallis Kelleher)],
		mobile => sub { one_of(qw(+61491570006 +61491570156 +61491570157 +61491570158 +61491570159 +61491570110)) }, company => 'Pty Ltd' },
	'Germany' => {
		weight => 14, cities => [ [ 'Berlin', 'Berlin', 'Europe/Berlin' ], [ "M\x{fc}nchen", 'Bavaria', 'Europe/Berlin' ], [ 'Hamburg', 'Hamburg', 'Europe/Berlin' ] ],
		first => [ qw(Hannah Lukas Lena Felix), "J\x{fc}rgen", "Zo\x{eb}" ],
		last => [ qw(Vogel Brandt Keller Sommer), "M\x{fc}ller-Stra\x{df}er", "G\x{f6}tz" ],
		mobile => sub { sprintf('+4917139200%02d', below(100)) }, company => 'GmbH' },
	'France' => {
		weight => 8, cities => [ [ 'Paris', "\x{ce}le-de-France", 'Europe/Paris' ], [ 'Lyon', "Auvergne-Rh\x{f4}ne-Alpes", 'Europe/Paris' ] ],
		first => [ "Chlo\x{e9}", "L\x{e9}o", qw(Camille Jules) ], last => [ "Lef\x{e8}vre", "B\x{e9}ranger", qw(Moreau Garnier) ],
		mobile => sub { sprintf('+336399800%02d', below(100)) }, company => 'SAS' });
my @countries = map { my $c = $_; ($c) x $place{$c}{weight} } sort keys %place;

my @industries = ('retail', 'machinery', 'computer software', 'renewables & environment', 'hospital & health care',
	'logistics & supply chain', 'financial services', 'construction', 'food production', 'marketing & advertising');
my @technologies = ('Amazon AWS', 'Cloudflare DNS', 'Gmail', 'Google Workspace', 'Hubspot', 'Salesforce', 'Shopify',
	'WordPress.org', 'Zendesk', 'Microsoft Office 365', 'Python', 'reCAPTCHA', 'Stripe', 'Segment.io');
my @jobs = (
	[ 'Chief Executive Officer', 'c_suite', 'c_suite', 'executive' ], [ 'Chief Financial Officer', 'c_suite', 'master_finance', 'finance_executive' ],
	[ 'VP Sales', 'vp', 'master_sales', 'sales' ], [ 'VP Platform Engineering', 'vp', 'master_engineering_technical', 'devops' ],
	[ 'Director of Operations', 'director', 'master_operations', 'operations' ], [ 'Head of Marketing', 'head', 'master_marketing', 'marketing' ],
	[ 'Procurement Manager', 'manager', 'master_operations', 'sourcing_procurement' ], [ 'IT Manager', 'manager', 'master_information_technology', 'technology_operations' ],
	[ 'Account Executive', 'senior', 'master_sales', 'account_management' ], [ 'Software Engineer', 'entry', 'master_engineering_technical', 'software_development' ],
	[ 'Founder', 'founder', 'c_suite', 'founder' ], [ 'Owner', 'owner', 'c_suite', 'executive' ]);

# Companies.
my (@companies, %used);
my @stems = qw(Quill Tarn Fenn Harbor Larch Moss North Ember Cobalt Sable Alder Brook Crest Dune Field Glen);
my @ends = qw(mere bridge wick light wood line gate stone well dale);
my @trades = ('Robotics', 'Logistics', 'Solar', 'Foods', 'Health', 'Retail', 'Capital', 'Build', 'Media', 'Systems');
while (@companies < 160)
{
	my $country = one_of(@countries);
	my ($city, $region) = @{ one_of(@{ $place{$country}{cities} }) };
	my $stem = one_of(@stems) . one_of(@ends);
	my $trade = one_of(@trades);
	my $domain = lc("$stem-$trade.example");
	next if $used{$domain}++;
	my $industry = one_of(@industries);
	my $staff = one_of(8, 25, 60, 140, 420, 1600, 12000) + below(20);
	my $revenue = $staff * (90_000 + below(60_000));
	my $technologies = some_of(5, @technologies);
	push @companies, {
		id => hex_id(), name => "$stem $trade $place{$country}{company}", website_url => "http://www.$domain", blog_url => undef,
		linkedin_url => "http://www.linkedin.com/company/example-" . lc("$stem-$trade"), primary_domain => $domain,
		primary_phone => {}, languages => ['English'], founded_year => 1960 + below(62), linkedin_uid => '' . (1000000 + below(32768)),
		industry => $industry, industries => [$industry], secondary_industries => [], industry_tag_id => hex_id(),
		keywords => some_of(4, 'b2b', 'saas', 'wholesale', 'field service', 'e-commerce', 'sustainability', 'pick & place'),
		estimated_num_employees => $staff, annual_revenue => $revenue, organization_revenue => $revenue + 0.0,
		annual_revenue_printed => int($revenue / 1_000_000) . 'M', sic_codes => [], naics_codes => [], raw_address => lc("$city, $country"),
		city => $city, state => $region, country => $country, postal_code => undef, short_description => "$stem $trade serves customers in $country.",
		num_suborganizations => 0, suborganizations => [], technology_names => $technologies,
		current_technologies => [ map { { uid => lc(s/\W/_/gr), name => $_, category => 'Other' } } @$technologies ],
		total_funding => (chance(30) ? 1_000_000 * (1 + below(90)) : undef), latest_funding_stage => (chance(30) ? 'Series B' : undef),
		organization_headcount_six_month_growth => (below(60) - 20) / 100, org_chart_root_people_ids => [] };
}

# One person as bulk_match tells it.
my $number = 0;
sub person
{
	my $company = one_of(@companies);
	my $country = $company->{country};
	my ($city, $region, $zone) = @{ one_of(@{ $place{$country}{cities} }) };
	my ($first, $last) = (one_of(@{ $place{$country}{first} }), one_of(@{ $place{$country}{last} }));
	my ($title, $seniority, $department, $sub) = @{ one_of(@jobs) };
	(my $login = lc "$first.$last") =~ s/[^a-z.]//g;
	$number++;
	my $mail = "$login$number\@$company->{primary_domain}";
	my @history = ({ id => hex_id(), organization_id => $company->{id}, organization_name => $company->{name}, title => $title,
			current => JSON::PP::true, start_date => (2015 + below(10)) . '-0' . (1 + below(9)) . '-01', end_date => undef, kind => undef });
	push @history, { id => hex_id(), organization_id => undef, organization_name => one_of(@companies)->{name}, title => one_of(@jobs)->[0],
		current => JSON::PP::false, start_date => '2009-03-01', end_date => '2014-11-01', kind => undef } for 1 .. below(3);
	my %person = (
		id => hex_id(), first_name => $first, last_name => $last, name => "$first $last", title => $title,
		headline => "$title at $company->{name}", linkedin_url => "http://www.linkedin.com/in/example-" . ($login =~ tr/./-/r) . "-$number",
		photo_url => undef, twitter_url => undef, github_url => undef, facebook_url => undef,
		email => $mail, email_status => 'verified', extrapolated_email_confidence => undef, email_domain_catchall => (chance(6) ? JSON::PP::true : JSON::PP::false),
		personal_emails => [], organization_id => $company->{id}, organization => $company, employment_history => \@history,
		street_address => '', city => $city, state => $region, country => $country, postal_code => undef, formatted_address => "$city, $country",
		time_zone => $zone, seniority => $seniority, departments => [$department], subdepartments => [$sub], functions => [$sub],
		intent_strength => one_of(undef, undef, 'low', 'high'), show_intent => JSON::PP::false, is_likely_to_engage => (chance(20) ? JSON::PP::true : JSON::PP::false),
		revealed_for_current_team => JSON::PP::true, match_confidence => 'high');
	if (chance(55))
	{
		my $phone = $place{$country}{mobile}->();
		$person{phone_numbers} = [ { raw_number => $phone, sanitized_number => $phone, type => one_of('mobile', 'mobile', 'work_direct'),
				position => 0, status => 'valid_number', dnc_status => undef, dnc_other_info => {}, source_name => 'Apollo' } ];
	}
	return \%person;
}

# What one answer in six is like.  Each has to cost itself only.
sub contact
{
	my ($p, %more) = @_;
	return { id => hex_id(), person_id => $p->{id}, name => $p->{name}, email => $p->{email}, contact_emails => [], phone_numbers => $p->{phone_numbers} // [], %more };
}
my @dirt = (
	sub { $_[0]{email} = 'email_not_unlocked@domain.com'; $_[0]{email_status} = 'unavailable' },      # locked
	sub { $_[0]{email} = undef; $_[0]{email_status} = undef },                                         # not found
	sub { $_[0]{email_status} = one_of('guessed', 'extrapolated', 'unverified', 'brand_new_word') },   # not mailable
	sub { $_[0]{email} = one_of('info', 'sales', 'office') . "\@$_[0]{organization}{primary_domain}" },  # a mailbox, no person
	sub { $_[0]{title} = 42; $_[0]{employment_history} = 'see profile'; $_[0]{departments} = { one => 1 } },  # wrong types
	sub { $_[0]{organization} = { %{ $_[0]{organization} }, estimated_num_employees => 'about 50', annual_revenue => [] } },
	sub { $_[0]{headline} = "Growth\0 & \x{1F680} more" },                                             # U+0000
	sub { $_[0]{lone} = "\\udc00" },                                                                   # half a surrogate pair (below)
	sub { $_[0]{contact} = contact($_[0], email_unsubscribed => JSON::PP::true) },                     # opted out
	sub { $_[0]{phone_numbers} = [ { sanitized_number => '+12025550177', type => 'mobile', status => 'valid_number', dnc_status => undef } ];
		$_[0]{contact} = contact($_[0], call_opted_out => JSON::PP::true) },
	sub { $_[0]{phone_numbers} = [ { raw_number => 'ask reception', sanitized_number => undef, type => undef } ] },
	sub { $_[0]{buying_committee} = { role => 'champion', score => below(100) } },                     # a field nobody knows
	sub { delete $_[0]{$_} for qw(city state country time_zone formatted_address phone_numbers) },     # nothing about the place
	sub { $_[0]{email} = " \u$_[0]{email} "; $_[0]{name} = "<b>$_[0]{name}</b>" },                     # untidy
	sub { $_[0]{match_confidence} = 'none' },
	sub { delete $_[0]{id} });

my @seen;
sub element
{
	# Someone already bought, told anew: with another title, or just again.
	if (@seen > 40 && chance(9))
	{
		my $again = { %{ one_of(@seen) } };
		$again->{title} = "Senior $again->{title}" if chance(50) && !ref $again->{title};
		return $again;
	}
	my $person = person();
	one_of(@dirt)->($person) if chance(17);
	push @seen, $person;
	return $person;
}

sub line
{
	my ($text) = @_;
	# What jsonb refuses takes the other door.
	my $door = $text =~ s/"lone":"\\\\udc00"/"lone":"\\udc00"/g || $text =~ /\\u0000/ ? 'raw' : 'jsonb';
	$text =~ s/\\/\\\\/g;
	$text =~ s/\n/\\n/g;
	$text =~ s/\t/\\t/g;
	$text =~ s/\r/\\r/g;
	print "$door\t$text\n";
	return;
}

for my $file (@ARGV)
{
	open(my $in, '<:raw', $file) or die "could not read $file: $!";
	local $/ = undef;
	line(scalar <$in>);
}

for my $n (1 .. 500)
{
	if ($n % 25 < 4)
	{
		my @matches = map { chance(4) ? undef : element() } 1 .. 10;
		line($json->encode({ status => 'success', error_code => undef, error_message => undef, total_requested_enrichments => 10,
				unique_enriched_records => scalar(grep { defined } @matches), missing_records => scalar(grep { !defined } @matches),
				credits_consumed => scalar(@matches), matches => \@matches }));
	}
	else
	{
		line($json->encode({ person => element(), request_id => $n * 7919 }));
	}
}

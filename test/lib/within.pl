#!/usr/bin/perl
# within.pl SECONDS COMMAND [ARGUMENT ...]
#
# Runs a command of the tests.  One that takes longer is ended, with all that it
# started, after a report of what each process waits for: a test that hangs
# shall say where.  What a command leaves behind is ended, too, and makes it fail.
#
# What it started is what works below the current directory, which is the
# tests' own: servers leave their session and their parents, and stay there.
use strict;
use warnings;
use Cwd qw(getcwd);
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

my ($limit, @command) = @ARGV;
my $here = getcwd();

sub slurp
{
	open(my $in, '<', $_[0]) or return '';
	local $/ = undef;
	return scalar(<$in>) // '';
}

# This process and those that it was called by work here, too.
my %above;
for (my $pid = $$; $pid; ($pid) = slurp("/proc/$pid/status") =~ /^PPid:\s+(\d+)/m)
{
	$above{$pid} = 1;
}

sub started
{
	my @pids = map { m{(\d+)} } glob '/proc/[0-9]*';
	return grep { !$above{$_} && index((readlink("/proc/$_/cwd") // '') . '/', "$here/") == 0 } @pids;
}

# What each waits for: as the kernel says and, where there is one, as gdb does,
# for a minute at most.
sub report
{
	my ($why) = @_;
	my $debugger = system('command -v gdb > /dev/null') == 0;
	my $until = time + 60;
	print STDERR "# $why:\n";
	for my $pid (started())
	{
		print STDERR "# $pid: ", substr(slurp("/proc/$pid/cmdline") =~ tr/\0/ /r, 0, 200), "\n";
		for my $task (glob "/proc/$pid/task/*")
		{
			my ($state) = slurp("$task/status") =~ /^State:\s+(.*)/m;
			print STDERR "#     ", slurp("$task/comm") =~ s/\n//r, ': ', $state // 'gone', ', ', slurp("$task/wchan"), "\n";
		}
		next unless $debugger && time < $until;
		my @lines = split /\n/, `timeout -k 5 10 gdb -p $pid -batch -ex 'thread apply all bt 20' 2> /dev/null < /dev/null`;
		print STDERR '#         ', substr($_, 0, 120), "\n" for grep { /^#/ || /^Thread/ } @lines;
	}
	return;
}

sub wait_for_ends
{
	my ($seconds) = @_;
	for (my $until = time + $seconds; started() && time < $until;)
	{
		sleep 0.05;
	}
	return;
}

# A server asked in this way ends its own processes first.  What the kernel does
# not let go of is left after a while.
sub end_all
{
	kill 'QUIT', started();
	wait_for_ends(2);
	my $until = time + 20;
	while ((my @left = started()) && time < $until)
	{
		kill 'KILL', @left;
		sleep 0.05;
	}
	return;
}

# It interrupts the sleep.
local $SIG{CHLD} = sub { };
my $child = fork() // die "could not fork: $!\n";
if ($child == 0)
{
	exec(@command) or print STDERR "$command[0]: $!\n";
	POSIX::_exit(127);
}
my $ended = 0;
for (my $until = time + $limit; !$ended && time < $until;)
{
	# a signal just before it does not
	sleep(0.2) unless ($ended = waitpid($child, WNOHANG)) == $child;
}
if (!$ended)
{
	report("not done after $limit s, and ended");
	end_all();
	exit 124;
}
my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
wait_for_ends(5);
if (started())
{
	report('left behind');
	end_all();
	$status ||= 1;
}
exit $status;

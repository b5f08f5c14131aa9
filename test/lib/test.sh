#!/bin/bash
# Runs the suites as an unprivileged user and ends with one summary line.
# Called by test/run.sh after the build.
set -uo pipefail
. "$(dirname "$0")/common.sh"

# Tests by chance repeat one run unless another is asked for: what CI says of a
# commit shall not change from day to day.  "random" is for make chaos.
if [ "${LEADPOOL_SEED:-}" = random ]; then
	unset LEADPOOL_SEED
else
	export LEADPOOL_SEED=${LEADPOOL_SEED:-20260304}
fi

# How long a test waits for what shall happen: more than the minute after which
# a worker that nobody woke looks by itself.
export PG_TEST_TIMEOUT_DEFAULT=100

# Nothing waits for ever: see there.
within=$top/test/lib/within.pl

suite=${1:-all}
[ $# -gt 0 ] && shift
names=("$@")
passed=0
failed=0

# count FILE OK-PATTERN FAIL-PATTERN STATUS: adds a suite's log to the totals;
# a suite that failed without naming a test counts as one failure.
count() {
	local ok bad
	ok=$(grep -cE "$2" "$1")
	bad=$(grep -cE "$3" "$1")
	if [ "$4" != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))
}

regress_ok='^(test|ok)\b.*( ok |^ok )|^ok [0-9]'
regress_bad='^test .*\bFAILED|^not ok'

run_regress() {
	local tests log=$tmp/log/regress.log status=0
	tests=("${names[@]}")
	if [ ${#tests[@]} = 0 ]; then
		mapfile -t tests < <(cd "$top/sql" && ls ./*.sql | sed 's|^\./||; s|\.sql$||')
	fi
	rm -rf "$tmp/run/regress"
	mkdir -p "$tmp/run/regress"
	(cd "$tmp/run/regress" && PGUSER=postgres "$within" 1200 "$pgxs_dir/test/regress/pg_regress" --bindir="$bindir" \
		--inputdir="$top" --outputdir="$tmp/run/regress" --temp-instance="$tmp/run/regress/instance" \
		--temp-config="$top/test/leadpool.conf" --load-extension=leadpool --encoding=UTF8 --no-locale \
		--user=postgres "${tests[@]}") 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	[ -f "$tmp/run/regress/regression.diffs" ] && cat "$tmp/run/regress/regression.diffs"
	count "$log" '^test .*\.\.\. +ok\b|^ok [0-9]' "$regress_bad" "$status"
}

run_isolation() {
	local tests log=$tmp/log/isolation.log status=0
	tests=("${names[@]}")
	if [ ${#tests[@]} = 0 ]; then
		mapfile -t tests < <(cd "$top/test/specs" && ls ./*.spec 2>/dev/null | sed 's|^\./||; s|\.spec$||')
	fi
	[ ${#tests[@]} = 0 ] && return
	rm -rf "$tmp/run/isolation"
	mkdir -p "$tmp/run/isolation"
	(cd "$tmp/run/isolation" && PGUSER=postgres "$within" 1200 "$pgxs_dir/test/isolation/pg_isolation_regress" --bindir="$bindir" \
		--inputdir="$top/test" --outputdir="$tmp/run/isolation" --temp-instance="$tmp/run/isolation/instance" \
		--temp-config="$top/test/leadpool.conf" --load-extension=leadpool --encoding=UTF8 --no-locale \
		--user=postgres "${tests[@]}") 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	[ -f "$tmp/run/isolation/regression.diffs" ] && cat "$tmp/run/isolation/regression.diffs"
	count "$log" '^test .*\.\.\. +ok\b|^ok [0-9]' "$regress_bad" "$status"
}

run_tap() {
	local tests=() log=$tmp/log/tap.log status=0 name
	for name in "${names[@]}"; do
		tests+=("$top/test/t/$name.pl")
	done
	[ ${#tests[@]} = 0 ] && mapfile -t tests < <(ls "$top"/test/t/*.pl 2>/dev/null)
	[ ${#tests[@]} = 0 ] && return
	export PERL5LIB=$pgxs_dir/test/perl:$top/test/lib
	export TAP_UNTIL=$(($(date +%s) + ${LEADPOOL_TAP_SECONDS:-2700}))
	tap_env tap prove --verbose --timer --exec "$top/test/lib/tap.sh" "${tests[@]}" 3>&1 > "$log" 2>&1
	status=$?
	[ $status = 0 ] || grep -iE 'seed' "$log"
	grep -E '^not ok' -A12 "$log"
	# without the stacks
	grep -B4 -A60 -E '^# (not done after|left behind)' "$log" | grep -v '^#         ' | cut -c 1-160
	sed -n '/^Test Summary Report/,$p; /^All tests successful/,$p' "$log"
	count "$log" '^ok [0-9]' '^not ok' "$status"
}

# One test: the sources are laid out as test/lib/format.sh would.
run_format() {
	local log=$tmp/log/format.log
	if "$top/test/lib/format.sh" --check > "$log" 2>&1; then
		echo "ok 1 - format" >> "$log"
	else
		head -40 "$log"
		echo "not ok 1 - format: run \"make format\"" | tee -a "$log"
	fi
	count "$log" '^ok 1 - format' '^not ok 1 - format' 0
}

case $suite in
	regress | isolation | tap | format) "run_$suite" ;;
	all)
		run_format
		run_regress
		run_isolation
		run_tap
		;;
	*)
		echo "unknown suite \"$suite\"" >&2
		exit 2
		;;
esac

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

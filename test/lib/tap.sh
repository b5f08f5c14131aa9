#!/bin/bash
# tap.sh FILE: one TAP test for prove, with a limit on its time, and on
# descriptor 3 a line that says how it ended.
#
# The limit is for a test that hangs.  After TAP_UNTIL, when the suite as a whole
# has had its time, each of the rest gets a moment only: many that fail slowly
# shall not keep the answer back either.
set -uo pipefail

moment=20
limit=${LEADPOOL_TEST_SECONDS:-900}
left=$((TAP_UNTIL - $(date +%s)))
if [ "$left" -lt "$limit" ]; then
	limit=$((left > moment ? left : moment))
fi

printf 'test %-28s ... ' "$(basename "$1" .pl)" >&3
start=$(date +%s)
"$(dirname "$0")/within.pl" "$limit" perl "$1" 3>&-
status=$?
case $status in
	0) word=ok ;;
	124) word='HUNG' ;;
	*) word=FAILED ;;
esac
printf '%-6s %5d s\n' "$word" $(($(date +%s) - start)) >&3
# what it died of is in a log of its own
if [ "$status" != 0 ]; then
	tail -n 12 "tmp_check/log/regress_log_$(basename "$1" .pl)" 2> /dev/null | cut -c 1-200 | sed 's/^/#   /' >&3
fi
exit $status

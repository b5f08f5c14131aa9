#!/bin/bash
# bench/http/run.sh [seconds]: the HTTP engine in a backend beside a bare libcurl
# program at equal concurrency, against nginx (answers at once, 6 kB and small)
# and a server that delays.  Answers a second and microseconds of CPU an answer
# of each, and the ratio of the rates; about "seconds" (3) for each measurement,
# three pairs of each, the median is shown.
#
# As root, since it installs nginx-light if there is no nginx; servers listen on
# loopback, and everything they write is in a directory that is removed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../test/lib/common.sh"
. "$here/servers.sh"
seconds=${1:-3}
become_postgres "$0" "$@"
dir=$(mktemp -d /tmp/leadpool-http.XXXXXX)

# About 6 kB of an answer as Apollo gives it, as one record of a batch would be.
head -c 6000 "$top/test/fixtures/apollo/people_match_full.json" > "$dir/full.json"
echo '{"person": null}' > "$dir/small.json"
start_servers "$dir/full.json"
start_cluster
sql -c "CREATE FUNCTION http_bench(url text, calls int, concurrency int, body text DEFAULT NULL, ca_file text DEFAULT NULL)
	RETURNS text LANGUAGE C AS 'leadpool_http_test'"

# measure LABEL URL CONCURRENCY GUESS: GUESS calls a second at most
measure() {
	local calls=$(($4 * seconds)) run
	for run in 1 2 3; do
		"$dir/bare" "$2" "$calls" "$3" > "$dir/bare.$run"
		sql -c "SELECT http_bench('$2', $calls, $3)" > "$dir/engine.$run"
	done
	paste -d' ' <(cat "$dir"/bare.[123]) <(cat "$dir"/engine.[123]) | awk -v label="$1" -v c="$3" '
		function median(a, i, j, t) { for (i = 1; i < 3; i++) for (j = i + 1; j <= 3; j++) if (a[j] < a[i]) { t = a[i]; a[i] = a[j]; a[j] = t } return a[2] }
		{ br[NR] = $1 / $3 * 1000; bc[NR] = $4 / $1; er[NR] = $5 / $7 * 1000; ec[NR] = $8 / $5; failed += $2 + $6 }
		END { b = median(br); e = median(er)
			printf "%-22s %5d  bare %7.0f/s %5.1f us   engine %7.0f/s %5.1f us   ratio %.2f%s\n", label, c, b, median(bc), e, median(ec), e / b,
				failed ? "   FAILED " failed : "" }'
}

for c in 50 200 1000; do
	measure 'at once, small' "http://127.0.0.1:$port/small.json" $c 30000
	measure 'at once, 6 kB' "http://127.0.0.1:$port/full.json" $c 25000
	measure '100 ms, 6 kB' "$delayed/100" $c $((c * 9 < 9000 ? c * 9 : 9000))
	# Long enough that the last slow answers are not the measure.
	measure '100 ms, 1 % 3 s, 6 kB' "$delayed/mix" $c $((c * 14 < 14000 ? c * 14 : 14000))
done

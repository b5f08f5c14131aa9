#!/bin/bash
# Shows leadpool at work on a throw-away cluster: 540 answers of Apollo, two
# agencies at once, three days, and the worker that refills a dry pool from a
# stand-in for Apollo on loopback.  Called by test/run.sh as an unprivileged user;
# the cluster listens on a unix socket only and is gone afterwards.
set -euo pipefail
. "$(dirname "$0")/common.sh"

demo=$top/test/demo
work=$tmp/run/demo
rm -rf "$work" "$tmp/log/demo.log"
mkdir -p "$work"
# A socket's path is short by law; this tree's may be long.
socket=$(mktemp -d /tmp/leadpool.XXXXXX)
standin=
cleanup() {
	[ -z "$standin" ] || kill "$standin" 2> /dev/null || true
	[ -f "$work/data/postmaster.pid" ] && "$bindir/pg_ctl" -D "$work/data" -m immediate -w stop > /dev/null 2>&1
	rm -rf "$socket" "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
for name in "${!PG@}"; do
	[ "$name" = PG_CONFIG ] || unset "$name"
done
export PGHOST=$socket PGPORT=5432 PGDATABASE=postgres PGUSER=engine PGOPTIONS='-c client_min_messages=warning'

run() {
	"$bindir/psql" -X -q -v ON_ERROR_STOP=1 "$@"
}
steps=()
mark=$(date +%s%N)
# step NAME: the time since the step before.
step() {
	local now
	now=$(date +%s%N)
	steps+=("$1 $(((now - mark) / 1000000)) ms")
	mark=$now
}
# both SCRIPT VARIABLES...: a script for the two agencies at the same time.
both() {
	local script=$1 one two
	shift
	run "$@" -v agency=1 -o /dev/null -f "$script" &
	one=$!
	run "$@" -v agency=2 -o /dev/null -f "$script" &
	two=$!
	wait "$one" && wait "$two"
}

# Apollo, as far as this machine knows it.
mkdir -m 700 "$work/secrets"
(umask 077; echo apollo-EXAMPLE > "$work/secrets/leadpool_apollo_key")
python3 -B "$top/test/standin/standin.py" --port-file "$work/port" --settings '{"apollo": {"limits": null}}' \
	< /dev/null > "$tmp/log/demo-standin.log" 2>&1 &
standin=$!
looks=0
until [ -s "$work/port" ] || ! kill -0 "$standin" 2> /dev/null || [ $((looks += 1)) -gt 1200 ]; do sleep 0.05; done
apollo=http://127.0.0.1:$(head -1 "$work/port")

"$bindir/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --no-locale -N > "$work/initdb.log"
"$bindir/pg_ctl" -D "$work/data" -w -l "$tmp/log/demo.log" -o "-c listen_addresses='' -c unix_socket_directories='$socket' \
	-c leadpool.secrets_dir='$work/secrets' -c leadpool.apollo_base_url='$apollo/apollo/api/v1' -c leadpool.allow_loopback_http=on \
	-c leadpool.apollo_daily_credits=120 -c leadpool.apollo_rate=1000/s \
	-c port=5432 -c fsync=off -c synchronous_commit=off -c shared_buffers=128MB -c timezone=UTC" start > /dev/null
PGUSER=postgres run -o /dev/null -f "$demo/setup.sql"
step 'cluster and extension'

perl "$demo/payloads.pl" $(ls "$top"/test/fixtures/apollo/*.json | grep -v /manifest.json) | run -c "COPY demo.body (door, body) FROM stdin"
step 'payloads'
run -f "$demo/capture.sql"
step 'capture'
both "$demo/allocate.sql"
step 'allocation'

days=('2026-03-03 15:00+00|2026-03-03 21:00+00' '2026-03-06 15:30+00|2026-03-06 21:00+00' '2026-03-09 16:00+00|2026-03-09 21:00+00')
for day in 1 2 3; do
	case $day in
		2) # an operator's ban, and an agency that does not pay for a morning
			run -o /dev/null -c "SET leadpool.now = '2026-03-05 09:00+00'" \
				-c "SELECT lp_suppress('domain', (SELECT company_primary_domain FROM lead_pool p JOIN lead_assignments a ON a.lead_id = p.id
						GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1), 'operator')" ;;
		3) # paused: every claim of Southgate is refused until it is back
			run -o /dev/null -c "SET leadpool.now = '2026-03-09 15:00+00'" \
				-c "SELECT lp_client_set(id, settings => '{\"status\": \"paused\"}') FROM demo.agency WHERE n = 2" \
				-c "INSERT INTO demo.claim SELECT 3, 2, 'linkedin', a.lead_id, c.* FROM demo.agency g
						JOIN lead_assignments a ON a.client_id = g.id AND a.status = 'active'
						CROSS JOIN LATERAL lp_jit_claim(a.lead_id, g.id, 'linkedin', g.profile) c WHERE g.n = 2 AND a.lead_id::text ~ '[0-3]$'" \
				-c "SELECT lp_client_set(id, settings => '{\"status\": \"active\"}') FROM demo.agency WHERE n = 2" ;;
	esac
	both "$demo/day.sql" -v day="$day" -v now="${days[day - 1]%|*}" -v evening="${days[day - 1]#*|}"
	step "day $day"
done

run -f "$demo/report.sql"
step 'report'
PGUSER=postgres run -o /dev/null -c 'SELECT lp_worker_start()'
run -o /dev/null -f "$demo/worker.sql"
counted=$(perl -MHTTP::Tiny -MJSON::PP -e 'my $sum = 0;
	$sum += $_->{credits} for @{decode_json(HTTP::Tiny->new->get("$ARGV[0]/_control/ledger?provider=apollo")->{content})}; print $sum' "$apollo")
run -v counted="$counted" -f "$demo/dry.sql"
step 'worker'
printf 'TIME   %s\n' "$(IFS=,; echo "${steps[*]}" | sed 's/,/, /g')"

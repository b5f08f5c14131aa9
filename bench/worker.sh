#!/bin/bash
# bench/worker.sh [scale]: the worker beside a bare libcurl program, at equal
# concurrency, against the same servers: answers a second that are stored
# durably (fsync is on), CPU of each process an answer, and the ratio of the
# rates; medians of three pairs.  Then what one queued job costs with a short
# and a long queue, what an idle worker does, and how fast answers about people
# are captured.  Scale 1 takes about four minutes; 0.2 is a smoke run.
#
# A job is one call here (a company each), so that nothing is shared.  The
# worker's CPU is what its process used until the last answer was stored; how
# many answers were captured by then is shown.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../test/lib/common.sh"
. "$here/http/servers.sh"
scale=${1:-1}
only=${2:-.}
become_postgres "$0" "$@"
dir=$(mktemp -d /tmp/leadpool-worker.XXXXXX)

answer='{"organization": null}'
mkdir "$dir/organizations"
echo "$answer" | tee "$dir/organizations/enrich" > "$dir/answer"
start_servers "$dir/answer"
mkdir -m 700 "$dir/secrets"
(umask 077; echo apollo-EXAMPLE > "$dir/secrets/leadpool_apollo_key")
start_cluster -c fsync=on -c shared_buffers=512MB -c max_wal_size=4GB -c autovacuum_naptime=5s \
	-c leadpool.secrets_dir="$dir/secrets" -c leadpool.allow_loopback_http=on \
	-c leadpool.apollo_daily_credits=-1 -c leadpool.apollo_rate=0
sql <<'SQL'
CREATE EXTENSION leadpool;
-- when calls ended: captured or failed, or with an answer that is kept for that
CREATE VIEW stored AS
	SELECT finished_at AS at, http_status = 200 AS good FROM lead_provider_calls WHERE finished_at IS NOT NULL
	UNION ALL
	SELECT received_at, true FROM lead_provider_answers WHERE error IS NULL;
-- looks rarely, since it takes the time from what is measured
CREATE PROCEDURE wait_for_answers(n bigint) LANGUAGE plpgsql AS $$
BEGIN
	WHILE (SELECT last_value < n FROM lead_provider_calls_id_seq) OR (SELECT count(*) < n FROM stored) LOOP
		PERFORM pg_sleep(0.05);
		COMMIT;
	END LOOP;
END $$;
SQL

# queue N: N jobs; the worker is not told.
queue() {
	sql -c "INSERT INTO lead_jobs (kind, provider, subject, next_at, created_by, created_at)
		SELECT 'enrich_company', 'apollo', 'c' || i || '.example', now(), 'bench', now() FROM generate_series(1, $1) i"
}

# setting NAME VALUE
setting() { sql -c "LOAD 'leadpool'" -c "ALTER SYSTEM SET $1 = '$2'"; }

# An empty database with a worker that has connected and sleeps; sets $worker.
fresh() {
	sql -c 'SELECT lp_worker_stop()' > /dev/null
	sql -c 'TRUNCATE lead_jobs, lead_provider_calls, lead_provider_answers, lead_provider_state, lead_budgets RESTART IDENTITY' \
		-c CHECKPOINT -c 'SELECT pg_reload_conf()' > /dev/null
	sql -c 'SELECT lp_worker_start()' > /dev/null
	until [ "$(sql -c "SELECT state = 'idle' AND last_turn_at > started_at FROM lead_worker_status")" = t ]; do sleep 0.1; done
	worker=$(sql -c 'SELECT pid FROM lead_worker_status')
}

cpu_ns() { awk "{ sum += \$1 } END { printf \"%d\", sum }" /proc/$worker/task/*/schedstat; }

# run_worker N [M]: of N queued jobs M (all) are waited for.  Prints answers,
# failures, ms, us of CPU (as bare does), captured.
run_worker() {
	local before after
	queue "$1"
	before=$(cpu_ns)
	sql -c 'SELECT lp_worker_start()' > /dev/null
	sql -c "CALL wait_for_answers(${2:-$1})"
	after=$(cpu_ns)
	sql -F ' ' -c "SELECT count(*) FILTER (WHERE good), count(*) FILTER (WHERE NOT good),
		round(1000 * extract(epoch FROM max(at) - (SELECT started_at FROM lead_provider_calls ORDER BY id LIMIT 1))), ($after - $before) / 1000,
		(SELECT count(*) FROM lead_jobs WHERE state = 'done') FROM stored"
}

# measure LABEL BASE-URL CONCURRENCY CALLS
measure() {
	local calls=$(awk "BEGIN { print int($4 * $scale) }") run
	[[ $1 =~ $only ]] || return 0
	setting leadpool.apollo_base_url "$2"
	setting leadpool.max_connections "$3"
	setting leadpool.max_connections_per_host "$3"
	for run in 1 2 3; do
		"$dir/bare" "$2/organizations/enrich?domain=c.example" "$calls" "$3" > "$dir/bare.$run"
		fresh
		run_worker "$calls" > "$dir/worker.$run"
	done
	paste -d' ' <(cat "$dir"/bare.[123]) <(cat "$dir"/worker.[123]) | awk -v label="$1" -v c="$3" '
		function median(a, i, j, t) { for (i = 1; i < 3; i++) for (j = i + 1; j <= 3; j++) if (a[j] < a[i]) { t = a[i]; a[i] = a[j]; a[j] = t } return a[2] }
		{ br[NR] = $1 / $3 * 1000; bc[NR] = $4 / $1; er[NR] = $5 / $7 * 1000; ec[NR] = $8 / $5; ratio[NR] = er[NR] / br[NR]; failed += $2 + $6; captured += $9 }
		END { printf "%-18s %5d  bare %7.0f/s %5.1f us   worker %7.0f/s %5.1f us (%d captured)   ratio %.2f%s\n", label, c,
				median(br), median(bc), median(er), median(ec), captured / 3, median(ratio), failed ? "   FAILED " failed : "" }'
}

# queue_depth N: what a call costs with N queued, over the first 5,000
queue_depth() {
	[[ queue =~ $only ]] || return 0
	fresh
	run_worker "$1" 5000 | awk -v n="$1" '{ printf "%7d queued: %.1f us of CPU a call\n", n, $4 / $1 }'
}

# What a worker that has nothing to do asks of the kernel in ten seconds.
idle() {
	[[ idle =~ $only ]] || return 0
	fresh
	timeout -s INT 10 strace -qq -f -o "$dir/strace" -p "$worker" || true
	echo "idle for 10 s: $(grep -vc '<detached' "$dir/strace") system calls ended: $(cut -d' ' -f2- "$dir/strace" | sed 's/(.*//' | sort | uniq -c | tr '\n' ' ')"
}

# stored N ENDPOINT KIND SUBJECTS BODY: N stored answers, each to a call about so
# many subjects; BODY is an expression over c.id.
stored() {
	sql <<-SQL
		INSERT INTO lead_provider_calls (provider, endpoint, outcome, reserved, started_at, subjects)
			SELECT 'apollo', '$2', 'ok', $4, now(), ARRAY(SELECT i || '-' || k FROM generate_series(1, $4) k) FROM generate_series(1, $1) i;
		INSERT INTO lead_jobs (kind, provider, subject, state, attempts, next_at, call_id, credits_reserved, created_by, created_at)
			SELECT '$3', 'apollo', subject, 'started', 1, now(), c.id, 1, 'bench', now() FROM lead_provider_calls c, unnest(subjects) subject;
		INSERT INTO lead_provider_answers (call_id, body, received_at, ms)
			SELECT c.id, convert_to($5, 'UTF8'), now(), 1 FROM lead_provider_calls c;
	SQL
}

# captures LABEL N ENDPOINT KIND SUBJECTS BODY: what a stored answer costs to
# capture
captures() {
	local before begin
	[[ capture =~ $only ]] || return 0
	fresh
	stored "${@:2}"
	before=$(cpu_ns) begin=$(date +%s%N)
	sql -c 'SELECT lp_worker_start()' > /dev/null
	until [ "$(sql -c 'SELECT NOT EXISTS (SELECT FROM lead_provider_answers WHERE error IS NULL)')" = t ]; do sleep 0.05; done
	sql -c "SELECT format('capture, %s: %s ms of CPU an answer, %s a second (%s bytes a person; %s leads, %s jobs done, %s dead)', '$1',
		round(($(cpu_ns) - $before) / 1e6 / $2, 2), round($2 / (($(date +%s%N) - $begin) / 1e9), 1),
		(SELECT round(avg(length(part))) FROM lead_captures WHERE lead_id IS NOT NULL), (SELECT count(*) FROM lead_pool),
		count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'dead')) FROM lead_jobs"
}

# Ten people, all of them new.
people="(SELECT jsonb_build_object('matches', jsonb_agg(f.person - '{linkedin_url,contact,contact_id,phone_numbers,mobile_phone,sanitized_phone,personal_emails}'::text[]
	|| jsonb_build_object('id', lpad(to_hex(c.id * 10 + i), 24, '0'), 'email', 'p' || c.id * 10 + i || '@example.com')))::text
	FROM generate_series(1, 10) i, (SELECT pg_read_file('$top/test/fixtures/apollo/people_match_full.json')::jsonb -> 'person' AS person) f)"

static=http://127.0.0.1:$port
for c in 200 1000; do
	measure 'at once' "$static" $c 60000
	measure '100 ms' "$delayed/100" $c $((c * 40))
	measure '100 ms, 1 % 3 s' "$delayed/mix" $c $((c * 100 < 40000 ? c * 100 : 40000))
done
setting leadpool.apollo_base_url "$static"
queue_depth $(awk "BEGIN { print int(5000 * $scale) + 5000 }")
queue_depth $(awk "BEGIN { print int(195000 * $scale) + 5000 }")
idle
captures 'ten people' $(awk "BEGIN { print int(300 * $scale) }") people/bulk_match enrich 10 "$people"
captures nobody $(awk "BEGIN { print int(6000 * $scale) }") organizations/enrich enrich_company 1 "'$answer'"

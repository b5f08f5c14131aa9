#!/bin/bash
# bench/allocate.sh [size ...]: what lp_allocate costs beside a plain PL/pgSQL
# function without any rule, and beside the floor (the leads read by primary
# key), at several pool sizes, fresh and with the better half of the segment
# gone.  About two minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../test/lib/common.sh"
. "$here/cluster.sh"
become_postgres "$0" "$@"
sizes=("$@")
[ $# -gt 0 ] || sizes=(20000 200000)
dir=$(mktemp -d /tmp/leadpool-allocate.XXXXXX)
export PGOPTIONS='-c client_min_messages=warning'
start_cluster -c fsync=off -c shared_buffers=512MB -c max_wal_size=4GB

# ms FILE: average milliseconds of a call
ms() { "$bindir/pgbench" -n -c 1 -t "${2:-40}" -f "$1" 2> "$dir/bench.err" | sed -n 's/^latency average = \([0-9.]*\) ms/\1/p'; }

for size in "${sizes[@]}"; do
	sql <<-SQL | sed -n "s|^Time: |rebuild of $size leads: |p"
		DROP EXTENSION IF EXISTS leadpool CASCADE;
		DROP FUNCTION IF EXISTS plain;
		CREATE EXTENSION leadpool;
		INSERT INTO lead_pool (id, score, email, email_status, country_code, company_industry, title, sources, created_at, updated_at)
		SELECT lp_new_id(), (hashint4(i) & 65535) % 101, 'p' || i || '@co' || i || '.example', 'verified',
		       (ARRAY['US','GB','DE','FR','NL','ES','IT','SE','PL','AU'])[1 + i % 10], 'industry ' || (i / 10) % 10,
		       CASE WHEN i % 997 = 0 THEN 'VP Sales' ELSE 'Engineer ' || i % 50 END, '{bench}', now(), now()
		FROM generate_series(1, $size) i;
		INSERT INTO lead_state (lead_id, flags, email_key, email_domain, company_domain)
		SELECT id, 3, hashtextextended(email, 0), split_part(email, '@', 2), split_part(email, '@', 2) FROM lead_pool;
		CREATE INDEX bench_segment ON lead_pool (country_code, company_industry, score DESC, id);
		\timing on
		SELECT lp_rebuild_available();
		\timing off
		SELECT lp_client_set('00000000-0000-7000-8000-0000000000c1', 'Bench');
		CREATE FUNCTION plain(client uuid, country text, industry text, k int) RETURNS SETOF lead_assignments LANGUAGE plpgsql AS \$\$
		BEGIN
		    RETURN QUERY INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at)
		    SELECT p.id, plain.client, 'allocate', now() FROM lead_pool p
		    WHERE p.country_code = plain.country AND p.company_industry = plain.industry AND p.email_status = 'verified' AND p.state = 'active'
		      AND NOT EXISTS (SELECT FROM lead_assignments a WHERE a.lead_id = p.id AND a.status = 'active')
		    ORDER BY p.score DESC, p.id LIMIT k FOR UPDATE OF p SKIP LOCKED RETURNING *;
		END \$\$;
	SQL
	sql -c 'VACUUM ANALYZE' > /dev/null
	for state in fresh half; do
		if [ $state = half ]; then
			# the better half of one segment is given away
			sql -c "SELECT count(*) FROM lp_allocate('00000000-0000-7000-8000-0000000000c1', NULL, $((size / 200)), '{\"countries\": [\"US\"], \"industries\": [\"industry 1\"]}')" > /dev/null
			sql -c 'VACUUM ANALYZE lead_available, lead_assignments' > /dev/null
		fi
		for k in 10 100; do
			echo "SELECT count(*) FROM lp_allocate('00000000-0000-7000-8000-0000000000c1', NULL, $k, '{\"countries\": [\"US\"], \"industries\": [\"industry 1\"]}');" > "$dir/lp.sql"
			echo "BEGIN; SELECT count(*) FROM plain('00000000-0000-7000-8000-0000000000c1', 'US', 'industry 1', $k); ROLLBACK;" > "$dir/plain.sql"
			sed -i 's/^/BEGIN; /; s/$/ ROLLBACK;/' "$dir/lp.sql"
			sql -c "SELECT 'SELECT count(score) FROM lead_pool WHERE id = ANY (ARRAY[' || string_agg(quote_literal(id), ',') || ']::uuid[]);' FROM (SELECT id FROM lead_pool ORDER BY score DESC LIMIT $k) s" > "$dir/floor.sql"
			lp=$(ms "$dir/lp.sql")
			plain=$(ms "$dir/plain.sql")
			floor=$(ms "$dir/floor.sql")
			awk -v s="$size" -v t=$state -v k=$k -v a="$lp" -v b="$plain" -v c="$floor" 'BEGIN {
				printf "%8d leads, %-5s k=%-3d lp_allocate %7.2f ms, plain %7.2f ms, floor %5.2f ms: %.1f of plain, %.1f of the floor\n",
					s, t, k, a, b, c, a / b, a / c }'
		done
	done
done

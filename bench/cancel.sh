#!/bin/bash
# bench/cancel.sh [leads]: what lp_client_cancel costs a call for a client with
# many leads (default 100,000: nine of ten never contacted, one of twenty with an
# open claim), until nothing remains, beside plain SQL that ends as many
# assignments and claims and marks what was contacted, without a lock, a rule or
# the pool.  About a minute.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../test/lib/common.sh"
. "$here/cluster.sh"
become_postgres "$0" "$@"
leads=${1:-100000}
dir=$(mktemp -d /tmp/leadpool-cancel.XXXXXX)
export PGOPTIONS='-c client_min_messages=warning'
start_cluster -c fsync=off -c shared_buffers=512MB -c max_wal_size=4GB

# timed SQL: its milliseconds, then what it answered
timed() { sql -c '\timing on' -c "$1" | awk '/^Time:/ { t = $2; next } NF { a = $0 } END { print t, a }'; }

client=00000000-0000-7000-8000-0000000000c1
sql <<-SQL > /dev/null
	CREATE EXTENSION leadpool;
	SELECT lp_client_set('$client', 'Leaves');
	INSERT INTO lead_pool (id, score, email, email_status, country_code, company_industry, title, sources, created_at, updated_at)
	SELECT lp_new_id(), i % 101, 'p' || i || '@co' || i || '.example', 'verified',
	       (ARRAY['US','GB','DE','FR','NL'])[1 + i % 5], 'industry ' || i % 10, 'Engineer ' || i % 50, '{bench}', now(), now()
	FROM generate_series(1, $leads) i;
	INSERT INTO lead_state (lead_id, flags, email_key, email_domain, company_domain)
	SELECT id, 3, hashtextextended(email, 0), split_part(email, '@', 2), split_part(email, '@', 2) FROM lead_pool;
	INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at) SELECT id, '$client', 'allocate', now() FROM lead_pool;
	INSERT INTO lead_touches (lead_id, client_id, assignment_id, channel, state, claimed_at, expires_at, dispatched_at, sent_at, counted_at)
	SELECT lead_id, '$client', id, 'email', 'sent', now(), now(), now(), now(), now() FROM lead_assignments WHERE hashtext(lead_id::text) % 10 = 0;
	INSERT INTO lead_touches (lead_id, client_id, assignment_id, channel, state, claimed_at, expires_at, counted_at)
	SELECT lead_id, '$client', id, 'linkedin', 'claimed', now(), now() + interval '1 day', now() FROM lead_assignments WHERE hashtext(lead_id::text) % 20 = 1;
	SELECT lp_rebuild_available();
	CREATE FUNCTION plain(client uuid, n int) RETURNS bigint LANGUAGE plpgsql AS \$\$
	DECLARE
	    ids uuid[] := ARRAY(SELECT lead_id FROM lead_assignments a WHERE a.client_id = client AND a.status = 'active' ORDER BY lead_id LIMIT n);
	BEGIN
	    UPDATE lead_assignments SET status = 'cancelled', ended_at = now() WHERE lead_id = ANY (ids) AND status = 'active';
	    UPDATE lead_touches SET state = 'fenced', counted_at = NULL, ended_at = now() WHERE lead_id = ANY (ids) AND state = 'claimed';
	    UPDATE lead_state SET kept_for = client, kept_until = 'infinity'
	    WHERE lead_id IN (SELECT lead_id FROM lead_touches WHERE lead_id = ANY (ids) AND state = 'sent');
	    RETURN cardinality(ids);
	END \$\$;
SQL
sql -c 'VACUUM ANALYZE' > /dev/null
for run in 1 2 3; do
	read -r ms answer <<< "$(timed "BEGIN; SELECT plain('$client', 20000); ROLLBACK")"
	echo "plain SQL, $answer leads: $ms ms"
	echo "$ms" >> "$dir/plain"
done
plain=$(sort -n "$dir/plain" | sed -n 2p)
left=1
call=0
while [ "$left" != 0 ]; do
	call=$((call + 1))
	read -r ms answer <<< "$(timed "SELECT lp_client_cancel('$client', 'bench')")"
	left=$(sed 's/.*"remaining": \([0-9]*\).*/\1/' <<< "$answer")
	awk -v c=$call -v a="$ms" -v b="$plain" -v t="$answer" 'BEGIN { printf "call %d: %8.1f ms, %.1f of plain: %s\n", c, a, a / b, t }'
done

#!/bin/bash
# bench/capture.sh [scale]: what lp_capture_apollo costs, called by SQL with one,
# ten and a hundred people at a time: CPU of the session, each person of 26 kB
# and new.  First in an empty database, then where somebody was erased, so that
# every payload is read for mentions before it is stored.  Scale 1 takes about
# half a minute.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../test/lib/common.sh"
. "$here/cluster.sh"
scale=${1:-1}
become_postgres "$0" "$@"
dir=$(mktemp -d /tmp/leadpool-capture.XXXXXX)
start_cluster -c shared_buffers=512MB -c max_wal_size=4GB
sql -c 'CREATE EXTENSION leadpool' -c 'CREATE TABLE bodies (people int, body jsonb)' \
	-c 'CREATE SEQUENCE people'

# measure PEOPLE CALLS LABEL: two calls before make the plans.
measure() {
	local calls=$(awk "BEGIN { print int($2 * $scale) + 2 }")
	sql <<-SQL 2>&1 | sed 's/^.*NOTICE:  //'
		TRUNCATE bodies;
		INSERT INTO bodies SELECT $1, (SELECT jsonb_build_object('matches', jsonb_agg(f.person
				- '{linkedin_url,contact,contact_id,phone_numbers,mobile_phone,sanitized_phone,personal_emails}'::text[]
				|| jsonb_build_object('id', lpad(to_hex(nextval('people') + 0 * i), 24, '0'), 'email', 'p' || currval('people') || '@example.com')))
			FROM generate_series(1, $1) i) FROM generate_series(1, $calls),
			(SELECT pg_read_file('$top/test/fixtures/apollo/people_match_full.json')::jsonb -> 'person' AS person) f;
		DO \$\$
		DECLARE
			item record;
			began bigint;
			n int := 0;
		BEGIN
			FOR item IN SELECT body FROM bodies LOOP
				n := n + 1;
				IF n = 3 THEN
					began := split_part(pg_read_file('/proc/' || pg_backend_pid() || '/schedstat'), ' ', 1)::bigint;
				END IF;
				PERFORM lp_capture_apollo(item.body);
				COMMIT;
			END LOOP;
			RAISE NOTICE '% people a call%: % ms of CPU a person', $1, '$3', round((split_part(pg_read_file('/proc/' || pg_backend_pid()
				|| '/schedstat'), ' ', 1)::bigint - began) / 1e6 / (n - 2) / $1, 2);
		END
		\$\$;
	SQL
}

measure_all() {
	measure 1 300 "$1"
	measure 10 60 "$1"
	measure 100 10 "$1"
}

measure_all ''
sql -c 'SELECT lp_forget((SELECT id FROM lead_pool LIMIT 1))' > /dev/null
measure_all ', somebody erased'

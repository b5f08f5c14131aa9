-- lp_unmerge: byte for byte if nothing happened since; else what came since is
-- shared out by the keys and addresses that it used.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
SELECT FROM lp_client_set(client(1), 'One');
SELECT FROM lp_client_set(client(2), 'Two');
SELECT FROM lp_sender_set(client(1), 'email', 'out@one.example', '{"warmup_ready": true}');
SELECT FROM lp_sender_set(client(2), 'email', 'out@two.example', '{"warmup_ready": true}');
-- every row of every table but the journal of merges and the list of conflicts
CREATE FUNCTION everything() RETURNS TABLE (relation text, line text) LANGUAGE plpgsql AS $$
BEGIN
    FOR relation IN SELECT c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'leadpool'
        WHERE d.deptype = 'e' AND c.relkind = 'r' AND c.relname NOT IN ('lead_merges', 'lead_merge_rows', 'lead_conflicts',
            'lead_quiet_hours', 'lead_holidays', 'lead_zones', 'lead_score_weights') ORDER BY 1
    LOOP
        RETURN QUERY EXECUTE format('SELECT %L, t::text FROM %I t', relation, relation);
    END LOOP;
END $$;
CREATE TEMP TABLE was (relation text, line text);
CREATE VIEW everything_now AS SELECT * FROM everything();
CREATE VIEW changed AS SELECT 'new' AS what, n.* FROM (TABLE everything_now EXCEPT ALL TABLE was) n UNION ALL SELECT 'gone', g.* FROM (TABLE was EXCEPT ALL TABLE everything_now) g;
SELECT lead_id AS s FROM lp_capture_apollo('{"person": {"id": "s", "email": "s@part.example", "email_status": "verified", "title": "Sailor", "city": "Sligo", "country": "Ireland", "organization": {"id": "o", "name": "Sail", "organization_revenue": 1234.50, "organization_headcount_six_month_growth": 0.1}}}', '2026-01-05') \gset
SELECT lead_id AS d FROM lp_capture_apollo('{"person": {"id": "d", "email": "d@part.example", "email_status": "verified", "title": "Diver", "linkedin_url": "https://linkedin.com/in/d-diver", "phone_numbers": [{"raw_number": "+13035550188", "type": "mobile"}]}}', '2026-01-06') \gset
CREATE FUNCTION who(id uuid, s uuid) RETURNS text LANGUAGE sql AS $$SELECT CASE WHEN id = s THEN 's' WHEN id IS NOT NULL THEN 'd' END$$;
SELECT who(lead_id, :'s') FROM lp_assign(:'s', client(1));
SET leadpool.now = '2026-03-04 15:01+00';
SELECT who(lead_id, :'s') FROM lp_assign(:'d', client(2));
SELECT touch_id AS st FROM lp_jit_claim(:'s', client(1), 'email', 'out@one.example') \gset
SELECT touch_id AS dt FROM lp_jit_claim(:'d', client(2), 'email', 'out@two.example') \gset
SELECT lp_touch_dispatch(:'dt');
SELECT effect FROM lp_record_event('opened', touch_id => :'dt');
INSERT INTO was TABLE everything_now;
SET leadpool.now = '2026-03-04 15:05+00';
SET extra_float_digits = 0;
SET timezone = 'Asia/Kathmandu';
SELECT lp_merge(:'s', :'d', 'x') AS m \gset
RESET timezone;
RESET extra_float_digits;
SELECT relation, what, count(*) FROM changed GROUP BY 1, 2 ORDER BY 1, 2;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2;
SAVEPOINT s;

-- which pairs of assignments a merge put side by side (they had been two people's)
SELECT count(*) FROM lead_assignments a JOIN lead_assignments b ON b.lead_id = a.lead_id AND b.id > a.id
WHERE EXISTS (SELECT FROM lead_merge_rows x JOIN lead_merge_rows y ON y.merge_id = x.merge_id AND y.relation = 'lead_assignments' AND y.key = b.id::text
              WHERE x.relation = 'lead_assignments' AND x.key = a.id::text AND x.before->>'lead_id' <> y.before->>'lead_id');

-- nothing happened since
SET leadpool.now = '2026-03-05 15:00+00';
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT count(*) FROM changed;
SELECT unmerged_at = '2026-03-05 15:00+00' AS stamped FROM lead_merges;
SELECT status, settled_at = '2026-03-05 15:00+00' AS now FROM lead_conflicts;
-- and once more round
SELECT lp_merge(:'d', :'s', 'the other way') AS m2 \gset
SELECT lp_find_lead(apollo_id => 's') = :'d' AS alias;
SELECT lp_unmerge(:'m2') = :'s' AS restored;
SELECT relation, what, count(*) FROM changed GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM lead_merges;
ROLLBACK TO s;

-- captures since go to the person whose key they carry, with the keys they bring
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "d", "email": "d.new@part.example", "title": "Deep diver"}}', '2026-03-04 16:00+00');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s", "city": "Sneem"}}', '2026-03-04 16:01+00');
SELECT outcome FROM lp_capture('list', '{"email": "d.new@part.example", "first_name": "Dora"}', '2026-03-04 16:02+00');
SELECT title, city, email, first_name FROM lead_pool WHERE id = :'s';
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(id, :'s'), state, merged_into, title, city, email, first_name, sources, phone FROM lead_pool ORDER BY 1 DESC;
SELECT who(lead_id, :'s'), kind, value, identifies FROM lead_identities ORDER BY 1 DESC, 2, 3;
SELECT who(lead_id, :'s'), count(*) FROM lead_captures WHERE lead_id IS NOT NULL GROUP BY 1 ORDER BY 1 DESC;
SELECT who(lead_id, :'s'), s.state, email_domain, region, s.country_code FROM lead_state s ORDER BY 1 DESC;
-- the assignment that the merge ended is active again
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status, origin, ended_at FROM lead_assignments ORDER BY 1 DESC;
SELECT status FROM lead_conflicts;
ROLLBACK TO s;

-- an address that a capture or a pin gave to both is known to bans for both
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s", "email": "d@part.example", "email_status": "verified"}}', '2026-03-04 16:00+00');
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(id, :'s'), email FROM lead_pool ORDER BY 1 DESC;
SELECT who(lead_id, :'s'), value, identifies FROM lead_identities WHERE kind = 'email' ORDER BY 1 DESC, 2;
SELECT lp_suppress('email', 'd@part.example', 'dnc') IS NOT NULL AS banned;
SELECT effect FROM lp_record_event('bounced', email => 'd@part.example');
SELECT who(lead_id, :'s'), (lp_jit_check(lead_id, client_id, 'email', CASE client_id WHEN client(1) THEN 'out@one.example' ELSE 'out@two.example' END)).blocked_by FROM lead_assignments ORDER BY 1 DESC;
ROLLBACK TO s;
SELECT lp_pin(:'s', 'email', '"d@part.example"');
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), value, identifies FROM lead_identities WHERE kind = 'email' ORDER BY 1 DESC, 2;
ROLLBACK TO s;

-- touches and events since follow the address that they used
SELECT right(client_id::text, 1) AS owner FROM lead_assignments WHERE status = 'active';
SELECT state FROM lp_touch_confirm(:'dt');
SET leadpool.now = '2026-03-20 15:00+00';
SELECT touch_id AS later FROM lp_jit_claim(:'s', client(2), 'linkedin') \gset
SELECT lp_touch_dispatch(:'later');
SELECT who(lead_id, :'s') FROM lp_touch_record(:'s', client(2), 'email');
SELECT effect FROM lp_record_event('clicked', email => 'd@part.example');
SELECT effect FROM lp_record_event('opened', email => 's@part.example');
SELECT effect FROM lp_record_event('replied', touch_id => :'later', client_id => client(2));
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), channel, state, flags FROM lead_touches ORDER BY 1 DESC, 2, 3;
SELECT who(lead_id, :'s'), event FROM lead_events ORDER BY 1 DESC, 2;
SELECT who(lead_id, :'s'), right(contacted_by::text, 1) AS contacted_by, replied_at IS NOT NULL AS replied FROM lead_state ORDER BY 1 DESC;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status, outcome FROM lead_assignments ORDER BY 1 DESC;
ROLLBACK TO s;

-- a ban since stays on both
SELECT effect FROM lp_record_event('unsubscribed', lead_id => :'s');
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT lp_is_suppressed('email', 's@part.example') AS s, lp_is_suppressed('email', 'd@part.example') AS d;
SELECT who(id, :'s'), unsubscribed_at IS NOT NULL AS unsubscribed, (SELECT flags & 512 FROM lead_state WHERE lead_id = id) AS hint FROM lead_pool ORDER BY 1 DESC;
SELECT count(*) FROM lead_available;
ROLLBACK TO s;

-- one that the merge brought to a third lead, by a number that both have, goes
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT lead_id AS t FROM lp_capture_apollo('{"person": {"id": "t", "email": "t@part.example", "email_status": "verified"}}') \gset
SELECT outcome FROM lp_capture('list', '{"email": "t@part.example", "phone": "+13035550188"}');
SELECT lp_suppress('email', 's@part.example', 'operator') IS NOT NULL AS banned;
SELECT lp_merge(:'s', :'d', 'x') AS m2 \gset
SELECT outcome, detail FROM lp_capture('list', '{"email": "t@part.example", "city": "Tula"}');
SELECT flags & 512 AS hint FROM lead_state WHERE lead_id = :'t';
SELECT lp_unmerge(:'m2') = :'d' AS restored;
SELECT flags & 512 AS hint FROM lead_state WHERE lead_id = :'t';
SELECT count(*) FROM lead_available WHERE lead_id = :'t';
ROLLBACK TO s;

-- pins go back with the duplicate; one set since is the survivor's
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT lp_pin(:'d', 'title', '"D"'), lp_pin(:'d', 'city', '"Dover"'), lp_pin(:'d', 'country', '"Denmark"'), lp_pin(:'d', 'seniority', 'null');
SELECT lp_merge(:'s', :'d', 'x') AS m2 \gset
SELECT lp_pin(:'s', 'city', '"Sligo"'), lp_pin(:'s', 'person_state', '"Sligo"'), lp_unpin(:'s', 'country');
SELECT title, city, person_state FROM lead_pool WHERE id = :'s';
SELECT lp_unmerge(:'m2') = :'d' AS restored;
SELECT who(lead_id, :'s'), column_name, value FROM lead_pins ORDER BY 1 DESC, 2;
SELECT who(id, :'s'), title, city, person_state, country FROM lead_pool ORDER BY 1 DESC;
SELECT lp_merge(:'s', :'d', 'x') AS m3 \gset
SELECT lp_unmerge(:'m3') = :'d' AS restored;
SELECT who(lead_id, :'s'), column_name, value FROM lead_pins ORDER BY 1 DESC, 2;
ROLLBACK TO s;

-- one that was lifted since is lifted for both
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT lp_suppress('email', 'd@part.example', 'operator') AS ban \gset
SELECT effect FROM lp_record_event('bounced', email => 'd@part.example');
SELECT lp_merge(:'s', :'d', 'x') AS m2 \gset
SELECT lp_unsuppress(:'ban', 'a mistake');
SELECT count(lp_unsuppress(b.id, 'a mistake')) FROM (SELECT DISTINCT ON (ban_id) id FROM lead_suppressions WHERE lifted_at IS NULL ORDER BY ban_id, id) b;
SELECT lp_unmerge(:'m2') = :'d' AS restored;
SELECT who(id, :'s'), email_bounced_at, (SELECT flags & 512 FROM lead_state WHERE lead_id = id) AS hint FROM lead_pool ORDER BY 1 DESC;
ROLLBACK TO s;

-- also where an equal ban of the other hid that it was lifted
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT lp_suppress('email', 's@part.example', 'operator') IS NOT NULL AS banned;
SELECT lp_suppress('email', 'd@part.example', 'operator') AS ban \gset
SELECT lp_merge(:'s', :'d', 'x') AS m2 \gset
SELECT lp_unsuppress(:'ban', 'a mistake');
SELECT lp_unmerge(:'m2') = :'d' AS restored;
SELECT who(lead_id, :'s'), flags & 512 AS hint FROM lead_state ORDER BY 1 DESC;
ROLLBACK TO s;

-- a client that is not there any more gets nothing back
UPDATE lead_clients SET status = 'cancelled' WHERE id = client(1);
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2;
ROLLBACK TO s;
-- a pause ends no ownership
SELECT status FROM lp_client_set(client(1), settings => '{"status": "paused"}');
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2;
ROLLBACK TO s;
-- nor does one whose lead is another's by now
SELECT who(lead_id, :'s') FROM lp_release(:'s', client(2), 'x');
UPDATE lead_assignments SET kept_until = '2026-01-01' WHERE kept_until IS NOT NULL;
UPDATE lead_state SET kept_for = NULL, kept_until = NULL, contacted_by = NULL, contacted_at = NULL;
DELETE FROM lead_touches;
SELECT FROM lp_client_set(client(3), 'Three');
SELECT who(lead_id, :'s') FROM lp_assign(:'s', client(3));
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT who(lead_id, :'s'), right(client_id::text, 1) AS client, status FROM lead_assignments ORDER BY 2, 3;
ROLLBACK TO s;

-- a key of somebody else who was erased since is nobody's
SELECT lp_unmerge(:'m') = :'d' AS restored;
SELECT lead_id AS p FROM lp_capture_apollo('{"person": {"id": "p", "email": "p@part.example"}}', '2026-01-07') \gset
SELECT lp_merge(:'d', :'p', 'x') AS m2 \gset
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "d", "email": "p@part.example"}}', '2026-01-08');
SELECT lp_unmerge(:'m2') = :'p' AS restored;
SELECT lp_merge(:'s', :'d', 'x') AS m3 \gset
SELECT value, identifies FROM lead_identities WHERE lead_id = :'s' AND kind = 'email' ORDER BY 1;
SELECT c->'found' AS found FROM lp_forget(lead_id => :'p') c;
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "s", "email": "since@part.example"}}', '2026-01-09');
SELECT lp_unmerge(:'m3') = :'d' AS restored;
SELECT who(lead_id, :'s'), value, identifies FROM lead_identities WHERE kind = 'email' AND lead_id <> :'p' ORDER BY 1 DESC, 2;
ROLLBACK TO s;

-- an erasure is named
SAVEPOINT e;
UPDATE lead_pool SET state = 'erased' WHERE id = :'s';
\set VERBOSITY sqlstate
SELECT lp_unmerge(:'m');
ROLLBACK TO e;
WITH m AS MATERIALIZED (SELECT id FROM lead_merges WHERE survivor = ANY (ARRAY[:'s'::uuid]) OR duplicate = ANY (ARRAY[:'s'::uuid])),
     gone AS (DELETE FROM lead_merge_rows WHERE relation <> 'lead_assignments' AND merge_id IN (SELECT id FROM m))
UPDATE lead_merge_rows SET before = jsonb_build_object('id', key, 'lead_id', before->>'lead_id'), after = jsonb_build_object('id', key, 'lead_id', after->>'lead_id')
WHERE relation = 'lead_assignments' AND merge_id IN (SELECT id FROM m);
SELECT lp_unmerge(:'m');
ROLLBACK;

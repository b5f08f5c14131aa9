-- lp_merge: two leads that are one person become one, and one owner keeps it.
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
CREATE FUNCTION own(lead int, client int, fields jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS
$$INSERT INTO lead_assignments SELECT (jsonb_populate_record(NULL::lead_assignments, jsonb_build_object('id', lead(lead * 1000 + client),
      'lead_id', lead(lead), 'client_id', client(client), 'status', 'active', 'origin', 'assign', 'assigned_at', '2026-02-01T00:00:00Z') || fields)).*$$;
CREATE FUNCTION touch(lead int, client int, state text, at timestamptz, fields jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS
$$INSERT INTO lead_touches SELECT (jsonb_populate_record(NULL::lead_touches, jsonb_build_object('id', lp_new_id(), 'lead_id', lead(lead), 'client_id', client(client),
      'channel', 'email', 'state', state, 'claimed_at', at, 'expires_at', at + interval '15 minutes', 'flags', '{}', 'counted_at',
      CASE WHEN state IN ('claimed', 'dispatched', 'sent', 'unknown') THEN at END) || fields)).*$$;
CREATE VIEW owners AS SELECT n(lead_id) AS lead, client_id = client(1) AS one, status, origin, end_reason, ended_at IS NOT NULL AS ended, n(id) AS id FROM lead_assignments ORDER BY id;
CREATE VIEW conflicts AS SELECT kind, n(lead_id) AS lead, n(other_lead_id) AS other, client_kept = client(1) AS kept_one, client_lost = client(1) AS lost_one,
    n(assignment_id) AS assignment, replacement_owed AS owed, status, detail FROM lead_conflicts ORDER BY 2, 3;
SELECT add_lead(i) FROM generate_series(1, 4) i;
SELECT lp_rebuild_available();
SAVEPOINT s;

-- nobody owns either: one lead, one alias, and it may be handed out once
SELECT lp_merge(lead(1), lead(2), 'same person') IS NOT NULL AS merged;
SELECT n(survivor), n(duplicate), reason, merged_at = '2026-03-04 15:00+00' AS now, unmerged_at, turn FROM lead_merges;
SELECT n(id), state, n(merged_into) AS into, (SELECT state FROM lead_state WHERE lead_id = id) AS slim FROM lead_pool WHERE id IN (lead(1), lead(2)) ORDER BY id;
SELECT n(lead_id) FROM lead_available ORDER BY 1;
TABLE conflicts;
-- every function follows the alias
SELECT n(lead_id) AS assigned FROM lp_assign(lead(2), client(1));
SELECT blocked_by FROM lp_jit_check(lead(2), client(2), 'email', 'out@two.example');
SELECT allowed FROM lp_jit_check(lead(2), client(1), 'email', 'out@one.example');
SELECT touch_id FROM lp_jit_claim(lead(2), client(1), 'email', 'out@one.example') \gset
SELECT n(lead_id), state FROM lead_touches;
SELECT lp_touch_dispatch(:'touch_id');
SELECT n(lead_id) FROM lp_touch_record(lead(2), client(1), 'linkedin');
SELECT n(lead_id), effect FROM lp_record_event('replied', lead_id => lead(2));
SELECT n(lead_id), status FROM lp_release(lead(2), client(1), 'done');
-- also over two steps
SELECT lp_merge(lead(3), lead(2), 'again') IS NOT NULL AS chained;
SELECT n(lead_id) FROM lp_assign(lead(2), client(2));
\set VERBOSITY sqlstate
SELECT lp_assign(lead(1), client(1));
-- the same lead, also by an alias
SELECT lp_merge(lead(1), lead(1), 'x');
SELECT lp_merge(lead(3), lead(2), 'x');
SELECT lp_merge(lead(1), lead(99), 'x');
SELECT lp_merge(lead(99), lead(1), 'x');
SELECT lp_merge(NULL, lead(1), 'x');
SELECT lp_merge(lead(1), NULL, 'x');
SELECT lp_merge(lead(3), lead(4), NULL);
SELECT lp_unmerge(NULL);
SELECT lp_unmerge(lead(99));
\set VERBOSITY terse
-- what was merged later has to be undone first
SELECT id AS first FROM lead_merges WHERE duplicate = lead(2) \gset
SELECT id AS second FROM lead_merges WHERE duplicate = lead(1) \gset
\set VERBOSITY sqlstate
SELECT lp_unmerge(:'first');
SELECT n(lp_unmerge(:'second'));
SELECT lp_unmerge(:'second');
SELECT n(lp_unmerge(:'first'));
UPDATE lead_pool SET state = 'erased' WHERE id = lead(3);
UPDATE lead_state SET state = 'erased' WHERE lead_id = lead(3);
SELECT lp_merge(lead(3), lead(4), 'erased is nobody');
\set VERBOSITY terse
ROLLBACK TO s;

-- the owner: who converted ...
SELECT own(1, 1), own(2, 2, '{"assigned_at": "2026-02-02T00:00:00Z"}');
SAVEPOINT o;
UPDATE lead_state SET converted_at = '2026-02-20', converted_by = client(2) WHERE lead_id = lead(2);
UPDATE lead_assignments SET converted_at = '2026-02-20', outcome = 'converted' WHERE lead_id = lead(2);
UPDATE lead_assignments SET outcome = 'meeting_booked' WHERE lead_id = lead(1);
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
TABLE owners;
TABLE conflicts;
SELECT converted_by = client(2) AS two FROM lead_state WHERE lead_id = lead(1);
ROLLBACK TO o;
-- ... else who got a positive reply (a plain one is none) ...
UPDATE lead_assignments SET outcome = 'interested' WHERE lead_id = lead(2);
UPDATE lead_assignments SET outcome = 'replied', first_contacted_at = '2026-02-03' WHERE lead_id = lead(1);
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
TABLE owners;
ROLLBACK TO o;
-- ... else who contacted first (a claim is no contact) ...
SELECT touch(1, 1, 'claimed', '2026-02-03'), touch(2, 2, 'sent', '2026-02-04');
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
TABLE owners;
SELECT n(lead_id), client_id = client(1) AS one, state FROM lead_touches ORDER BY claimed_at;
ROLLBACK TO o;
SELECT touch(1, 1, 'sent', '2026-02-05'), touch(2, 2, 'sent', '2026-02-04');
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
TABLE owners;
-- both had contacted: the touches of both clients are there for ever
SELECT count(DISTINCT client_id) FROM lead_touches WHERE lead_id = lead(1) AND state IN ('dispatched', 'unknown', 'sent');
ROLLBACK TO o;
-- ... else who was assigned first ...
SELECT lp_merge(lead(2), lead(1), 'x') IS NOT NULL AS merged;
TABLE owners;
TABLE conflicts;
ROLLBACK TO o;
-- ... else the lower lead id, whichever survives
UPDATE lead_assignments SET assigned_at = '2026-02-02 00:00+00' WHERE lead_id = lead(1);
SELECT lp_merge(lead(2), lead(1), 'x') IS NOT NULL AS merged;
TABLE owners;
ROLLBACK TO o;
-- a negative reply of the first one is no yes
UPDATE lead_assignments SET outcome = 'not_interested' WHERE lead_id = lead(2);
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
TABLE owners;
ROLLBACK TO o;
-- an assigned side keeps its assignment over one that only had contacted
SELECT lp_merge(lead(3), lead(2), 'x') IS NOT NULL AS merged;
TABLE owners;
TABLE conflicts;
ROLLBACK TO o;
-- one client that owns both keeps one, and nothing is owed
UPDATE lead_assignments SET client_id = client(1) WHERE lead_id = lead(2);
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
TABLE owners;
TABLE conflicts;
ROLLBACK TO o;
-- both converted, by different clients: not merged; by one client: merged
UPDATE lead_state SET converted_at = '2026-02-20', converted_by = client(2) WHERE lead_id = lead(2);
UPDATE lead_state SET converted_at = '2026-02-21', converted_by = client(1) WHERE lead_id = lead(1);
\set VERBOSITY sqlstate
SELECT lp_merge(lead(1), lead(2), 'x');
\set VERBOSITY terse
SELECT count(*) FROM lead_merges;
ROLLBACK TO s;

-- the loser's claims are void, the keeper's stand; touches of both count
SELECT own(1, 1), own(2, 2, '{"first_contacted_at": "2026-02-03T00:00:00Z"}');
SELECT touch_id AS one FROM lp_jit_claim(lead(1), client(1), 'email', 'out@one.example') \gset
SELECT touch_id AS two FROM lp_jit_claim(lead(2), client(2), 'email', 'out@two.example') \gset
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
SELECT n(lead_id), client_id = client(1) AS one, state FROM lead_touches ORDER BY 2;
SELECT lp_touch_dispatch(:'one') AS one, lp_touch_dispatch(:'two') AS two;
SELECT allowed, failed FROM lp_jit_check(lead(1), client(2), 'email', 'out@two.example');
SELECT failed FROM lp_jit_check(lead(1), client(1), 'email', 'out@one.example');
ROLLBACK TO s;
-- two touches of one step are both kept
SELECT touch(1, 1, 'sent', '2026-02-03', jsonb_build_object('campaign_id', lead(900), 'step', 'first')),
       touch(2, 1, 'sent', '2026-02-04', jsonb_build_object('campaign_id', lead(900), 'step', 'first'));
SELECT lp_merge(lead(1), lead(2), 'x') AS m \gset
SELECT n(lead_id), step, flags FROM lead_touches ORDER BY claimed_at;
SELECT n(lp_unmerge(:'m'));
SELECT n(lead_id), step, flags FROM lead_touches ORDER BY claimed_at;
ROLLBACK TO s;

-- bans are united: whoever said stop under one key has said so under all
SELECT lead_id AS a FROM lp_capture_apollo('{"person": {"id": "ua", "email": "ua@unite.example", "email_status": "verified"}}') \gset
SELECT lead_id AS b FROM lp_capture_apollo('{"person": {"id": "ub", "email": "ub@unite.example", "email_status": "verified", "linkedin_url": "https://linkedin.com/in/ub-ub"}}') \gset
SELECT lp_suppress('email', 'ua@unite.example', 'unsubscribed') IS NOT NULL;
SELECT lp_is_suppressed('email', 'ub@unite.example') AS before, lp_is_suppressed('linkedin', 'linkedin.com/in/ub-ub') AS profile;
SELECT lp_merge(:'b', :'a', 'x') AS m \gset
SELECT lp_is_suppressed('email', 'ub@unite.example') AS after, lp_is_suppressed('linkedin', 'linkedin.com/in/ub-ub') AS profile, lp_is_suppressed('apollo_id', 'ub') AS id;
SELECT count(DISTINCT ban_id) AS bans, count(*) AS rows FROM lead_suppressions;
SELECT unsubscribed_at IS NOT NULL AS unsubscribed, (SELECT flags & 512 FROM lead_state WHERE lead_id = id) AS hint FROM lead_pool WHERE id = :'b';
SELECT count(*) FROM lead_available WHERE lead_id IN (:'a', :'b');
-- nothing happened since: the other one never said stop
SELECT lp_unmerge(:'m') = :'a' AS restored;
SELECT lp_is_suppressed('email', 'ub@unite.example') AS other, lp_is_suppressed('email', 'ua@unite.example') AS own;
SELECT lead_id = :'b' AS free FROM lead_available WHERE lead_id IN (:'a', :'b');
ROLLBACK TO s;

-- the survivor is the fold of the captures of both, in the order of time
SELECT lead_id AS a FROM lp_capture_apollo('{"person": {"id": "fa", "email": "fa@fold.example", "title": "old", "city": "Utrecht"}}', '2026-01-10') \gset
SELECT lead_id AS b FROM lp_capture_apollo('{"person": {"id": "fb", "email": "fb@fold.example", "title": "new", "first_name": "Bea"}}', '2026-02-10') \gset
SELECT count(*) FROM lp_capture_apollo('{"person": {"id": "fa", "title": "newest", "state": "UT"}}', '2026-03-01');
SELECT lp_merge(:'b', :'a', 'x') AS m \gset
SELECT apollo_id, email, title, city, first_name, person_state, sources FROM lead_pool WHERE id = :'b';
SELECT lp_find_lead(email => 'fa@fold.example') = :'b' AS by_email, lp_find_lead(apollo_id => 'fa') = :'b' AS by_id;
SELECT count(*) FILTER (WHERE lead_id = :'b') AS moved, count(lead_id) AS captures FROM lead_captures;
SELECT kind, value, lead_id = :'b' AS survivor, identifies FROM lead_identities ORDER BY 1, 2;
-- a known body comes again: it is the survivor's
SELECT outcome, lead_id = :'b' AS survivor FROM lp_capture_apollo('{"person": {"id": "fa", "email": "fa@fold.example", "title": "old", "city": "Utrecht"}}', '2026-01-10');
ROLLBACK TO s;

-- an identity conflict between the two is settled by the merge
INSERT INTO lead_conflicts (kind, lead_id, other_lead_id, created_at) VALUES ('identity', lead(2), lead(1), '2026-02-01');
SELECT lp_merge(lead(1), lead(2), 'x') AS m \gset
SELECT status FROM lead_conflicts;
SELECT n(lp_unmerge(:'m'));
SELECT status, settled_at FROM lead_conflicts;
ROLLBACK TO s;

-- companies held: the loser gives its up
SELECT FROM lp_client_set(client(1), settings => '{"company_exclusive": true}');
SELECT FROM lp_client_set(client(2), settings => '{"company_exclusive": true}');
UPDATE lead_state SET company_domain = 'hold' || n(lead_id) || '.example';
UPDATE lead_pool SET company_primary_domain = 'hold' || n(id) || '.example';
SELECT n(lead_id) FROM lp_assign(lead(1), client(1));
SET leadpool.now = '2026-03-04 15:01+00';
SELECT n(lead_id) FROM lp_assign(lead(2), client(2));
SELECT company, client_id = client(1) AS one FROM lead_company_holds ORDER BY 1;
SELECT lp_merge(lead(2), lead(1), 'x') AS m \gset
SELECT company, client_id = client(1) AS one FROM lead_company_holds ORDER BY 1;
SELECT n(lp_unmerge(:'m'));
SELECT company, client_id = client(1) AS one, held_at AT TIME ZONE 'UTC' AS held_at FROM lead_company_holds ORDER BY 1;
SELECT n(lead_id) AS lead, client_id = client(1) AS one, status, origin FROM lead_assignments ORDER BY 1;
SELECT status, replacement_owed FROM lead_conflicts;
ROLLBACK TO s;

-- a client that has left keeps nobody but whom it converted, and is owed nothing
SELECT own(1, 1, '{"outcome": "interested", "first_contacted_at": "2026-02-02T00:00:00Z"}'), own(2, 2, '{"assigned_at": "2026-02-03T00:00:00Z"}'), own(3, 1), own(4, 2);
UPDATE lead_clients SET status = 'cancelled', cancelled_at = '2026-03-04' WHERE id = client(1);
SAVEPOINT left_one;
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
SELECT * FROM owners WHERE lead = 1;
TABLE conflicts;
ROLLBACK TO left_one;
SELECT effect FROM lp_record_event('converted', lead(1), client(1));
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
SELECT * FROM owners WHERE lead = 1;
TABLE conflicts;
ROLLBACK TO left_one;
-- both have left, or nobody else owns it
UPDATE lead_clients SET status = 'cancelled', cancelled_at = '2026-03-04' WHERE id = client(2);
SELECT lp_merge(lead(1), lead(2), 'x') IS NOT NULL AS merged;
SELECT * FROM owners WHERE lead = 1;
DELETE FROM lead_assignments WHERE lead_id = lead(4);
SELECT lp_merge(lead(4), lead(3), 'x') IS NOT NULL AS merged;
SELECT * FROM owners WHERE lead = 4;
ROLLBACK TO s;

-- each client that a pair costs its lead is told, also while an earlier one waits
SELECT FROM lp_client_set(client(3), 'Three', '{"company_exclusive": true}');
UPDATE lead_state SET company_domain = 'pair.example' WHERE lead_id IN (lead(2), lead(3));
SELECT own(1, 1), own(2, 2, '{"assigned_at": "2026-02-03T00:00:00Z"}');
SELECT lp_merge(lead(1), lead(2), 'x') AS m \gset
SELECT status FROM lp_assign(lead(3), client(3));
SELECT lp_unmerge(:'m') = lead(2) AS parted;
SELECT status FROM lp_assign(lead(2), client(3));
SELECT lp_merge(lead(1), lead(2), 'again') IS NOT NULL AS merged;
SELECT kind, n(lead_id) AS lead, n(other_lead_id) AS other, right(client_kept::text, 1) AS kept, right(client_lost::text, 1) AS lost, replacement_owed AS owed, status FROM lead_conflicts ORDER BY 5;
ROLLBACK;

-- lp_transfer: what moves, what is refused, and every state of an assignment.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
CREATE FUNCTION who(client uuid) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT right(client::text, 4)::int$$;
SELECT who((lp_client_set(client(i), 'Client')).id) FROM generate_series(1, 3) i;
SELECT FROM lp_sender_set(client(1), 'email', 'ann@agency.example', '{"warmup_ready": true}');
SELECT count(add_lead(i, '{"company_primary_domain": "acme.example"}')) FROM generate_series(1, 5) i;
SELECT lp_rebuild_available();
SELECT count(lp_assign(lead(i), client(1), lead(901))) FROM generate_series(1, 4) i;
CREATE FUNCTION touch(lead int, client int, state text, at timestamptz DEFAULT '2026-03-01') RETURNS void LANGUAGE sql AS
$$INSERT INTO lead_touches (lead_id, client_id, channel, state, claimed_at, expires_at, dispatched_at, counted_at)
  SELECT lead(lead), client(client), 'email', state, at, at + interval '4 days', at,
         CASE WHEN state IN ('claimed', 'dispatched', 'sent', 'unknown') THEN at END$$;
CREATE VIEW history AS SELECT n(lead_id) AS lead, who(client_id) AS client, n(campaign_id) AS campaign, status, origin, reason, end_reason,
    ended_at AT TIME ZONE 'UTC' AS ended, kept_until FROM lead_assignments ORDER BY lead_id, assigned_at, status DESC, id;
SAVEPOINT s;

-- never contacted: it moves, and what was claimed is void
SELECT touch_id AS claim FROM lp_jit_claim(lead(1), client(1), 'email', 'ann@agency.example') \gset
SELECT n(lead_id) AS lead, who(client_id) AS client, status, origin, reason, assigned_at = '2026-03-04 15:00+00' AS now
FROM lp_transfer(lead(1), client(2), 'agreed');
SELECT * FROM history WHERE lead = 1;
SELECT lp_touch_dispatch(:'claim');
SELECT state FROM lead_touches WHERE id = :'claim';
SELECT who(client_id) AS client, status FROM lp_transfer(lead(1), client(2), 'again');   -- the owner already
SELECT count(*) FROM history WHERE lead = 1;
-- a start is never before the end of the one before, whatever the clock says
SET leadpool.now = '2026-03-01 00:00+00';
SELECT assigned_at AT TIME ZONE 'UTC' AS assigned FROM lp_transfer(lead(1), client(3), 'clock set back');
SET leadpool.now = '2026-03-04 15:00+00';
SELECT * FROM lead_proof_collisions;
ROLLBACK TO s;

-- errors
\set VERBOSITY sqlstate
SELECT lp_transfer(NULL, client(2), 'x');
SELECT lp_transfer(lead(1), NULL, 'x');
SELECT lp_transfer(lead(1), client(2), NULL);
SELECT lp_transfer(lead(99), client(2), 'x');
SELECT lp_transfer(lead(1), client(9), 'x');
SELECT FROM lp_client_set(client(2), settings => '{"status": "paused"}');
SELECT lp_transfer(lead(1), client(2), 'x');
ROLLBACK TO s;
SELECT FROM lp_client_set(client(2), settings => '{"max_active_leads": 0}');
SELECT lp_transfer(lead(1), client(2), 'x');
ROLLBACK TO s;
SELECT FROM lp_client_set(client(2), settings => '{"daily_allocation": 0}');
SELECT lp_transfer(lead(1), client(2), 'x');
ROLLBACK TO s;
SELECT FROM lp_client_set(client(2), settings => '{"exclude_domains": ["acme.example"]}');
SELECT lp_transfer(lead(1), client(2), 'x');
ROLLBACK TO s;
SELECT lp_suppress('domain', 'acme.example', 'operator') IS NOT NULL;
SELECT lp_transfer(lead(1), client(2), 'x');
ROLLBACK TO s;
\set VERBOSITY default
SELECT lp_transfer(lead(5), client(2), 'nobody owns it');
SELECT effect FROM lp_record_event('converted', lead(1), client(1));
SELECT lp_transfer(lead(1), client(2), 'x');
SELECT effect FROM lp_record_event('replied', lead(2), client(1));
SELECT lp_transfer(lead(2), client(2), 'x');
SELECT effect FROM lp_record_event('not_interested', lead(3), client(1));
UPDATE lead_state SET replied_at = NULL WHERE lead_id = lead(3);
SELECT lp_transfer(lead(3), client(2), 'x');
ROLLBACK TO s;

-- contacted by the owner, or ever by another: only release_contacted frees it
SELECT touch(1, 1, 'dispatched');
SELECT lp_transfer(lead(1), client(2), 'x');
\set VERBOSITY sqlstate
SELECT touch(2, 3, 'sent');
SELECT lp_transfer(lead(2), client(2), 'x');
SELECT who(client_id) FROM lp_transfer(lead(2), client(3), 'to the one that did');
SELECT FROM lp_client_set(client(1), settings => '{"release_contacted": "1 day"}');
SELECT lp_transfer(lead(1), client(2), 'not yet');
SELECT FROM lp_client_set(client(1), settings => '{"release_contacted": "0"}');
SELECT who(client_id) FROM lp_transfer(lead(1), client(2), 'free at once');
SELECT lead, client, status, kept_until AT TIME ZONE 'UTC' AS kept_until FROM history WHERE lead = 1;
SELECT * FROM lead_proof_collisions;
ROLLBACK TO s;

-- a company that the owner has to itself goes with its last lead
SELECT FROM lp_client_set(client(1), settings => '{"company_exclusive": true}');
SELECT lp_transfer(lead(1), client(2), 'it owns others there');
SELECT count(lp_release(lead(i), client(1), 'x')) FROM generate_series(2, 4) i;
SELECT who(client_id) FROM lp_transfer(lead(1), client(2), 'the last one');
SELECT count(*) FROM lead_company_holds;
ROLLBACK TO s;

-- every state of an assignment: only an active one is moved, none comes back
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'moved';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END$$;
CREATE TABLE matrix (begins text, does text, answer text, ends text);
DO $$
DECLARE
    from_state text;
    what text;
    answered text;
BEGIN
    FOREACH from_state IN ARRAY '{active,released,cancelled,transferred,merged_away,erased}'::text[] LOOP
        FOREACH what IN ARRAY ARRAY['lp_release(lead(1), client(1), ''x'')', 'lp_transfer(lead(1), client(2), ''x'')', 'lp_client_cancel(client(1))'] LOOP
            UPDATE lead_assignments SET status = from_state, ended_at = CASE WHEN from_state <> 'active' THEN assigned_at END
            WHERE lead_id = lead(1);
            answered := try('SELECT ' || what);
            INSERT INTO matrix SELECT from_state, split_part(what, '(', 1), replace(answered, lead(1)::text, '...'),
                string_agg(status, ' ' ORDER BY assigned_at, status DESC) FROM lead_assignments WHERE lead_id = lead(1) AND client_id = client(1);
            DELETE FROM lead_assignments WHERE lead_id = lead(1) AND client_id = client(2);
            UPDATE lead_clients SET status = 'active', cancelled_at = NULL WHERE id = client(1);
        END LOOP;
    END LOOP;
END$$;
SELECT * FROM matrix ORDER BY array_position('{active,released,cancelled,transferred,merged_away,erased}', begins), does;
ROLLBACK;

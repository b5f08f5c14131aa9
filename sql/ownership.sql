-- lp_assign, lp_release: one lead, one client; who may have it next; companies.
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
SELECT add_lead(i) FROM generate_series(1, 6) i;
SELECT lp_rebuild_available();
CREATE FUNCTION touch(lead int, client int, state text) RETURNS void LANGUAGE sql AS
$$INSERT INTO lead_touches (lead_id, client_id, channel, state, claimed_at, expires_at, counted_at)
  SELECT lead(lead), client(client), 'email', state, '2026-03-01', '2026-03-05',
         CASE WHEN state IN ('claimed', 'dispatched', 'sent', 'unknown') THEN timestamptz '2026-03-01' END$$;
CREATE VIEW pool AS SELECT coalesce(string_agg(n(lead_id)::text, ' ' ORDER BY lead_id), '-') AS pool FROM lead_available;

-- assign, move to another campaign, no-op
SELECT n(lead_id), client_id = client(1) AS client, n(campaign_id) AS campaign, status, origin, reason, assigned_at = '2026-03-04 15:00+00' AS now
FROM lp_assign(lead(1), client(1), lead(901), 'referral');
TABLE pool;
SELECT n(campaign_id) AS campaign, reason FROM lp_assign(lead(1), client(1), lead(902));
SELECT n(campaign_id) AS campaign FROM lp_assign(lead(1), client(1));
SELECT count(*) FROM lead_assignments;
SAVEPOINT s;

-- refusals of assign
\set VERBOSITY sqlstate
SELECT lp_assign(lead(99), client(1));
SELECT lp_assign(lead(1), client(9));
SELECT lp_assign(NULL, client(1));
SELECT lp_assign(lead(1), NULL);
\set VERBOSITY terse
SELECT lp_assign(lead(1), client(2));
\set VERBOSITY sqlstate
SELECT lp_assign(lead(1), client(2));
SELECT FROM lp_client_set(client(2), settings => '{"status": "paused"}');
SELECT lp_assign(lead(2), client(2));
ROLLBACK TO s;
SELECT FROM lp_client_set(client(1), settings => '{"max_active_leads": 1}');
SELECT lp_assign(lead(2), client(1));
SELECT n(lead_id) FROM lp_assign(lead(1), client(1));
ROLLBACK TO s;
SELECT FROM lp_client_set(client(1), settings => '{"daily_allocation": 1}');
SELECT lp_assign(lead(2), client(1));
ROLLBACK TO s;
SELECT lp_suppress('domain', 'co2.example', 'operator') IS NOT NULL;
SELECT lp_assign(lead(2), client(1));
ROLLBACK TO s;
SELECT FROM lp_client_set(client(1), settings => '{"exclude_domains": ["co2.example"]}');
SELECT lp_assign(lead(2), client(1));
ROLLBACK TO s;
UPDATE lead_state SET replied_at = '2026-01-01' WHERE lead_id IN (lead(1), lead(2));
SELECT lp_assign(lead(2), client(1));
SELECT lp_assign(lead(1), client(2));    -- another's lead: nothing about its state
ROLLBACK TO s;
UPDATE lead_state SET not_interested_at = '2026-01-01' WHERE lead_id = lead(2);
SELECT lp_assign(lead(2), client(1));
SELECT FROM lp_client_set(client(1), settings => '{"not_interested_cooling": "0"}');
SELECT n(lead_id) FROM lp_assign(lead(2), client(1));
ROLLBACK TO s;
-- one that another client ever contacted; a claim is no contact
SELECT touch(2, 2, 'dispatched'), touch(3, 2, 'claimed'), touch(4, 2, 'failed'), touch(5, 2, 'unknown');
SELECT lp_assign(lead(2), client(1));
SELECT lp_assign(lead(5), client(1));
SELECT n(lead_id) FROM lp_assign(lead(3), client(1));
SELECT n(lead_id) FROM lp_assign(lead(4), client(1));
SELECT n(lead_id) FROM lp_assign(lead(2), client(2));
ROLLBACK TO s;

-- release: never contacted goes back to the pool
SELECT lp_release(lead(1), client(2), 'x');
SELECT lp_release(lead(2), client(1), 'x');
SELECT lp_release(lead(99), client(1), 'x');
SELECT lp_release(lead(1), client(9), 'x');
SELECT lp_release(lead(1), client(1), NULL);
SELECT touch(1, 1, 'claimed');
SELECT status, end_reason, ended_at = '2026-03-04 15:00+00' AS now, kept_until FROM lp_release(lead(1), client(1), 'done');
SELECT state FROM lead_touches;
TABLE pool;
SELECT lp_release(lead(1), client(1), 'again');
-- the next assignment never begins before the end of the one before
SET leadpool.now = '2026-03-04 14:00+00';
SELECT assigned_at = '2026-03-04 15:00+00' AS clamped FROM lp_assign(lead(1), client(2));
SET leadpool.now = '2026-03-04 15:00+00';
ROLLBACK TO s;

-- a lead that is not the client's: the same answer whether somebody has it or nobody
\set VERBOSITY default
SELECT lp_release(lead(1), client(2), 'x');
SELECT lp_release(lead(2), client(2), 'x');
SELECT status FROM lp_assign(lead(2), client(2));
SELECT status FROM lp_release(lead(2), client(2), 'x');
SELECT lp_release(lead(2), client(2), 'nobody has it');
SELECT status FROM lp_assign(lead(2), client(1));
SELECT lp_release(lead(2), client(2), 'another one has it');
SELECT effect FROM lp_record_event('converted', lead(1), client(1));
SELECT lp_release(lead(1), client(2), 'x');
\set VERBOSITY sqlstate
ROLLBACK TO s;

-- contacted: kept from others, by default for ever; the client itself may have it back
SELECT touch(1, 1, 'sent');
SELECT status, kept_until FROM lp_release(lead(1), client(1), 'done');
SELECT kept_for = client(1) AS kept_for, kept_until FROM lead_state WHERE lead_id = lead(1);
TABLE pool;
SELECT lp_assign(lead(1), client(2));
SELECT status FROM lp_assign(lead(1), client(1));
ROLLBACK TO s;
SELECT touch(1, 1, 'unknown');
SELECT FROM lp_client_set(client(1), settings => '{"release_contacted": "90 days"}');
SELECT status, kept_until = '2026-06-02 15:00+00' AS ninety_days FROM lp_release(lead(1), client(1), 'done');
SELECT from_at = '2026-06-02 15:00+00' AS from_then FROM lead_available WHERE lead_id = lead(1);
SET leadpool.now = '2026-06-02 14:59:59.999999+00';
SELECT lp_assign(lead(1), client(2));
SELECT n(lead_id) FROM lp_allocate(client(2), NULL, 9) WHERE lead_id = lead(1);
SET leadpool.now = '2026-06-02 15:00+00';
SELECT n(lead_id) FROM lp_allocate(client(2), NULL, 1);
SET leadpool.now = '2026-03-04 15:00+00';
ROLLBACK TO s;
SET leadpool.release_contacted = '0';
SELECT touch(1, 1, 'sent');
SELECT status FROM lp_release(lead(1), client(1), 'done');
SELECT n(lead_id) FROM lp_assign(lead(1), client(2));
RESET leadpool.release_contacted;
ROLLBACK TO s;

-- converted stays for ever
UPDATE lead_state SET converted_at = '2026-03-01', converted_by = client(1) WHERE lead_id = lead(1);
SELECT lp_release(lead(1), client(1), 'x');
SELECT lp_assign(lead(1), client(2));
SELECT n(campaign_id) FROM lp_assign(lead(1), client(1), lead(905));
ROLLBACK TO s;

-- for an earlier client whose message it answered: who has it now may let it go, and it goes to nobody else
SELECT FROM lp_client_set(client(2), settings => '{"release_contacted": "0"}');
SELECT status FROM lp_assign(lead(2), client(2));
SELECT touch(2, 2, 'sent');
SELECT status FROM lp_release(lead(2), client(2), 'x');
SELECT status FROM lp_assign(lead(2), client(1));
SELECT effect FROM lp_record_event('converted', lead(2), client(2));
SELECT client_id = client(1) AS one, status, outcome FROM lead_assignments WHERE lead_id = lead(2) ORDER BY 2;
SAVEPOINT won;
SELECT status FROM lp_release(lead(2), client(1), 'x');
SELECT lp_assign(lead(2), client(1));
SELECT lead_id FROM lead_available WHERE lead_id = lead(2);
ROLLBACK TO won;
SELECT lp_transfer(lead(2), client(2), 'x');
SELECT r->'freed' AS freed, r->'kept' AS kept, r->'remaining' AS remaining FROM lp_client_cancel(client(1)) r;
ROLLBACK TO won;
-- the owner's too
SELECT effect FROM lp_record_event('converted', lead(2), client(1));
SELECT lp_release(lead(2), client(1), 'x');
ROLLBACK TO s;

-- a merged-away id is followed
UPDATE lead_pool SET state = 'merged', merged_into = lead(1) WHERE id = lead(2);
UPDATE lead_state SET state = 'merged' WHERE lead_id = lead(2);
SELECT lp_assign(lead(2), client(2));
SELECT n(lead_id), status FROM lp_release(lead(2), client(1), 'x');
ROLLBACK TO s;

-- a superuser's own SQL meets the constraint
INSERT INTO lead_assignments (lead_id, client_id, origin, assigned_at) VALUES (lead(1), client(2), 'assign', now());
UPDATE lead_assignments SET status = 'nonsense';

-- company_exclusive: one client per company while it owns someone there
UPDATE lead_state SET company_domain = 'alpha.example' WHERE lead_id IN (lead(1), lead(2), lead(3));
UPDATE lead_state SET company_org = 'org1' WHERE lead_id IN (lead(3), lead(4));
SELECT lp_rebuild_available();
SAVEPOINT c;
SELECT FROM lp_client_set(client(1), settings => '{"company_exclusive": true}');
SELECT company, client_id = client(1) AS client FROM lead_company_holds ORDER BY 1;
SELECT lp_assign(lead(2), client(2));
SELECT n(lead_id) FROM lp_allocate(client(2), NULL, 9);
SELECT company, client_id = client(1) AS client FROM lead_company_holds ORDER BY 1;
SELECT n(lead_id) FROM lp_allocate(client(1), NULL, 9);
SELECT company, client_id = client(1) AS client FROM lead_company_holds ORDER BY 1;
SELECT status FROM lp_release(lead(1), client(1), 'x');
SELECT status FROM lp_release(lead(2), client(1), 'x');
SELECT company FROM lead_company_holds ORDER BY 1;
SELECT status FROM lp_release(lead(3), client(1), 'x');
SELECT company FROM lead_company_holds ORDER BY 1;
SELECT n(lead_id) FROM lp_assign(lead(2), client(2));
ROLLBACK TO c;
-- two that want companies to themselves: the second is refused, by domain or by organization
SELECT FROM lp_client_set(client(1), settings => '{"company_exclusive": true}');
SELECT FROM lp_client_set(client(2), settings => '{"company_exclusive": true}');
SELECT n(lead_id) FROM lp_assign(lead(4), client(2));
SELECT lp_assign(lead(3), client(2));
SELECT lp_assign(lead(3), client(1));
SELECT company, client_id = client(1) AS client_1 FROM lead_company_holds ORDER BY 1;
-- switched off: the companies are free
SELECT FROM lp_client_set(client(1), settings => '{"company_exclusive": false}');
SELECT company FROM lead_company_holds ORDER BY 1;
ROLLBACK TO s;
ROLLBACK;

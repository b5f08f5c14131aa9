-- The states of touches and assignments: every move there is, every one that is
-- refused, and what each function that takes something away makes of each state.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all

-- the whole matrix, as the transition functions say it; the contract's list beside it
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    details text;
BEGIN
    EXECUTE 'SELECT (' || statement || ')::text' INTO answer;
    RETURN 'ok ' || coalesce(answer, '');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS details = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(details, ''));
END$$;
CREATE TABLE moves (relation text, was text, becomes text);
INSERT INTO moves VALUES
    ('lead_touches', NULL, 'claimed'), ('lead_touches', NULL, 'sent'),
    ('lead_touches', 'claimed', 'dispatched'), ('lead_touches', 'claimed', 'sent'), ('lead_touches', 'claimed', 'failed'),
    ('lead_touches', 'claimed', 'expired'), ('lead_touches', 'claimed', 'fenced'),
    ('lead_touches', 'dispatched', 'sent'), ('lead_touches', 'dispatched', 'failed'), ('lead_touches', 'dispatched', 'unknown'),
    ('lead_touches', 'unknown', 'sent'), ('lead_touches', 'unknown', 'failed'),
    ('lead_touches', 'failed', 'sent'), ('lead_touches', 'expired', 'sent'), ('lead_touches', 'fenced', 'sent'),
    ('lead_assignments', 'active', 'released'), ('lead_assignments', 'active', 'cancelled'), ('lead_assignments', 'active', 'transferred'),
    ('lead_assignments', 'active', 'merged_away'), ('lead_assignments', 'active', 'erased');
CREATE TABLE states (relation text, n int, state text);
INSERT INTO states SELECT 'lead_touches', n, s FROM unnest('{claimed,dispatched,sent,failed,unknown,expired,fenced}'::text[]) WITH ORDINALITY u(s, n);
INSERT INTO states SELECT 'lead_assignments', n, s FROM unnest('{active,released,cancelled,transferred,merged_away,erased}'::text[]) WITH ORDINALITY u(s, n);
CREATE VIEW asked AS
SELECT relation, f.n AS from_n, f.state AS was, t.n AS to_n, t.state AS becomes,
       try(format('lp_state_move(%L, %L, %L)', relation, f.state, t.state)) AS answer,
       EXISTS (SELECT FROM moves m WHERE m.relation = t.relation AND m.was IS NOT DISTINCT FROM f.state AND m.becomes = t.state) AS legal
FROM (TABLE states UNION ALL SELECT 'lead_touches', 0, NULL) f JOIN states t USING (relation);
SELECT relation, coalesce(was, '(new)') AS was, string_agg(CASE WHEN answer = 'ok ' || becomes THEN becomes ELSE '-' END, ' ' ORDER BY to_n) AS becomes
FROM asked GROUP BY relation, from_n, was ORDER BY relation DESC, from_n;
SELECT relation, legal, count(*) FROM asked GROUP BY 1, 2 ORDER BY 1, 2;
-- none that the contract has not, none missing; each refusal names both states
SELECT relation, was, becomes, answer, legal FROM asked
WHERE answer IS DISTINCT FROM CASE WHEN legal THEN 'ok ' || becomes ELSE
    format('LP003 | %s cannot go from "%s" to "%s" | from: %2$s, to: %3$s', CASE relation WHEN 'lead_touches' THEN 'a touch' ELSE 'an assignment' END,
           coalesce(was, 'new'), becomes) END;
SELECT DISTINCT answer FROM asked WHERE was = 'sent' AND becomes = 'failed' OR was = 'released' AND becomes = 'active' ORDER BY 1;
-- the exception by name: what a merge ended, its undoing gives back
SELECT relation, f.state AS was, t.state AS becomes FROM states f JOIN states t USING (relation)
WHERE try(format('lp_state_move(%L, %L, %L, undo => true)', relation, f.state, t.state)) LIKE 'ok%' ORDER BY 1, 2;
-- arguments
SELECT try($$lp_state_move('lead_touches', 'claimed', 'gone')$$), try($$lp_state_move('lead_assignments', 'new', 'active')$$), try($$lp_state_move('lead_pool', 'active', 'merged')$$);
SELECT try($$lp_state_move(NULL, 'claimed', 'sent')$$), try($$lp_state_move('lead_touches', 'claimed', NULL)$$), try($$lp_state_move('lead_assignments', NULL, 'active')$$), try($$lp_state_move('lead_touches', 'claimed', 'sent', NULL)$$);
-- granted to nobody
SELECT count(*) FROM pg_proc, aclexplode(proacl) WHERE proname = 'lp_state_move' AND grantee <> proowner;

-- the functions themselves, on rows of every state; whatever moves is written down
CREATE TABLE moved (relation text, was text, becomes text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF to_jsonb(OLD) ->> TG_ARGV[0] <> to_jsonb(NEW) ->> TG_ARGV[0] THEN
        INSERT INTO public.moved VALUES (TG_TABLE_NAME, to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0]);
    END IF;
    RETURN NEW;
END$$;
SELECT FROM lp_client_set(client(1), 'One');
SELECT FROM lp_client_set(client(2), 'Two');
-- leads 1 to 7: a touch in each state; 8: a claim that has lapsed; 21 to 26: an assignment in each status; each with a
-- twin (n + 30) that client 2 owns and keeps when they are merged
CREATE TABLE subjects AS
    SELECT n, state AS touch, 'active' AS assignment FROM states WHERE relation = 'lead_touches' UNION ALL VALUES (8, 'claimed', 'active')
    UNION ALL SELECT 20 + n, 'claimed', state FROM states WHERE relation = 'lead_assignments';
SELECT count(*) FROM (SELECT add_lead(n), add_lead(30 + n) FROM subjects) t;
SELECT lp_rebuild_available() > 0;
SELECT count(lp_assign(lead(n), client(1))) FROM subjects;
SELECT count(lp_assign(lead(30 + n), client(2))) FROM subjects;
UPDATE lead_assignments SET outcome = 'interested' WHERE client_id = client(2);
INSERT INTO lead_touches (id, lead_id, client_id, assignment_id, campaign_id, step, channel, state, claimed_at, expires_at, dispatched_at, sent_at, counted_at, ended_at)
SELECT lead(100 + s.n), a.lead_id, client(1), a.id, lead(900), 'one', 'linkedin', touch, '2026-03-04 14:00+00',
       CASE WHEN s.n = 8 THEN '2026-03-04 14:30+00' ELSE timestamptz '2026-03-04 16:00+00' END,
       CASE WHEN touch IN ('dispatched', 'sent', 'unknown') THEN timestamptz '2026-03-04 14:01+00' END,
       CASE WHEN touch = 'sent' THEN timestamptz '2026-03-04 14:02+00' END,
       CASE WHEN touch IN ('claimed', 'dispatched', 'sent', 'unknown') THEN timestamptz '2026-03-04 14:00+00' END,
       CASE WHEN touch IN ('sent', 'failed', 'expired', 'fenced') THEN timestamptz '2026-03-04 14:03+00' END
FROM subjects s JOIN lead_assignments a ON a.lead_id = lead(s.n);
UPDATE lead_assignments a SET status = s.assignment, ended_at = a.assigned_at FROM subjects s WHERE a.lead_id = lead(s.n) AND s.assignment <> 'active';
SELECT count(lp_suppress('linkedin', 'person-' || n, 'operator')) FROM subjects;
INSERT INTO lead_identities (kind, value, lead_id, identifies, key_hash, source, first_seen_at)
SELECT 'linkedin', 'person-' || s.n, lead(s.n), true, b.value_hash, 'operator', '2026-01-01'
FROM (SELECT n, row_number() OVER (ORDER BY n) AS i FROM subjects) s JOIN (SELECT value_hash, row_number() OVER (ORDER BY id) AS i FROM lead_suppressions) b USING (i);
SELECT count(lp_unsuppress(id, 'only the hash was wanted')) FROM lead_suppressions;
CREATE TRIGGER note BEFORE UPDATE ON lead_touches FOR EACH ROW EXECUTE FUNCTION note('state');
CREATE TRIGGER note BEFORE UPDATE ON lead_assignments FOR EACH ROW EXECUTE FUNCTION note('status');
CREATE TABLE doors (door text, statement text);
INSERT INTO doors VALUES
    ('dispatch', 'lp_touch_dispatch(lead(100 + %1$s))'),
    ('confirm', 'lp_touch_confirm(lead(100 + %1$s))'),
    ('fail', 'lp_touch_fail(lead(100 + %1$s), ''x'')'),
    ('event sent', 'lp_record_event(''sent'', touch_id => lead(100 + %1$s))'),
    ('claim', 'lp_jit_claim(lead(%1$s), client(1), ''mail'')'),
    ('replied', 'lp_record_event(''replied'', lead(%1$s))'),
    ('not_interested', 'lp_record_event(''not_interested'', lead(%1$s))'),
    ('unsubscribed', 'lp_record_event(''unsubscribed'', touch_id => lead(100 + %1$s))'),
    ('suppress', 'lp_suppress(''linkedin'', ''person-%1$s'', ''do_not_contact'')'),
    ('release', 'lp_release(lead(%1$s), client(1), ''x'')'),
    ('transfer', 'lp_transfer(lead(%1$s), client(2), ''x'')'),
    ('cancel', 'lp_client_cancel(client(1))'),
    ('merge', 'lp_merge(lead(30 + %1$s), lead(%1$s), ''x'')'),
    ('merge, unmerge', 'lp_unmerge(lp_merge(lead(30 + %1$s), lead(%1$s), ''x''))'),
    ('forget', 'lp_forget(lead(%1$s))');
-- what a call that is then undone made of touch and assignment n, or the error
CREATE FUNCTION call(n int, statement text, OUT answer text, OUT touch text, OUT assignment text) LANGUAGE plpgsql AS $$
DECLARE
    noted moved[];
BEGIN
    BEGIN
        answer := try(format(statement, n));
        SELECT state INTO touch FROM lead_touches WHERE id = lead(100 + n);
        SELECT status INTO assignment FROM lead_assignments WHERE id = (SELECT assignment_id FROM lead_touches WHERE id = lead(100 + n));
        noted := ARRAY(SELECT m FROM moved m);
        RAISE EXCEPTION USING ERRCODE = 'UNDO0';
    EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
        DELETE FROM moved;
        INSERT INTO moved SELECT * FROM unnest(noted);
    END;
    answer := CASE WHEN answer LIKE 'ok%' THEN 'ok' ELSE split_part(answer, ' ', 1) END;
END$$;
CREATE TABLE called AS SELECT s.n, s.touch AS was, s.assignment AS was_owned, d.door, c.* FROM subjects s, doors d, call(s.n, d.statement) c;
-- touches, of lead 1 to 8: "=" is the state that it had
SELECT door, string_agg(CASE WHEN touch = was THEN '=' ELSE touch END || CASE WHEN answer <> 'ok' THEN ' ' || answer ELSE '' END, ', ' ORDER BY n)
       AS touches
FROM called WHERE n < 20 GROUP BY door ORDER BY door;
-- assignments, of lead 21 to 26
SELECT door, string_agg(CASE WHEN assignment = was_owned THEN '=' ELSE assignment END || CASE WHEN answer <> 'ok' THEN ' ' || answer ELSE '' END, ', ' ORDER BY n)
       AS assignments
FROM called WHERE n > 20 GROUP BY door ORDER BY door;
-- every move that was made is in the list, but for the one that undoes a merge
SELECT relation, was, becomes FROM moved GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT * FROM moved EXCEPT TABLE moves ORDER BY 1, 2, 3;
ROLLBACK;

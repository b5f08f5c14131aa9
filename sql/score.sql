-- The base score and its explanation.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
\getenv top PG_ABS_SRCDIR
\set lib :top '/test/lib/leads.sql'
\set ECHO none
\i :lib
\set ECHO all
SELECT add_lead(1, '{"seniority": "C_Suite", "company_estimated_num_employees": 51, "show_intent": true, "intent_strength": "High",
    "phone": "+12025550143", "linkedin_url": "https://linkedin.com/in/alpha", "title": "CEO", "company_name": "Alpha"}');
SELECT add_lead(2, '{"email": null, "email_status": "verified"}');
SELECT add_lead(3, '{"seniority": "wizard", "email_status": "unheard_of", "company_estimated_num_employees": 6000, "is_likely_to_engage": true}');
SELECT * FROM lp_score(lead(1));
SELECT * FROM lp_score(lead(2));
SELECT * FROM lp_score(lead(3));
-- an address that bounced or was not bought counts nothing
UPDATE lead_pool SET email_bounced_at = '2026-01-01' WHERE id = lead(1);
SELECT points, why FROM lp_score(lead(1)) WHERE part = 'email_status';
UPDATE lead_pool SET email_bounced_at = NULL WHERE id = lead(1);

-- a site's row wins over the one shipped, at once
INSERT INTO lead_score_weights (part, value, points) VALUES ('seniority', 'c_suite', 100), ('seniority', 'wizard', -50), ('email_status', '', -5);
SELECT * FROM lp_score(lead(1));
SELECT * FROM lp_score(lead(3));
SELECT part, points FROM lp_score(lead(2)) WHERE part = 'email_status';
-- the parts add up to the score
SELECT n, sum(points) = min(score) AND min(score) = max(score) AS adds_up FROM generate_series(1, 3) n, lp_score(lead(n)) GROUP BY n ORDER BY n;
-- the shipped weights reach 100 and no more
SELECT sum(points) FROM (SELECT max(points) AS points FROM lead_score_weights WHERE shipped AND part <> 'completeness' GROUP BY part
                         UNION ALL SELECT sum(points) FROM lead_score_weights WHERE shipped AND part = 'completeness') s;
-- a merged lead is followed
UPDATE lead_pool SET state = 'merged', merged_into = lead(1) WHERE id = lead(2);
SELECT score FROM lp_score(lead(2)) LIMIT 1;
-- what a capture writes is what is explained: also of an address that bounced, and of the one that replaces it
CREATE VIEW written AS SELECT p.score, (SELECT min(s.score) FROM lp_score(p.id) s) - p.score AS explained_differs FROM lead_pool p WHERE apollo_id = 'p1';
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "name": "Ada", "title": "CTO", "seniority": "vp", "email": "ada@quillmere.example", "email_status": "verified",
    "linkedin_url": "http://www.linkedin.com/company/x", "organization": {"name": "Q", "estimated_num_employees": 60}}}');
TABLE written;
SELECT effect FROM lp_record_event('bounced', email => 'ada@quillmere.example', external_id => 'b1');
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "title": "CEO"}}');
TABLE written;
SELECT outcome FROM lp_capture_apollo('{"person": {"id": "p1", "email": "ada@other.example", "email_status": "verified"}}');
TABLE written;
\set VERBOSITY sqlstate
SELECT * FROM lp_score(lead(9));
SELECT * FROM lp_score(NULL);
ROLLBACK;

-- Bans by hand: kinds, spellings, reasons, lifting.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SET leadpool.now = '2026-03-04 15:00+00';

-- any spelling of an address, +tag included; another address is free
SELECT lp_suppress('email', ' Sam@BuildRight.example ', 'unsubscribed') IS NOT NULL AS banned;
SELECT v AS value, lp_is_suppressed('email', v)
FROM unnest(ARRAY['sam@buildright.example', 'SAM+news@buildright.example', 'sams@buildright.example']) v ORDER BY v;

-- an equal ban is not repeated: the same row comes back
SELECT lp_suppress('email', 'sam@buildright.example', 'unsubscribed')
     = lp_suppress('email', 'sam+x@buildright.example', 'unsubscribed') AS same_row;
SELECT count(*), count(DISTINCT ban_id) FROM lead_suppressions;

-- words of one's own are kept, also beside another ban
SELECT lp_suppress('email', 'words@buildright.example', 'operator') IS NOT NULL AS banned, lp_suppress('email', 'words@buildright.example', 'rang us twice')
     = lp_suppress('email', 'words@buildright.example', 'rang us twice') AS same_row;
SELECT reason, note FROM lead_suppressions WHERE reason = 'operator' ORDER BY note NULLS FIRST;

-- a number, in national digits or as E.164
SELECT lp_suppress('phone', '+1 202-555-0143', 'dnc') IS NOT NULL AS banned;
SELECT v AS value, lp_is_suppressed('phone', v)
FROM unnest(ARRAY['+12025550143', '(+1) 202 555 0143', '12025550143', '+12025550144']) v ORDER BY v;

-- consent_revoked for a phone is voice and SMS
SELECT lp_suppress('phone', '+12025550150', 'consent_revoked') IS NOT NULL AS banned;
SELECT DISTINCT channel FROM lead_suppressions WHERE reason = 'consent_revoked' ORDER BY 1;

-- which are one ban: the id that came back lifts both
SELECT lp_suppress('phone', '+12025550151', 'consent_revoked') AS both \gset
SELECT lp_unsuppress(:'both', 'asked us to call'), lp_is_suppressed('phone', '+12025550151') AS left_over;
-- digits that a country was needed for hold without it
SET leadpool.default_region = 'AU';
SELECT lp_suppress('phone', '(0491) 570 006', 'dnc') IS NOT NULL AS banned;
RESET leadpool.default_region;
SELECT v AS value, lp_is_suppressed('phone', v)
FROM unnest(ARRAY['0491 570 006', '+61 491 570 006', '61491570006']) v ORDER BY v;

-- a domain covers its sub-domains and nothing above
SELECT lp_suppress('domain', 'https://www.Rival.example/about', 'no competitors please') IS NOT NULL AS banned;
SELECT v AS value, lp_is_suppressed('email', v)
FROM unnest(ARRAY['a@rival.example', 'a@eu.rival.example', 'a@notrival.example']) v ORDER BY v;
SELECT lp_is_suppressed('domain', 'shop.rival.example') AS sub, lp_is_suppressed('domain', 'other.example') AS beside;
SELECT kind, domain, reason, note, origin FROM lead_suppressions WHERE kind = 'domain';

-- profiles and Apollo ids
SELECT lp_suppress('linkedin', 'http://www.linkedin.com/in/Example-Sam/', 'operator') IS NOT NULL,
       lp_is_suppressed('linkedin', 'https://linkedin.com/in/example-sam?trk=x');
SELECT lp_suppress('apollo_id', '74de91caf521ef8c858ae56f', 'operator') IS NOT NULL,
       lp_is_suppressed('apollo_id', '74de91caf521ef8c858ae56f');

-- an exclusion holds for its client alone
SELECT (lp_client_set('00000000-0000-7000-8000-00000000000a', 'Agency A')).status AS a,
       (lp_client_set('00000000-0000-7000-8000-00000000000b', 'Agency B')).status AS b;
SELECT lp_suppress('email', 'kim@fennwick.example', 'excluded', '00000000-0000-7000-8000-00000000000a') IS NOT NULL AS banned;
SELECT lp_is_suppressed('email', 'kim@fennwick.example') AS anyone,
       lp_is_suppressed('email', 'kim@fennwick.example', '00000000-0000-7000-8000-00000000000a') AS a,
       lp_is_suppressed('email', 'kim@fennwick.example', '00000000-0000-7000-8000-00000000000b') AS b;

-- a ban with an end ends at that very instant
SELECT lp_suppress('email', 'pause@fennwick.example', 'operator', NULL, '2026-03-05 15:00+00') IS NOT NULL AS banned;
SET leadpool.now = '2026-03-05 14:59:59.999999+00';
SELECT lp_is_suppressed('email', 'pause@fennwick.example') AS just_before;
SET leadpool.now = '2026-03-05 15:00+00';
SELECT lp_is_suppressed('email', 'pause@fennwick.example') AS at_the_end;

-- lifting stamps every row of the ban, once; erasure and complaint stay
SELECT lp_unsuppress(id, 'asked to hear from us') FROM lead_suppressions WHERE reason = 'unsubscribed';
SELECT lp_is_suppressed('email', 'sam@buildright.example');
SELECT lp_unsuppress(id, 'again') FROM lead_suppressions WHERE reason = 'unsubscribed';
SELECT lifted_at = '2026-03-05 15:00+00' AS stamped, lift_reason FROM lead_suppressions WHERE reason = 'unsubscribed';
SELECT lp_suppress('email', 'angry@fennwick.example', 'complained') IS NOT NULL,
       lp_suppress('email', 'gone@fennwick.example', 'erasure') IS NOT NULL;
SELECT lp_unsuppress(id, 'please') FROM lead_suppressions WHERE reason = 'complained';
SELECT lp_unsuppress(id, 'please') FROM lead_suppressions WHERE reason = 'erasure';

-- who was captured under a domain's ban is free when it is lifted
SELECT lp_suppress('domain', 'lifted.example', 'operator') AS lifted \gset
SELECT outcome, detail FROM lp_capture_apollo('{"person": {"id": "lifted", "email": "a@lifted.example", "email_status": "verified"}}');
SELECT count(*) AS handed_out FROM lp_allocate('00000000-0000-7000-8000-00000000000a', NULL, 1, '{"domains": ["lifted.example"]}', '{"dry_run": true}');
SELECT lp_unsuppress(:'lifted', 'a mistake');
SELECT count(*) AS handed_out FROM lp_allocate('00000000-0000-7000-8000-00000000000a', NULL, 1, '{"domains": ["lifted.example"]}', '{"dry_run": true}');

-- no address is stored in clear
SELECT count(*) FROM lead_suppressions s
WHERE s::text ~* 'buildright|fennwick|2025550|example-sam|74de91' AND kind <> 'domain';

-- bad input
\set VERBOSITY default
SELECT lp_suppress('fax', '123', 'dnc');
SELECT lp_suppress('email', 'not an address', 'dnc');
SELECT lp_suppress('email', NULL, 'dnc');
SELECT lp_suppress('email', 'a@b.example', 'excluded');
SELECT lp_suppress('email', 'a@b.example', 'excluded', '00000000-0000-7000-8000-00000000ffff');
SELECT lp_suppress('email', 'a@b.example', 'operator', NULL, '2026-03-05 15:00+00');
SELECT lp_unsuppress('00000000-0000-7000-8000-00000000ffff', 'x');
SELECT lp_is_suppressed('email', '');
\set VERBOSITY terse

-- a ban that ends by itself does not keep the mark of one that was lifted
SELECT lead_id AS marked FROM lp_capture_apollo('{"person": {"id": "marked", "email": "marked@mark.example", "email_status": "verified"}}') \gset
SELECT lp_suppress('email', 'marked@mark.example', 'operator') AS lasting \gset
SELECT lp_suppress('email', 'marked@mark.example', 'unsubscribed', NULL, '2026-03-10') IS NOT NULL AS for_a_week;
SELECT lp_unsuppress(:'lasting', 'a mistake');
SELECT flags & 512 AS hint FROM lead_state WHERE lead_id = :'marked';
SELECT lp_is_suppressed('email', 'marked@mark.example');
ROLLBACK;

-- One day of one agency: claim, dispatch, send, confirm, channel by channel.
-- Variables: day, agency, now.
SET leadpool.now = :'now';
SELECT id AS client, campaign, mailbox, cold_mailbox, profile, number FROM demo.agency WHERE n = :agency \gset

-- Claims, a batch a channel, each in an order of its own.  Some engines are
-- wrong: they try a cold mailbox, or numbers of the other agency's leads.
INSERT INTO demo.claim
SELECT :day, :agency, v.channel, c.*
FROM (VALUES ('email'::lp_channel, :'mailbox', 90, true), ('linkedin', :'profile', 35, true), ('sms', :'number', 45, true),
             ('voice', :'number', 45, true), ('email', :'cold_mailbox', 10, true), ('sms', :'number', 8, false)) v (channel, sender, share, own)
CROSS JOIN LATERAL lp_jit_claim_batch(:'client', v.channel, ARRAY(
        SELECT a.lead_id FROM lead_assignments a JOIN lead_pool p ON p.id = a.lead_id
        WHERE a.status = 'active' AND (a.client_id = :'client') = v.own
        ORDER BY md5(p.apollo_id || v.channel::text || (:day % 2)) LIMIT v.share),
    v.sender, :'campaign', 'day ' || :day || ' ' || v.channel) c;

-- In between somebody says stop: the last look before the wire catches it.
INSERT INTO demo.event
SELECT :day, 'unsubscribed', e.effect
FROM (SELECT touch_id FROM demo.claim WHERE day = :day AND agency = :agency AND allowed AND channel = 'email' ORDER BY touch_id LIMIT 1) c
CROSS JOIN LATERAL lp_record_event('unsubscribed', touch_id => c.touch_id, external_id => format('stop-%s-%s', :day, :agency)) e;

CREATE TEMP TABLE wire AS
SELECT c.channel, c.touch_id, lp_touch_dispatch(c.touch_id) AS go, row_number() OVER (PARTITION BY c.channel ORDER BY c.touch_id) AS n
FROM demo.claim c WHERE c.day = :day AND c.agency = :agency AND c.allowed;

-- One in thirty is refused by the server; one in forty is never heard of again.
SELECT CASE WHEN n % 30 = 0 THEN lp_touch_fail(touch_id, '550 mailbox busy')
            ELSE lp_touch_confirm(touch_id, format('%s-%s-%s-%s', :agency, :day, channel, n)) END IS NOT NULL
FROM wire WHERE go AND n % 40 <> 0;

-- What came back, the same evening.  Each webhook comes twice, as in life.
SET leadpool.now = :'evening';
INSERT INTO demo.event
SELECT :day, r.event, e.effect
FROM (SELECT touch_id, CASE n % 25 WHEN 1 THEN 'replied' WHEN 2 THEN 'bounced' WHEN 3 THEN 'auto_replied' WHEN 4 THEN 'unsubscribed'
                                   WHEN 5 THEN 'not_interested' WHEN 6 THEN 'interested' WHEN 7 THEN 'soft_bounced'
                                   ELSE 'delivered' END AS event
      FROM wire WHERE go AND channel = 'email'
      UNION ALL
      SELECT touch_id, CASE n % 9 WHEN 1 THEN 'replied' WHEN 2 THEN 'do_not_contact' WHEN 3 THEN 'meeting_booked' ELSE 'delivered' END
      FROM wire WHERE go AND channel <> 'email') r
CROSS JOIN generate_series(1, 2) again
CROSS JOIN LATERAL lp_record_event(r.event, touch_id => r.touch_id, external_id => r.touch_id::text) e;

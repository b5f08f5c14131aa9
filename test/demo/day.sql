-- One day of one agency: claim, dispatch, send, confirm, channel by channel.
-- Variables: day, agency, now.
SET leadpool.now = :'now';
SELECT id AS client, campaign, mailbox, cold_mailbox, profile, number FROM demo.agency WHERE n = :agency \gset

-- Claims, a batch a transaction.  Some engines are wrong: they try a mailbox
-- that is not warm, or numbers of the other agency's leads.
\set own true
\set skip 0
\set channel email
\set sender :mailbox
\set share 90
\ir claim.sql
\set channel linkedin
\set sender :profile
\set share 35
\ir claim.sql
\set channel sms
\set sender :number
\set share 45
\ir claim.sql
\set channel voice
\ir claim.sql
\set channel email
\set sender :cold_mailbox
\set skip 90
\set share 10
\ir claim.sql
\set own false
\set skip 0
\set channel sms
\set sender :number
\set share 8
\ir claim.sql

-- In between somebody says stop: the last look before the wire catches it.
INSERT INTO demo.event
SELECT :day, 'unsubscribed', e.effect
FROM (SELECT touch_id FROM demo.claim WHERE day = :day AND agency = :agency AND allowed AND channel = 'email' ORDER BY touch_id LIMIT 1) c
CROSS JOIN LATERAL lp_record_event('unsubscribed', touch_id => c.touch_id, external_id => format('stop-%s-%s', :day, :agency)) e;

-- From here on a transaction a message, as an engine does it: an answer binds
-- when it is committed, and nobody waits for a lead of another message.
CREATE TEMP TABLE wire (channel text, touch_id uuid, n integer, go boolean);
SELECT format('INSERT INTO wire VALUES (%L, %L, %s, lp_touch_dispatch(%2$L))', channel, touch_id,
              row_number() OVER (PARTITION BY channel ORDER BY touch_id))
FROM demo.claim WHERE day = :day AND agency = :agency AND allowed \gexec

-- One in thirty is refused by the server; one in forty is never heard of again.
SELECT CASE WHEN n % 30 = 0 THEN format('SELECT FROM lp_touch_fail(%L, %L)', touch_id, '550 mailbox busy')
            ELSE format('SELECT FROM lp_touch_confirm(%L, %L)', touch_id, format('%s-%s-%s-%s', :agency, :day, channel, n)) END
FROM wire WHERE go AND n % 40 <> 0 \gexec

-- What came back, the same evening.  Each webhook comes twice, as in life; one
-- message a day bounces, since more than three in a hundred pause the sender.
SET leadpool.now = :'evening';
SELECT format('INSERT INTO demo.event SELECT %s, %L, e.effect FROM lp_record_event(%2$L, touch_id => %L, external_id => %3$L) e',
              :day, r.event, r.touch_id)
FROM (SELECT touch_id, CASE n % 25 WHEN 1 THEN 'replied' WHEN 2 THEN CASE n WHEN 2 THEN 'bounced' ELSE 'opened' END
                                   WHEN 3 THEN 'auto_replied' WHEN 4 THEN 'unsubscribed'
                                   WHEN 5 THEN 'not_interested' WHEN 6 THEN 'interested' WHEN 7 THEN 'soft_bounced'
                                   ELSE 'delivered' END AS event
      FROM wire WHERE go AND channel = 'email'
      UNION ALL
      SELECT touch_id, CASE n % 9 WHEN 1 THEN 'replied' WHEN 2 THEN 'do_not_contact' WHEN 3 THEN 'meeting_booked' ELSE 'delivered' END
      FROM wire WHERE go AND channel <> 'email') r
CROSS JOIN generate_series(1, 2) again \gexec

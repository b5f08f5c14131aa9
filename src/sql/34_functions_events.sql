/* What happened after a send. */

CREATE FUNCTION @extschema@.lp_record_event(event text, lead_id uuid DEFAULT NULL, client_id uuid DEFAULT NULL,
                                            channel @extschema@.lp_channel DEFAULT NULL, email text DEFAULT NULL,
                                            phone text DEFAULT NULL, touch_id uuid DEFAULT NULL,
                                            occurred_at timestamptz DEFAULT NULL, external_id text DEFAULT NULL,
                                            detail jsonb DEFAULT '{}')
    RETURNS TABLE (event_id uuid, lead_id uuid, effect text)
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'lp_record_event';
COMMENT ON FUNCTION @extschema@.lp_record_event(text, uuid, uuid, @extschema@.lp_channel, text, text, uuid, timestamptz, text, jsonb) IS
$$Records what a person or a provider did after a send, and does what follows from it: an unsubscribe, complaint, do_not_contact or consent_revoked bans (also an address that nobody has captured yet), a bounce stops mail to that address, a reply stops sends on every channel, not_interested starts the cooling, converted binds the lead to its client. Open claims end in the same commit. A report is taken once by event and external_id; one that comes late never lifts or reopens anything.
Arguments: event - delivered, opened, clicked, bounced, soft_bounced, complained, unsubscribed, replied, auto_replied, interested, not_interested, meeting_booked, converted, do_not_contact, consent_revoked or sent (with touch_id as lp_touch_confirm, else a send that nobody claimed); touch_id, lead_id, email, phone - the target, the first given in this order counts (with touch_id the address that was mailed is meant); client_id - whose message it answers, default that of the touch, else the last that sent, else the owner; channel - of the message, and the channel of consent_revoked; occurred_at - null is now, a time ahead of the clock counts as now; external_id - the provider's id of the report; detail - further facts, of a bounce {"class": "hard" | "soft" | "policy", "smtp": "5.7.1"}.
Result: one row: event_id; lead_id, null while nobody is known by the address; effect - recorded, replied, bounced, banned, cooling, converted, unclaimed_send, or duplicate with the first report's event_id.
Errors: 22004 (event null, no target, sent without client or channel), 22023 (unknown event, an address or number that is none), 22032 (detail is no object), 42704 (no such touch or client), LP001 (no such lead), LP008 (the suppression key is missing or is another one).
Example: SELECT * FROM lp_record_event('unsubscribed', email => 'sam@buildright.example', external_id => 'evt-1');$$;

"""
webhooks.py - what Apollo tells later: phone numbers and waterfalls.

A match that asks for them opens a request.  It stays pending until a test
settles it (POST /_control/webhooks) or, if so set, until it was polled so
often; then the body that Apollo would send to the webhook_url can be fetched,
and polling gives it too.  The credits for numbers are entered in the ledger
when it is settled, once.
"""

import json
import time

import fixtures
from message import Answer
from names import hex_id
from provider import percent

TYPES = {"reveal_phone_number": "phone", "run_waterfall_email": "waterfall", "run_waterfall_phone": "waterfall"}


class Webhooks:
    def __init__(self, apollo):
        self.apollo = apollo
        self.open = {}                  # by request id, as text

    def ask(self, request_id, given, later, people):
        """Opens a request; its memo, or None when nobody is to be asked about."""
        kinds = {TYPES[name] for name in later}
        kind = "waterfall" if "waterfall" in kinds else "phone"
        running = {one for memo in self.open.values() if memo["state"] == "pending" and memo["type"] == kind
                   for one in memo["people"]}
        fresh = [person.id for person in people if person.id not in running]
        if not fresh:
            return None
        memo = {"request_id": str(request_id), "type": kind, "wants": later, "url": given["webhook_url"],
                "people": fresh, "state": "pending", "polls": 0, "credits": 0}
        self.recall(memo)
        return memo

    def recall(self, memo):
        self.open[memo["request_id"]] = dict(memo)

    def envelope(self, memo, later, request_id, found):
        """What the immediate answer of a batch says of it."""
        if any(name.startswith("run_") for name in later):
            status = "accepted" if memo else "not_accepted"
            return {"waterfall": {"status": status, "message": f"{status} for asynchronous processing",
                                  "unprocessed_attributes": []}}
        if not found:
            return {}
        return {"phone_enrichment": {"request_id": str(request_id), "status": "pending" if memo else "skipped",
                                     "message": "running" if memo else "an earlier request runs"}}

    def settle(self, event):
        """Makes requests ready, failed or expired; those that changed."""
        wanted = event.get("request_id")
        changed = []
        for memo in self.open.values():
            if (wanted is None or memo["request_id"] == str(wanted)) and memo["state"] == "pending":
                memo["state"] = event.get("state", "success")
                memo["dispatched"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event.get("at")))
                if memo["state"] == "success":
                    memo["payload"] = self.payload(memo)
                    memo["credits"] = memo["payload"]["credits_consumed"]
                changed.append(memo)
        return changed

    def list(self):
        return [{"payload": None, **memo} for memo in self.open.values()]

    def poll(self, request_id):
        if not request_id.lstrip("-").isdigit():
            return Answer(400, {"error_code": "invalid_request_id"})
        memo = self.open.get(request_id)
        if memo is None:
            return fixtures.answer("apollo/webhook_result_unknown.json")
        if memo["state"] == "expired":
            return fixtures.answer("apollo/webhook_result_expired.json")
        credits = 0
        if memo["state"] == "pending":
            memo["polls"] += 1
            enough = self.apollo.settings["ready_after_polls"]
            if enough is None or memo["polls"] < enough:
                return fixtures.answer("apollo/webhook_result_pending.json")
            self.settle({"request_id": request_id, "at": time.time()})
            credits = memo["credits"]
        failed = memo["state"] == "failed"
        answer = Answer(200, {
            "request_id": request_id, "webhook_status": memo["state"], "request_type": memo["type"],
            "last_dispatched_at": memo["dispatched"], "failure_reason": "no_provider_answered" if failed else None,
            "webhook_result": memo.get("payload")})
        if credits:
            answer.credits, answer.billed = credits, memo["people"]
            answer.memo = dict(memo)
        return answer

    # The bodies.

    def payload(self, memo):
        world = self.apollo.world
        people = [world.by_id.get(one) or world.invent({"id": one}) for one in memo["people"]]
        has_mobile = [person for person in people if person.mobile and not percent(30, "no mobile", person.id)]
        if memo["type"] == "phone":
            return {"status": "success", "total_requested_enrichments": len(people),
                    "unique_enriched_records": len(has_mobile), "missing_records": len(people) - len(has_mobile),
                    "credits_consumed": round(self.apollo.settings["mobile_price"] * len(has_mobile), 2),
                    "people": [{"id": person.id, "status": "success" if person in has_mobile else "not_found",
                                "phone_numbers": [self.phone(person)] if person in has_mobile else []}
                               for person in people]}
        return self.waterfall(memo, people, has_mobile)

    @staticmethod
    def phone(person, waterfall=False):
        key = hex_id("phone", person.id)
        phone = {"_id": key, "id": key, "key": key, "raw_number": person.mobile, "sanitized_number": person.mobile,
                 "type_cd": "mobile", "status_cd": "valid_number", "confidence_cd": "high", "dnc_status_cd": "not_found",
                 "dnc_other_info": {"country": person.country}, "dnc_status_updated_at": "2026-08-15T20:57:53.108+00:00"}
        if not waterfall:
            phone.update(direct_dial_source_cd="contact_trusted", position=0, created_at=None, updated_at=None)
        return phone

    def waterfall(self, memo, people, has_mobile):
        emails = people if "run_waterfall_email" in memo["wants"] else []
        phones = has_mobile if len(memo["wants"]) > 1 or "run_waterfall_phone" in memo["wants"] else []
        enriched = {person.id for person in emails + phones}
        vendor = fixtures.load("apollo/waterfall_webhook.json")["people"][0]["waterfall"]
        told = []
        for person in people:
            trail = json.loads(json.dumps(vendor))
            trail["emails"][0]["vendors"][0]["emails"] = [person.email] if person in emails else []
            trail["phone_numbers"][0]["vendors"][0]["phone_numbers"] = [person.mobile] if person in phones else []
            told.append({"id": person.id, "waterfall": trail,
                         "phone_numbers": [self.phone(person, True)] if person in phones else [],
                         "emails": [self.email(person)] if person in emails else []})
        return {"status": "success", "total_requested_enrichments": len(people),
                "target_fields": (["emails"] if emails else []) + (["phone_numbers"] if phones else []),
                "records_enriched": len(enriched), "email_records_enriched": len(emails),
                "mobile_records_enriched": len(phones), "enrichment_not_found": len(people) - len(enriched),
                "email_records_not_found": 0, "mobile_records_not_found": len(people) - len(phones) if phones else 0,
                "credits_consumed": round(self.apollo.settings["waterfall_price"] * len(enriched), 2),
                "request_id": memo["request_id"], "request_initiated": "2026-10-08T08:05:49Z",
                "request_completed": "2026-10-08T08:10:56Z", "people": told}

    @staticmethod
    def email(person):
        return {"email": person.email, "email_source_cd": None, "position": 0, "email_status_cd": "Verified",
                "extrapolated_email_confidence": None, "third_party_data_provider_id": "vendor_a_email_search",
                "waterfall_enriched_at": "2026-10-08T08:05:50.241Z", "vendor_validation_statuses": []}

"""
dnc.py - answers like the adapter that scrubs against do-not-call registries,
at /dnc/v1/scrub and /dnc/v1/status.

A request_id that comes again gets the same answer and is not charged again;
with another body it is a conflict.  What a number is follows from its digits,
or is said in the settings: {"numbers": {"+61491570156": "listed"}}.
"""

import hashlib
import time

import fixtures
from message import Answer
from provider import Provider, number

STATUSES = ["clear"] * 16 + ["listed", "listed", "invalid", "not_covered", "litigator", "exempt"]
CODES = {"US": "+1", "AU": "+61", "GB": "+44", "DE": "+49", "NL": "+31", "CA": "+1"}
LISTS = {"US": "US_FTC", "AU": "AU_DNCR", "GB": "GB_TPS"}
DAYS = {"US": 31, "AU": 30, "GB": 28}


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def failed(name, **more):
    answer = fixtures.answer(f"dnc/scrub_{name}.json")
    answer.headers.update(more)
    return answer


class Dnc(Provider):
    name = "dnc"
    prefix = "dnc"
    defaults = {
        "token": "dnc-EXAMPLE", "quota": 100000, "most": 500, "rate_per_minute": 6000,
        "jurisdictions": ["US", "AU", "GB", "DE", "NL"], "expired": False,
        "pending_polls": 0,             # answers 202 first, and to so many polls
        "numbers": {},
    }

    def __init__(self):
        super().__init__()
        self.used = 0
        self.asked = {}                 # by request_id: what was asked
        self.window = [0, 0]

    def endpoint(self, request):
        return "/".join(request.words(1)[:2])

    def subjects(self, request):
        if request.method == "POST":
            return [asked["phone"] for asked in request.json().get("numbers", [])]
        return request.words(1)[2:3]

    def charged(self, credits):
        self.used += credits

    def recall(self, record):
        if record.get("memo"):
            self.asked[record["memo"]["request_id"]] = {**record["memo"], "polls": 0}

    def answer(self, request, effects):
        if request.headers.get("authorization") != "Bearer " + self.settings["token"]:
            return failed("401_unauthorized")
        if self.settings["expired"]:
            return failed("403_subscription_expired")
        words = request.words(1)
        if words == ["v1", "status"] and request.method == "GET":
            return self.status()
        if words == ["v1", "scrub"] and request.method == "POST":
            return self.scrub(request)
        if words[:2] == ["v1", "scrub"] and len(words) == 3 and request.method == "GET":
            return self.poll(words[2])
        return failed("poll_404")

    def not_json(self):
        return failed("400_malformed")

    def left(self):
        """Calls left in this minute."""
        now = time.time()
        if now >= self.window[0] + 60:
            self.window = [now, 0]
        return self.settings["rate_per_minute"] - self.window[1]

    def status(self):
        left = max(0, self.left())
        return Answer(200, {
            "ok": True, "rate": {"limit": self.settings["rate_per_minute"], "remaining": left,
                                 "reset_at": iso(self.window[0] + 60)},
            "quota": {"remaining": self.settings["quota"] - self.used},
            "subscription_valid_until": "2099-06-30", "jurisdictions": self.settings["jurisdictions"]})

    def scrub(self, request):
        given = request.json()
        numbers = given.get("numbers")
        if not given.get("request_id") or not isinstance(numbers, list) or not numbers \
                or not all(one.get("ref") and one.get("phone") for one in numbers):
            return failed("400_malformed")
        if given.get("jurisdiction") not in self.settings["jurisdictions"]:
            return failed("422_unsupported_jurisdiction")
        if len(numbers) > self.settings["most"]:
            body = fixtures.load("dnc/scrub_413_too_many_numbers.json")
            body["error"]["max"] = self.settings["most"]
            return Answer(413, body)
        if self.left() <= 0:
            wait = max(1, int(self.window[0] + 60 - time.time()))
            body = fixtures.load("dnc/scrub_429_rate_limited.json")
            body["error"]["retry_after_s"] = wait
            return Answer(429, body, {"retry-after": str(wait)})
        self.window[1] += 1

        digest = hashlib.sha256(request.body).hexdigest()
        before = self.asked.get(given["request_id"])
        if before is not None and before["digest"] != digest:
            return failed("409_idempotency_conflict")
        charge = 0 if before else len(numbers)
        if self.used + charge > self.settings["quota"]:
            return failed("402_quota_exhausted")
        if before is None:
            before = {"request_id": given["request_id"], "digest": digest, "jurisdiction": given["jurisdiction"],
                      "numbers": numbers, "at": int(time.time()), "polls": 0}
            self.asked[given["request_id"]] = before
        answer = self.pending(before) if self.settings["pending_polls"] else self.results(before)
        if charge:
            answer.credits, answer.billed = charge, [one["phone"] for one in numbers]
            answer.memo = before
        return answer

    def poll(self, request_id):
        asked = self.asked.get(request_id)
        if asked is None:
            return failed("poll_404")
        asked["polls"] += 1
        return self.pending(asked) if asked["polls"] < self.settings["pending_polls"] else self.results(asked)

    @staticmethod
    def pending(asked):
        return Answer(202, {"request_id": asked["request_id"], "status": "pending", "poll_after_s": 1})

    def results(self, asked):
        """In another order than asked: they are told by ref."""
        place = asked["jurisdiction"]
        results = [self.result(one, place) for one in asked["numbers"]]
        return Answer(200, {
            "request_id": asked["request_id"], "provider": "stand-in", "checked_at": iso(asked["at"]),
            "valid_until": iso(asked["at"] + DAYS.get(place, 30) * 86400), "results": results[1:] + results[:1],
            "usage": {"charged": len(results), "remaining": self.settings["quota"] - self.used}})

    def result(self, one, place):
        phone = one["phone"]
        status = self.settings["numbers"].get(phone) or STATUSES[number("dnc", phone) % len(STATUSES)]
        if phone not in self.settings["numbers"] and not phone.startswith(CODES.get(place, "+")):
            status = "not_covered"
        listed = status == "listed"
        return {"ref": one["ref"], "phone": phone, "status": status,
                "lists": [LISTS.get(place, place + "_LIST")] if listed else [],
                "reason": "on register" if listed else None}

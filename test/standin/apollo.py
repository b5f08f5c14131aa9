"""
apollo.py - answers like Apollo, at /apollo/api/v1/...

Keys, rate limits, credits, people and companies; the search is in
apollo_search.py, phone numbers and waterfalls come later through webhooks.py.

Effects of rules that only this provider knows:
    locked       addresses are the placeholder, for all (true) or a share (percent)
    nulls        nobody is found, all (true) or each so many in the request (3)
    duplicates   in a batch each entry after the first finds the first one's person
"""

import json

import fixtures
from apollo_limits import Limits
from apollo_search import Search, WrongType
from message import Answer
from people import has_no_email, is_locked, is_missing
from provider import Provider, number, percent
from webhooks import Webhooks
from world import World

KEYS = {
    "apollo-EXAMPLE": {},
    "apollo-scoped-EXAMPLE": {"scope": ["people/match", "auth/health"]},
    "apollo-free-EXAMPLE": {"plan": "free"},
}
IDENTIFIERS = ("id", "email", "hashed_email", "linkedin_url", "first_name", "last_name", "name", "domain",
               "organization_name")


def is_true(value):
    return value is True or str(value).lower() in ("true", "1")


class Apollo(Provider):
    name = "apollo"
    prefix = "apollo"
    defaults = {
        "seed": 1, "people": 5000,      # who there is
        "invent": False,                # unknown addresses, profiles and ids mean somebody too
        "not_found_percent": 2, "locked_percent": 3, "no_email_percent": 3,
        "keys": KEYS, "auth_form": "json",      # or "plain", the older 401
        "credits": 100000,              # what the team has
        "credit_price": 1,              # of one person or company
        "mobile_price": 8, "waterfall_price": 4.5,
        # Per group of endpoints: calls a minute, an hour, a day; null is no limit.
        "limits": {"enrichment": [1000, None, None], "search": [200, 6000, 50000], "other": [200, 400, 2000]},
        "retry_after": None,            # seconds; null: until the window ends
        "ready_after_polls": None,      # null: webhooks wait for /_control/webhooks
        "short_pages": False,           # a page of the search lacks one
    }

    def __init__(self):
        super().__init__()
        self.limits = Limits(self.settings)
        self.webhooks = Webhooks(self)
        self.used = 0                   # credits
        self.calls = 0
        self._world = None
        self._search = None

    def configure(self, settings):
        super().configure(settings)
        if "seed" in settings or "people" in settings:
            self._world = self._search = None

    @property
    def world(self):
        if self._world is None:
            self._world = World(self.settings["seed"], self.settings["people"])
            self._search = Search(self._world, self.settings)
        return self._world

    # For the router.

    def endpoint(self, request):
        words = request.words(3)
        if words[0] in ("webhook_result",) or (words[0] in ("people", "organizations") and len(words) == 2
                                               and words[1] not in ("match", "bulk_match", "enrich", "bulk_enrich")):
            return words[0] + "/id"
        return "/".join(words)

    def subjects(self, request):
        given = request.input()
        endpoint = self.endpoint(request)
        if endpoint == "people/match":
            return [self.subject(given)]
        if endpoint in ("people/bulk_match", "organizations/bulk_enrich"):
            details = given.get("details") or given.get("domains") or []
            return [self.subject(asked) for asked in details]
        if endpoint == "organizations/enrich":
            return [given.get("domain") or given.get("linkedin_url") or given.get("name") or ""]
        if endpoint.endswith("/id"):
            return [request.words(3)[1]]
        if endpoint == "mixed_people/api_search":
            return [json.dumps(given, sort_keys=True, ensure_ascii=False)]
        return []

    @staticmethod
    def subject(asked):
        if not isinstance(asked, dict):
            return str(asked)
        for key in ("id", "email", "hashed_email", "linkedin_url"):
            if asked.get(key):
                return str(asked[key])
        parts = (asked.get("name") or f"{asked.get('first_name')} {asked.get('last_name')}",
                 asked.get("domain") or asked.get("organization_name"))
        return " @ ".join(str(part) for part in parts if part)

    def charged(self, credits):
        self.used = round(self.used + credits, 2)

    def recall(self, record):
        self.calls += 1
        if record["path"] and record["status"] not in (0, 401, 403):
            self.limits.count(record["endpoint"], record["at"])
        if record.get("memo"):
            self.webhooks.recall(record["memo"])

    def answer(self, request, effects):
        if not request.path.startswith("/apollo/api/v1/"):
            return Answer(404, "<html><body>Not Found</body></html>", content_type="text/html")
        endpoint = self.endpoint(request)
        if endpoint == "auth/health":
            known = request.headers.get("x-api-key") in self.settings["keys"]
            return fixtures.answer("apollo/auth_health_ok.json" if known else "apollo/auth_health_bad_key.json")
        refused = self.refuse(request, endpoint)
        if refused is not None:
            return refused
        over = self.limits.over(endpoint)
        if over is None:
            self.limits.count(endpoint)
            answer = self.dispatch(request, endpoint, effects)
        else:
            answer = over
        answer.headers.update(self.limits.headers(endpoint))
        return answer

    def refuse(self, request, endpoint):
        """The answer to a wrong or too small key, or None."""
        if "api_key" in request.query:
            return fixtures.answer("apollo/error_422_unknown_error.json")
        key = self.settings["keys"].get(request.headers.get("x-api-key"))
        if key is None:
            plain = self.settings["auth_form"] == "plain"
            return fixtures.answer("apollo/error_401_plain.txt" if plain else "apollo/error_401_invalid_key.json")
        scope = key.get("scope")
        if scope is not None and endpoint not in scope:
            text = fixtures.content("apollo/error_403_scope.json").decode()
            return Answer(403, text.replace("people/match", endpoint))
        if key.get("plan") == "free" and endpoint.startswith("mixed_"):
            paid = endpoint == "mixed_companies/search"
            return fixtures.answer("apollo/error_403_paid_only.json" if paid else "apollo/error_403_plan.json")
        return None

    def dispatch(self, request, endpoint, effects):
        calls = {
            ("POST", "people/match"): self.match, ("GET", "people/match"): self.match,
            ("POST", "people/bulk_match"): self.bulk_match, ("GET", "people/id"): self.by_id,
            ("POST", "mixed_people/api_search"): self.search, ("POST", "mixed_people/search"): self.old_search,
            ("GET", "organizations/enrich"): self.enrich, ("POST", "organizations/bulk_enrich"): self.bulk_enrich,
            ("GET", "organizations/id"): self.company_by_id, ("GET", "webhook_result/id"): self.webhook_result,
            ("POST", "usage_stats/api_usage_stats"): self.usage,
            ("POST", "usage_stats/credit_usage_stats"): self.balance,
        }
        call = calls.get((request.method, endpoint))
        if call is None:
            return Answer(404, "<html><body>Not Found</body></html>", content_type="text/html")
        return call(request, effects)

    # People.

    def request_id(self):
        """A signed number beyond 2^53, different for each call."""
        self.calls += 1
        return number("request", self.settings["seed"], self.used, self.calls, len(self.webhooks.open)) - 2**63

    def exhausted(self, price=1):
        return self.used + price > self.settings["credits"]

    def look_up(self, asked, position, effects):
        """The person, unless it is not found."""
        if not isinstance(asked, dict):
            raise WrongType
        nulls = effects.get("nulls")
        if nulls is True or (nulls and (position + 1) % nulls == 0):
            return None
        asked = {key: str(asked[key]) for key in IDENTIFIERS if asked.get(key)}
        person = self.world.find(asked)
        if person is None and self.settings["invent"]:
            person = self.world.invent(asked)
        if person is None or is_missing(self.settings, person):
            return None
        return person

    def text(self, person, given, effects):
        """The person as JSON text, and what it costs."""
        locked = effects.get("locked", False)
        if locked is not True:
            locked = percent(locked, "locked now", person.id) if locked else is_locked(self.settings, person)
        reveal = is_true(given.get("reveal_personal_emails", False))
        text = person.text(reveal, locked, has_no_email(self.settings, person))
        return text, 0 if locked else self.settings["credit_price"]

    @staticmethod
    def wants_later(given):
        return [name for name in ("reveal_phone_number", "run_waterfall_email", "run_waterfall_phone")
                if is_true(given.get(name, False))]

    def match(self, request, effects):
        given = request.input()
        later = self.wants_later(given)
        if later and not str(given.get("webhook_url", "")).startswith("http"):
            return fixtures.answer("apollo/error_422_validation.json")
        if not any(given.get(key) for key in IDENTIFIERS):
            return Answer(422, {"error": "Please add identifying information of the person."})
        if self.exhausted(self.settings["credit_price"]):
            return fixtures.answer("apollo/error_422_insufficient_credits.json")
        request_id = self.request_id()
        person = self.look_up(given, 0, effects)
        if person is None:
            return Answer(200, {"person": self.nobody(given), "request_id": request_id})
        text, price = self.text(person, given, effects)
        waterfall = ""
        answer = Answer()
        if later:
            memo = self.webhooks.ask(request_id, given, later, [person])
            answer.memo = memo
            if memo and memo["type"] == "waterfall":
                waterfall = ', "waterfall": {"status": "accepted", "message": "accepted for asynchronous processing"}'
        answer.body = f'{{"person": {text}, "request_id": {request_id}{waterfall}}}'.encode()
        answer.credits = price
        answer.billed = [person.id] if price else []
        return answer

    @staticmethod
    def nobody(given):
        """Both ways to say that nobody was found."""
        if number("nobody", json.dumps(given, sort_keys=True)) % 2:
            return None
        name = given.get("name") or " ".join(filter(None, (given.get("first_name"), given.get("last_name"))))
        return {"match_confidence": "none", "first_name": given.get("first_name"), "last_name": given.get("last_name"),
                "name": name or None, "email": given.get("email"), "email_status": None, "organization": None,
                "employment_history": []}

    def bulk_match(self, request, effects):
        given = request.input()
        details = given.get("details")
        if not details:
            return fixtures.answer("apollo/error_400_bulk_empty.json")
        if not isinstance(details, list):
            return fixtures.answer("apollo/error_422_unknown_error.json")
        if len(details) > 10:
            return fixtures.answer("apollo/error_400_bulk_limit.json")
        later = self.wants_later(given)
        if later and not str(given.get("webhook_url", "")).startswith("http"):
            return fixtures.answer("apollo/error_422_validation.json")
        if self.exhausted(self.settings["credit_price"]):
            return fixtures.answer("apollo/error_422_insufficient_credits.json")
        try:
            people = [self.look_up(asked, n, effects) for n, asked in enumerate(details)]
        except WrongType:
            return fixtures.answer("apollo/error_422_unknown_error.json")
        if effects.get("duplicates"):
            people = people[:1] * len(people)
        request_id = self.request_id()
        paid, texts = {}, []
        for person in people:
            text, price = self.text(person, given, effects) if person else ("null", 0)
            texts.append(text)
            if price:
                paid[person.id] = price
        envelope = {"status": "success", "error_code": None, "error_message": None,
                    "total_requested_enrichments": len(details)}
        answer = Answer()
        answer.credits = round(sum(paid.values()), 2)
        answer.billed = list(paid)
        if any(name.startswith("run_") for name in later):
            texts = [self.without_email(text, later) for text in texts]
        else:
            envelope.update(unique_enriched_records=len(paid), missing_records=people.count(None),
                            credits_consumed=answer.credits)
        if later:
            found = list({person.id: person for person in people if person}.values())
            answer.memo = self.webhooks.ask(request_id, given, later, found)
            envelope.update(self.webhooks.envelope(answer.memo, later, request_id, found))
        envelope["request_id"] = request_id
        head = json.dumps(envelope)
        answer.body = f'{head[:-1]}, "matches": [{", ".join(texts)}]}}'.encode()
        return answer

    @staticmethod
    def without_email(text, later):
        """With an e-mail waterfall the address comes later, and a miss is said in another way."""
        if text == "null":
            return '{"match_confidence": "none"}'
        if "run_waterfall_email" not in later:
            return text
        person = json.loads(text)
        del person["email"], person["email_status"]
        return json.dumps(person, ensure_ascii=False)

    def by_id(self, request, effects):
        person = self.world.by_id.get(request.words(3)[1])
        if person is None:
            return Answer(422, {"error": "Person does not exist."})
        answer = Answer(200, f'{{"person": {person.text(locked=True)}}}')
        answer.credits, answer.billed = self.settings["credit_price"], [person.id]
        return answer

    def search(self, request, effects):
        self.world
        try:
            return self._search.answer(request.input())
        except WrongType:
            return fixtures.answer("apollo/error_422_unknown_error.json")

    @staticmethod
    def old_search(request, effects):
        return fixtures.answer("apollo/error_422_deprecated_search.json")

    # Companies.

    def enrich(self, request, effects):
        if not any(request.query.get(key) for key in ("domain", "linkedin_url", "name", "website")):
            return fixtures.answer("apollo/error_422_new_format.json")
        company = self.world.find_company(request.query)
        if company is None or effects.get("nulls"):
            return Answer(200, {})
        return self.charge([company], {"organization": company.enriched()})

    def company_by_id(self, request, effects):
        company = self.world.company_by.get(request.words(3)[1])
        if company is None:
            return Answer(422, {"error": "Organization does not exist."})
        return self.charge([company], {"organization": company.enriched()})

    def bulk_enrich(self, request, effects):
        given = request.input()
        details, domains = given.get("details"), given.get("domains")
        asked = details if details else [{"domain": domain} for domain in domains or []]
        if not asked:
            return fixtures.answer("apollo/error_400_bulk_empty.json")
        if len(asked) > 10:
            return fixtures.answer("apollo/error_400_bulk_limit.json")
        found = [self.world.find_company(one) for one in asked]
        known = list({company.id: company for company in found if company}.values())
        return self.charge(known, {
            "status": "success", "error_code": None, "error_message": None,
            "total_requested_records": len(asked) if details else None,
            "total_requested_domains": None if details else len(asked),
            "unique_domains": None if details else len({one["domain"] for one in asked}),
            "unique_records": len({json.dumps(one, sort_keys=True) for one in asked}) if details else None,
            "unique_enriched_records": len(known), "missing_records": found.count(None),
            "organizations": [company.in_bulk() for company in known]})

    def charge(self, companies, body):
        price = round(len(companies) * self.settings["credit_price"], 2)
        if self.exhausted(price):
            return fixtures.answer("apollo/error_422_insufficient_credits.json")
        answer = Answer(200, body)
        answer.credits, answer.billed = price, [company.id for company in companies]
        return answer

    # The account.

    def usage(self, request, effects):
        return Answer(200, self.limits.usage())

    def balance(self, request, effects):
        body = fixtures.load("apollo/credit_usage_stats.json")
        limit = self.settings["credits"]
        body["credit_usage_stats"]["lead_credit"] = {
            "limit": limit, "consumed": self.used, "left_over": round(limit - self.used, 2)}
        return Answer(200, body)

    def webhook_result(self, request, effects):
        return self.webhooks.poll(request.words(3)[1])

"""
people.py - the people that the stand-in for Apollo knows.

They follow from a seed: the same number is the same person in every run.  All
are invented; domains end in .example and phone numbers are from ranges kept
for fiction.  A person is made in full when first asked for.
"""

import copy
import hashlib
import json
import random

import fixtures
from names import COUNTRIES, JOBS, STEMS, TRADES, ascii_word, hex_id
from provider import percent

PLACEHOLDER = "email_not_unlocked@domain.com"


class Person:
    """A person: what identifies it and what searches look at."""

    def __init__(self, seed, index, company):
        self.seed, self.index, self.company = seed, index, company
        draw = random.Random(f"{seed}/person/{index}")
        row = next(row for row in COUNTRIES if row[0] == company.country)
        self.country, _, cities, firsts, lasts, _ = row
        self.city, self.state, self.zone = draw.choice(cities)
        self.first, self.last = draw.choice(firsts), draw.choice(lasts)
        self.name = f"{self.first} {self.last}"
        self.title, self.seniority, self.department, self.subdepartment, self.function = draw.choice(JOBS)
        word = ascii_word(f"{self.first}.{self.last}")
        self.id = hex_id(seed, "person", index)
        self.email = f"{word}.{index}@{company.domain}"
        self.personal = f"{word}{index}@mailbox.example"
        self.linkedin = f"example-{word.replace('.', '-')}-{index}"
        self.mobile = None              # see World
        self._texts = {}

    @property
    def linkedin_url(self):
        return f"http://www.linkedin.com/in/{self.linkedin}"

    def phones(self):
        if self.mobile is None:
            return []
        return [{
            "raw_number": self.mobile, "sanitized_number": self.mobile, "type": "mobile", "position": 0,
            "status": "valid_number", "dnc_status": None, "dnc_other_info": {},
            "dialer_flags": {"country_name": self.country, "country_enabled": True,
                             "high_risk_calling_enabled": False, "potential_high_risk_number": False},
            "source_name": "Apollo", "vendor_validation_statuses": [], "third_party_vendor_name": None}]

    def jobs(self):
        draw = random.Random(f"{self.seed}/person/{self.index}/jobs")
        base = {"created_at": None, "degree": None, "description": None, "emails": None, "grade_level": None,
                "kind": None, "major": None, "raw_address": None, "updated_at": None}
        jobs = []
        for n in range(1 + draw.randrange(3)):
            key = hex_id("job", self.id, n)
            jobs.append({"_id": key, "id": key, "key": key, **base, "current": n == 0,
                         "start_date": f"{2022 - 4 * n}-0{draw.randrange(1, 10)}-01",
                         "end_date": f"{2026 - 4 * n}-01-01" if n else None,
                         "organization_id": self.company.id if n == 0 else None,
                         "organization_name": self.company.name if n == 0 else f"{draw.choice(STEMS)} {draw.choice(TRADES)}",
                         "title": self.title if n == 0 else draw.choice(JOBS)[0]})
        return jobs

    def full(self, personal_emails=False):
        """As people/match tells it, the address open."""
        draw = random.Random(f"{self.seed}/person/{self.index}/full")
        some = lambda value, share: value if draw.randrange(100) < share else None
        status = draw.choices(("verified", "extrapolated", "unverified", "likely to engage"), (84, 8, 4, 4))[0]
        result = {
            "id": self.id, "first_name": self.first, "last_name": self.last, "name": self.name,
            "linkedin_url": self.linkedin_url, "title": self.title, "email_status": status,
            "photo_url": some(f"https://media.licdn-fixture.example/dms/image/{self.index}/photo_200_200?e=1789000000&t=fixture", 70),
            "twitter_url": some(f"https://twitter.com/{self.linkedin}", 10), "github_url": some(f"https://github.com/{self.linkedin}", 10),
            "facebook_url": some(f"https://www.facebook.com/{self.linkedin}", 5),
            "extrapolated_email_confidence": 0.65 if status == "extrapolated" else None,
            "headline": f"{self.title} at {self.company.name}", "email": self.email,
            "organization_id": self.company.id, "employment_history": self.jobs(),
            "street_address": "", "city": self.city, "state": self.state, "country": self.country, "postal_code": None,
            "formatted_address": f"{self.city}, {self.state}, {self.country}", "time_zone": self.zone,
            "organization": self.company.full(), "intent_strength": None, "show_intent": False,
            "email_domain_catchall": draw.randrange(100) < 6, "revealed_for_current_team": True,
            "is_likely_to_engage": status == "likely to engage",
            "personal_emails": [self.personal] if personal_emails and self.country == "United States" else [],
            "departments": [self.department], "subdepartments": [self.subdepartment], "functions": [self.function],
            "seniority": self.seniority, "match_confidence": draw.choice(("high", "high", "high", "medium"))}
        if draw.randrange(100) < 30:
            result["phone_numbers"] = self.phones()
        if self.index % 50 == 0:
            self.add_rare(result)
        return result

    def add_rare(self, result):
        """The keys of old payloads, and the team's own copy of the person."""
        sample = fixtures.load("apollo/people_match_full.json")["person"]
        contact = copy.deepcopy(sample["contact"])
        contact.update(
            id=hex_id("contact", self.id), person_id=self.id, first_name=self.first, last_name=self.last, name=self.name,
            title=self.title, email=self.email, linkedin_url=self.linkedin_url, organization_id=self.company.id,
            organization_name=self.company.name, contact_emails=[], phone_numbers=self.phones(),
            sanitized_phone=self.mobile, city=self.city, state=self.state, country=self.country, time_zone=self.zone,
            employment_history=[], twitter_url=None, facebook_url=None, github_url=None,
            organization={"id": self.company.id, "name": self.company.name, "primary_domain": self.company.domain})
        result.update(contact=contact, contact_id=contact["id"], phone_numbers=self.phones(), mobile_phone=self.mobile,
                      sanitized_phone=self.mobile, flagged_datum=None, starred_by_user_ids=[], excluded_for_leadgen=False,
                      hashed_email=hashlib.md5(self.email.encode()).hexdigest())
        for key, value in sample["organization"].items():
            result["organization"].setdefault(key, copy.deepcopy(value))
        account = result["organization"]["account"] = copy.deepcopy(sample["organization"]["account"])
        account.update(id=hex_id("account", self.company.id), organization_id=self.company.id, name=self.company.name,
                       domain=self.company.domain)
        contact["account_id"] = result["organization"]["account_id"] = result["account_id"] = account["id"]
        contact["account"] = {"id": account["id"], "name": self.company.name, "domain": self.company.domain}
        result["account"] = account

    def text(self, personal_emails=False, locked=False, no_email=False):
        """The same as JSON text, kept."""
        key = (personal_emails, locked, no_email)
        if key not in self._texts:
            result = self.full(personal_emails)
            if locked:
                result.update(email=PLACEHOLDER, email_status="verified", personal_emails=[])
            elif no_email:
                result.update(email=None, email_status="unavailable", personal_emails=[])
            if locked or no_email:
                result.pop("hashed_email", None)
                result.pop("contact", None)
            self._texts[key] = json.dumps(result, ensure_ascii=False)
        return self._texts[key]

    def teaser(self):
        """As the search shows it: hardly anything."""
        sure = self.index % 3 == 0
        return {
            "id": self.id, "first_name": self.first, "last_name_obfuscated": f"{self.last[:2]}***{self.last[-1]}",
            "title": self.title, "last_refreshed_at": "2026-10-01T08:20:32.690+00:00", "has_email": True,
            "has_city": True, "has_state": True, "has_country": True,
            "has_direct_phone": "Yes" if sure else "Maybe: please request direct dial via people/bulk_match",
            "organization": {"name": self.company.name, "has_industry": True, "has_phone": sure, "has_city": True,
                             "has_state": True, "has_country": True, "has_zip_code": False, "has_revenue": True,
                             "has_employee_count": True}}

    def identity(self):
        """What a test may ask with."""
        return {"id": self.id, "email": self.email, "linkedin_url": self.linkedin_url, "first_name": self.first,
                "last_name": self.last, "domain": self.company.domain, "organization_name": self.company.name,
                "title": self.title, "seniority": self.seniority, "country": self.country, "mobile": self.mobile}


def is_missing(settings, person):
    """Whether Apollo shows this person in searches but does not match it."""
    return percent(settings["not_found_percent"], "missing", person.id)


def is_locked(settings, person):
    return percent(settings["locked_percent"], "locked", person.id)


def has_no_email(settings, person):
    return percent(settings["no_email_percent"], "no email", person.id)

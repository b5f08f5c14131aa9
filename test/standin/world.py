"""
world.py - everybody whom the stand-in for Apollo knows, found as Apollo does.
"""

import hashlib

from companies import Company
from names import COUNTRIES
from people import Person
from provider import number


class World:
    """Everybody, found by what a request may name."""

    def __init__(self, seed, people):
        self.seed = seed
        self.companies = [Company(seed, n) for n in range(max(1, people // 8))]
        self.people = [Person(seed, n, self.companies[n % len(self.companies)]) for n in range(people)]
        counts = {}
        for person in self.people:
            nth = counts[person.country] = counts.get(person.country, -1) + 1
            person.mobile = next(row[5] for row in COUNTRIES if row[0] == person.country)(nth)
        self.by_id = {person.id: person for person in self.people}
        self.by_email = {}
        for person in self.people:
            self.by_email[person.email] = self.by_email[person.personal] = person
        self.by_linkedin = {person.linkedin: person for person in self.people}
        self.by_name = {}
        for person in self.people:
            for where in (person.company.domain, person.company.name.lower()):
                self.by_name.setdefault((person.name.lower(), where), person)
        self.company_by = {}
        for company in self.companies:
            for key in (company.id, company.domain, company.slug, company.name.lower()):
                self.company_by.setdefault(key, company)
        self._by_hash = None

    def find(self, asked):
        """The person a set of identifiers means, or None; the surest first."""
        found = self.by_id.get(asked.get("id"))
        if found is None and asked.get("email"):
            found = self.by_email.get(asked["email"].strip().lower())
        if found is None and asked.get("hashed_email"):
            found = self.by_hash().get(asked["hashed_email"].lower())
        if found is None and asked.get("linkedin_url"):
            found = self.by_linkedin.get(last_segment(asked["linkedin_url"]))
        if found is None:
            name = asked.get("name") or f"{asked.get('first_name', '')} {asked.get('last_name', '')}"
            for where in (bare_domain(asked.get("domain") or ""), asked.get("organization_name") or ""):
                found = found or self.by_name.get((name.strip().lower(), where.strip().lower()))
        return found

    def invent(self, asked):
        """Somebody new who is what was asked for, the same each time."""
        email = (asked.get("email") or "").strip().lower()
        key = email or asked.get("id") or last_segment(asked.get("linkedin_url") or "")
        if not key:
            return None
        index = 10**6 + number("invent", key) % 10**6
        person = Person(self.seed, index, self.company_at(email.partition("@")[2] or asked.get("domain"), index))
        person.id = asked.get("id") or person.id
        person.email = email or person.email
        person.linkedin = last_segment(asked.get("linkedin_url") or "") or person.linkedin
        if asked.get("first_name") and asked.get("last_name"):
            person.first, person.last = asked["first_name"], asked["last_name"]
            person.name = f"{person.first} {person.last}"
        self.by_id[person.id] = self.by_email[person.email] = self.by_linkedin[person.linkedin] = person
        return person

    def company_at(self, domain, index):
        """The company with that domain, known or new; any, without one."""
        if not domain:
            return self.companies[index % len(self.companies)]
        if domain not in self.company_by:
            company = self.company_by[domain] = Company(self.seed, 10**6 + number("invent", domain) % 10**6)
            company.domain = domain
        return self.company_by[domain]

    def by_hash(self):
        if self._by_hash is None:
            self._by_hash = {}
            for email, person in self.by_email.items():
                self._by_hash[hashlib.md5(email.encode()).hexdigest()] = person
                self._by_hash[hashlib.sha256(email.encode()).hexdigest()] = person
        return self._by_hash

    def find_company(self, asked):
        keys = [bare_domain(asked.get("domain") or ""), bare_domain(asked.get("website") or ""),
                last_segment(asked.get("linkedin_url") or ""), (asked.get("name") or "").lower()]
        return next((self.company_by[key] for key in keys if key in self.company_by), None)


def last_segment(url):
    return url.partition("?")[0].rstrip("/").rpartition("/")[2].lower()


def bare_domain(text):
    text = text.strip().lower().rpartition("://")[2].partition("/")[0]
    return text.removeprefix("www.").removeprefix("@")

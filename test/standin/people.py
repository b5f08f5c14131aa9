"""
people.py - the people and companies that the stand-in for Apollo knows.

They follow from a seed: the same number is the same person in every run.  All
are invented; domains end in .example and phone numbers are from ranges kept
for fiction.  A person is made in full when first asked for.
"""

import copy
import hashlib
import json
import random

import fixtures
from provider import percent

AREAS = (201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 301, 302, 303, 304, 305,
         307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 401, 402, 404, 405, 406, 407, 408, 409, 410, 412,
         413, 414, 415, 417, 419, 501, 502, 503, 504, 505, 507, 508, 509, 510, 512, 513, 515, 516, 517, 518)

# Country, weight, cities with region and zone, first names, last names, and the
# mobile number of the nth person there: none is given twice, and when those kept
# for fiction are used up, nobody has one.
COUNTRIES = [
    ("United States", 40, [("Austin", "Texas", "America/Chicago"), ("Denver", "Colorado", "America/Denver"),
                           ("Seattle", "Washington", "America/Los_Angeles"), ("Boston", "Massachusetts", "America/New_York")],
     "Amara Caleb Dalia Evan Farrah Grant Imani Joel Kira Luis Maya Noah Priya Quentin Rosa Tyler".split(),
     "Abbott Brennan Castillo Delgado Eastman Fields Guzman Hollis Iverson Kaplan Lindqvist Monroe Nguyen Okafor Pruitt Ramsey".split(),
     lambda n: f"+1{AREAS[n // 100]}55501{n % 100:02d}" if n < 100 * len(AREAS) else None),
    ("United Kingdom", 24, [("London", "England", "Europe/London"), ("Leeds", "England", "Europe/London"),
                            ("Glasgow", "Scotland", "Europe/London")],
     "Amelia Oliver Isla George Freya Arthur Poppy Rhys".split(),
     "Ashworth Penhaligon Fairclough Iqbal Macrae Thornley Whitcombe Yardley".split(),
     lambda n: f"+447700900{n:03d}" if n < 1000 else None),
    ("Australia", 14, [("Sydney", "New South Wales", "Australia/Sydney"), ("Melbourne", "Victoria", "Australia/Melbourne"),
                       ("Perth", "Western Australia", "Australia/Perth")],
     "Charlotte Jack Matilda Cooper Ruby Lachlan".split(), "Gallagher Nowak Tran Petrou Wallis Kelleher".split(),
     lambda n: "+6149157" + ("0006", "0156", "0157", "0158", "0159", "0110")[n] if n < 6 else None),
    ("Germany", 12, [("Berlin", "Berlin", "Europe/Berlin"), ("München", "Bavaria", "Europe/Berlin")],
     "Hannah Lukas Lena Felix Jürgen Zoë".split(), "Vogel Brandt Keller Sommer Müller-Straßer Götz".split(),
     lambda n: f"+4917139200{n:02d}" if n < 100 else None),
    ("Netherlands", 10, [("Rotterdam", "South Holland", "Europe/Amsterdam"), ("Utrecht", "Utrecht", "Europe/Amsterdam")],
     "Sanne Daan Marisol Ruud Fleur Bram".split(), "Achterberg Verhoeven Dijkstra Quist Hoekstra".split(),
     lambda n: f"+3197014{n:06d}" if n < 10**6 else None),
]

# Title, seniority, department, subdepartment, function.
JOBS = [
    ("Chief Executive Officer", "c_suite", "c_suite", "executive", "entrepreneurship"),
    ("Chief Financial Officer", "c_suite", "master_finance", "finance_executive", "finance"),
    ("Founder", "founder", "c_suite", "founder", "entrepreneurship"),
    ("Owner", "owner", "c_suite", "executive", "entrepreneurship"),
    ("Partner", "partner", "consulting", "consulting", "consulting"),
    ("VP Engineering", "vp", "master_engineering_technical", "software_development", "engineering"),
    ("VP Sales", "vp", "master_sales", "sales", "sales"),
    ("Head of Marketing", "head", "master_marketing", "marketing", "marketing"),
    ("Director of Operations", "director", "master_operations", "operations", "operations"),
    ("Director of Engineering", "director", "master_engineering_technical", "engineering_technical", "engineering"),
    ("IT Manager", "manager", "master_information_technology", "technology_operations", "information_technology"),
    ("Procurement Manager", "manager", "master_operations", "sourcing_procurement", "operations"),
    ("Account Executive", "senior", "master_sales", "account_management", "sales"),
    ("Software Engineer", "entry", "master_engineering_technical", "software_development", "engineering"),
]

INDUSTRIES = ["machinery", "computer software", "renewables & environment", "hospital & health care", "retail",
              "logistics & supply chain", "financial services", "construction", "food production"]
TECHNOLOGIES = [("Amazon AWS", "Hosting"), ("Cloudflare DNS", "Domain Name Services"), ("Gmail", "Email Providers"),
                ("Google Workspace", "Cloud Services"), ("Hubspot", "Marketing Automation"),
                ("Salesforce", "Customer Relationship Management"), ("PostgreSQL", "Data Management"),
                ("Python", "Frameworks and Programming Languages"), ("WordPress.org", "CMS"), ("Stripe", "Payments")]
STEMS = "Quill Tarn Fenn Harbor Larch Moss North Ember Cobalt Sable Alder Brook Crest Dune Field Glen".split()
ENDS = "mere bridge wick light wood line gate stone well dale".split()
TRADES = "Robotics Logistics Solar Foods Health Retail Capital Build Media Systems".split()
FUNCTIONS = ("accounting administrative arts_and_design business_development consulting data_science education engineering "
             "entrepreneurship finance human_resources information_technology legal marketing media_and_commmunication "
             "operations product_management sales support").split()

PLACEHOLDER = "email_not_unlocked@domain.com"


def hex_id(*parts):
    """24 hex digits, as Apollo's ids are."""
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=12).hexdigest()


def ascii_word(text):
    table = {"ü": "ue", "ö": "oe", "ë": "e", "ß": "ss", "é": "e"}
    return "".join(table.get(letter, letter) for letter in text.lower())


def printed(amount):
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if amount >= size:
            return f"{amount / size:.1f}".removesuffix(".0") + letter
    return str(amount)


class Company:
    """A company: what searches look at, and the whole object when asked."""

    def __init__(self, seed, index):
        self.seed, self.index = seed, index
        draw = random.Random(f"{seed}/company/{index}")
        self.country, _, cities, *_ = draw.choices(COUNTRIES, [row[1] for row in COUNTRIES])[0]
        self.city, self.state, self.zone = draw.choice(cities)
        stem, trade = draw.choice(STEMS) + draw.choice(ENDS), draw.choice(TRADES)
        self.id = hex_id(seed, "company", index)
        self.name = f"{stem} {trade}"
        self.domain = f"{stem}-{trade}-{index}.example".lower()
        self.slug = f"example-{stem}-{trade}-{index}".lower()
        self.industry = draw.choice(INDUSTRIES)
        self.staff = draw.choice((8, 25, 60, 140, 420, 1600, 12000)) + draw.randrange(20)
        self.revenue = self.staff * draw.randrange(90_000, 150_000)
        self.technologies = draw.sample(TECHNOLOGIES, 5)
        self.technology_uids = [name.lower().replace(" ", "_").replace(".", "_") for name, _ in self.technologies]
        self.keywords = draw.sample(["b2b", "saas", "wholesale", "field service", "e-commerce", "pick & place"], 3)

    def full(self):
        """As it stands inside a person and in organizations/enrich."""
        draw = random.Random(f"{self.seed}/company/{self.index}/full")
        some = lambda value, share=60: value if draw.randrange(100) < share else None
        tags = {self.industry: hex_id("industry", self.industry)}
        phone = some(f"+442079460{self.index % 1000:03d}")
        funded = draw.randrange(100) < 40
        total = draw.randrange(1, 200) * 1_000_000 if funded else None
        result = {
            "id": self.id, "name": self.name, "website_url": f"http://www.{self.domain}",
            "blog_url": some(f"http://blog.{self.domain}", 20), "angellist_url": some(f"http://angel.co/{self.slug}", 20),
            "linkedin_url": f"http://www.linkedin.com/company/{self.slug}",
            "twitter_url": some(f"https://twitter.com/{self.slug}"), "facebook_url": some(f"https://www.facebook.com/{self.slug}"),
            "primary_phone": {"number": phone, "source": "Scraped", "sanitized_number": phone} if phone else {},
            "languages": ["English"], "alexa_ranking": some(draw.randrange(1000, 90000)), "phone": phone,
            "linkedin_uid": str(10_000_000 + self.index), "founded_year": some(draw.randrange(1950, 2024), 90),
            "publicly_traded_symbol": some(self.name[:4].upper(), 10), "publicly_traded_exchange": some("nasdaq", 10),
            "logo_url": f"https://cdn.apollo-fixture.example/uploads/pictures/{hex_id('logo', self.id)}/picture",
            "crunchbase_url": some(f"http://www.crunchbase.com/organization/{self.slug}", 20),
            "primary_domain": self.domain, "sic_codes": [str(draw.randrange(1000, 9000))],
            "naics_codes": [str(draw.randrange(10000, 99999))], "industry": self.industry, "industries": [self.industry],
            "secondary_industries": [], "keywords": self.keywords, "estimated_num_employees": self.staff,
            "organization_revenue": float(self.revenue), "organization_revenue_printed": printed(self.revenue),
            "annual_revenue": self.revenue, "annual_revenue_printed": printed(self.revenue), "snippets_loaded": True,
            "industry_tag_id": tags[self.industry], "industry_tag_hash": tags, "retail_location_count": draw.randrange(4),
            "raw_address": f"{self.city}, {self.state}, {self.country}".lower(), "street_address": "",
            "city": self.city, "state": self.state, "postal_code": some("3011 AB", 30), "country": self.country,
            "owned_by_organization_id": None, "seo_description": some(f"{self.name} | {self.industry}"),
            "short_description": f"{self.name} serves customers in {self.country}.\n\nIt has about {self.staff} people.",
            "suborganizations": [], "num_suborganizations": 0, "total_funding": total,
            "total_funding_printed": printed(total) if total else None,
            "latest_funding_round_date": "2025-11-04T00:00:00.000+00:00" if funded else None,
            "latest_funding_stage": "Series B" if funded else None,
            "funding_events": [{"id": hex_id("funding", self.id), "date": "2025-11-04T00:00:00.000+00:00", "news_url": None,
                                "type": "Series B", "investors": "Harborlight Ventures", "amount": printed(total // 2),
                                "currency": "$"}] if funded else [],
            "technology_names": [name for name, _ in self.technologies],
            "current_technologies": [{"uid": uid, "name": name, "category": category}
                                     for uid, (name, category) in zip(self.technology_uids, self.technologies)],
            "org_chart_root_people_ids": [], "org_chart_sector": some("OrgChart::SectorHierarchy::Rules::IT", 20),
            "org_chart_removed": False, "org_chart_show_department_filter": True,
            "organization_headcount_six_month_growth": round(draw.uniform(-0.1, 0.3), 4),
            "organization_headcount_twelve_month_growth": round(draw.uniform(-0.1, 0.3), 4),
            "organization_headcount_twenty_four_month_growth": round(draw.uniform(-0.2, 0.5), 4)}
        if phone:
            result["sanitized_phone"] = phone
        return result

    def enriched(self):
        """As organizations/enrich tells it: more than stands inside a person."""
        heads = random.Random(f"{self.seed}/company/{self.index}/heads")
        return {**self.full(), "num_languages": 1, "num_retail_locations": 0, "market_cap": None,
                "departmental_head_count": {name: heads.randrange(1 + self.staff // 8) for name in FUNCTIONS},
                "intent_strength": None, "show_intent": False, "has_intent_signal_account": False,
                "intent_signal_account": None, "generic_org_insights": None}

    # What organizations/bulk_enrich leaves out.
    NOT_IN_BULK = ("total_funding", "total_funding_printed", "latest_funding_round_date", "latest_funding_stage",
                   "funding_events", "technology_names", "current_technologies", "annual_revenue",
                   "annual_revenue_printed", "org_chart_root_people_ids", "org_chart_sector", "org_chart_removed",
                   "org_chart_show_department_filter", "suborganizations")

    def in_bulk(self):
        result = {key: value for key, value in self.enriched().items() if key not in self.NOT_IN_BULK}
        result["subsidiary_rollups"] = {"total_estimated_employee_count": 0, "countries": [], "industries": []}
        return result


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
            result["organization"].setdefault(key, value if key in ("account", "account_id") else copy.deepcopy(value))
        account = result["organization"]["account"] = copy.deepcopy(sample["organization"]["account"])
        account.update(organization_id=self.company.id, name=self.company.name, domain=self.company.domain)
        for key in ("account", "account_id"):
            if key in sample:
                result[key] = result["organization"].get(key)

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


class World:
    """Everybody, found by what a request may name."""

    def __init__(self, seed, people):
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


def is_missing(settings, person):
    """Whether Apollo shows this person in searches but does not match it."""
    return percent(settings["not_found_percent"], "missing", person.id)


def is_locked(settings, person):
    return percent(settings["locked_percent"], "locked", person.id)


def has_no_email(settings, person):
    return percent(settings["no_email_percent"], "no email", person.id)

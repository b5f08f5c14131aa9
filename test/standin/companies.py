"""
companies.py - the companies that the stand-in for Apollo knows; see people.py.
"""

import random

from names import COUNTRIES, ENDS, FUNCTIONS, INDUSTRIES, STEMS, TECHNOLOGIES, TRADES, hex_id


def printed(amount):
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if amount >= size:
            return f"{amount / size:.1f}".removesuffix(".0") + letter
    return str(amount)


class Company:
    """A company: what searches look at, and the whole object when asked."""

    def __init__(self, seed, index):
        self.seed, self.index, self._full = seed, index, None
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
        if self._full is None:
            self._full = self.make()
        return dict(self._full)

    def make(self):
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

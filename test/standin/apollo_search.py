"""
apollo_search.py - mixed_people/api_search: filters, pages, teasers.

Values within a filter are any-of, filters all-of, and a name that no filter
has is ignored, as Apollo does.
"""

import fixtures
from message import Answer

MOST = 50000                        # records that pages may reach


class WrongType(Exception):
    """A value of a type that Apollo's own code trips over."""


def texts(value):
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise WrongType
    return [one.strip().lower() for one in values]


def bounds(value):
    """{"min": 1, "max": 2} of integers; in a query they are texts."""
    if not isinstance(value, dict):
        raise WrongType
    try:
        return int(value.get("min") or 0), int(value["max"]) if value.get("max") else None
    except (TypeError, ValueError):
        raise WrongType from None


def staff_ranges(value):
    ranges = []
    for text in texts(value):
        low, _, high = text.partition(",")
        try:
            ranges.append((int(low), int(high) if high else None))
        except ValueError:
            raise WrongType from None
    return ranges


def within(number, low, high):
    return number >= low and (high is None or number <= high)


def has_title(person, wanted, similar):
    title = person.title.lower()
    if title in wanted:
        return True
    words = set(title.split())
    return similar and any(want in title or set(want.split()) <= words for want in wanted)


def is_in(place, wanted):
    """Whether one of the places wanted is this city, region or country."""
    have = {place.city.lower(), place.state.lower(), place.country.lower()}
    return any(set(part.strip() for part in want.split(",")) <= have for want in wanted)


def filters(given):
    """The tests that a person has to pass, as functions."""
    tests = []

    def by(name, test, read=texts):
        if given.get(name) not in (None, [], "", {}):
            wanted = read(given[name])
            tests.append(lambda person: test(person, wanted))

    similar = str(given.get("include_similar_titles", True)).lower() != "false"
    by("person_titles", lambda person, wanted: has_title(person, wanted, similar))
    by("person_not_titles", lambda person, wanted: not has_title(person, wanted, similar))
    by("person_seniorities", lambda person, wanted: person.seniority in wanted)
    by("person_functions", lambda person, wanted: person.function in wanted)
    by("person_department_or_subdepartments",
       lambda person, wanted: person.department in wanted or person.subdepartment in wanted)
    by("person_locations", is_in)
    by("organization_locations", lambda person, wanted: is_in(person.company, wanted))
    by("q_person_name", lambda person, wanted: wanted[0] in person.name.lower())
    by("q_keywords", lambda person, wanted: all(
        word in f"{person.title} {person.name} {person.company.name} {person.company.industry}".lower()
        for word in wanted[0].split()))
    by("q_organization_domains_list", lambda person, wanted: person.company.domain in wanted)
    by("q_organization_domains", lambda person, wanted: person.company.domain in wanted[0].split())
    by("organization_ids", lambda person, wanted: person.company.id in wanted)
    by("organization_num_employees_ranges",
       lambda person, wanted: any(within(person.company.staff, *one) for one in wanted), staff_ranges)
    by("revenue_range", lambda person, wanted: within(person.company.revenue, *wanted), bounds)
    by("currently_using_any_of_technology_uids",
       lambda person, wanted: any(uid in person.company.technology_uids for uid in wanted))
    by("currently_using_all_of_technology_uids",
       lambda person, wanted: all(uid in person.company.technology_uids for uid in wanted))
    by("currently_not_using_any_of_technology_uids",
       lambda person, wanted: not any(uid in person.company.technology_uids for uid in wanted))
    by("q_organization_keyword_tags",
       lambda person, wanted: any(tag in person.company.keywords or tag in person.company.industry for tag in wanted))
    by("q_not_organization_keyword_tags",
       lambda person, wanted: not any(tag in person.company.keywords for tag in wanted))
    by("contact_email_status", lambda person, wanted: person.full()["email_status"] in wanted)
    return tests


class Search:
    def __init__(self, world, settings):
        self.world = world
        self.settings = settings
        self.found = {}                 # by filters, so that each page is not a new search

    def people(self, given):
        key = repr(sorted((name, value) for name, value in given.items() if name not in ("page", "per_page")))
        if key not in self.found:
            tests = filters(given)
            self.found[key] = [person for person in self.world.people if all(test(person) for test in tests)]
        return self.found[key]

    def answer(self, given):
        try:
            page, size = int(given.get("page") or 1), int(given.get("per_page") or 10)
        except (TypeError, ValueError):
            raise WrongType from None
        if page < 1 or not 1 <= size <= 100:
            return Answer(422, {"error": "Please set page from 1 and per_page from 1 to 100."})
        if page * size > MOST:
            return fixtures.answer("apollo/error_422_page_threshold.json")
        people = self.people(given)
        shown = people[(page - 1) * size:page * size]
        if self.settings["short_pages"] and len(shown) > 1:
            shown = shown[:-1]
        return Answer(200, {"total_entries": len(people), "people": [person.teaser() for person in shown]})

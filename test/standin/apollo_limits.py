"""
apollo_limits.py - Apollo's rate limits: fixed windows of a minute, an hour and
a day for each endpoint, opened by the first call in them.
"""

import time

from message import Answer

WINDOWS = (("minute", 60, "x-rate-limit-minute", "x-minute-usage", "x-minute-requests-left"),
           ("hour", 3600, "x-rate-limit-hourly", "x-hourly-usage", "x-hourly-requests-left"),
           ("day", 86400, "x-rate-limit-24-hour", "x-24-hour-usage", "x-24-hour-requests-left"))


def group(endpoint):
    if endpoint.startswith("mixed_"):
        return "search"
    if endpoint.startswith(("people/", "organizations/")):
        return "enrichment"
    return "other"


class Limits:
    def __init__(self, settings):
        self.settings = settings
        self.windows = {}               # endpoint: [[opened, calls], ...]

    def of(self, endpoint):
        limits = self.settings["limits"] or {}
        return limits.get(endpoint) or limits.get(group(endpoint)) or [None, None, None]

    def counts(self, endpoint, now):
        counts = self.windows.setdefault(endpoint, [[now, 0] for _ in WINDOWS])
        for window, (_, seconds, *_) in zip(counts, WINDOWS):
            if now >= window[0] + seconds:
                window[:] = [now, 0]
        return counts

    def count(self, endpoint, at=None):
        for window in self.counts(endpoint, time.time() if at is None else at):
            window[1] += 1

    def over(self, endpoint):
        """The 429, when a window is full."""
        now = time.time()
        for limit, window, (name, seconds, *_) in zip(self.of(endpoint), self.counts(endpoint, now), WINDOWS):
            if limit is not None and window[1] >= limit:
                wait = self.settings["retry_after"] or max(1, int(window[0] + seconds - now + 1))
                return self.refuse(endpoint, name, limit, wait)
        return None

    @staticmethod
    def refuse(endpoint, name, limit, wait):
        return Answer(429, {
            "message": f"The maximum number of api calls allowed for api/v1/{endpoint} is {limit} times per {name}. "
                       "Please upgrade your plan from https://app.apollo.io/#/settings/plans/upgrade.",
            "error_details": {
                "code": "USAGE.RATE_LIMIT.API_RATE_LIMIT_EXCEEDED", "message": "Too many requests in this window.",
                "suggestions": [{"label": "Pause until the window is over.", "retry_after_seconds": wait}],
                "context": {"window": {"value": name, "description": "which window ran out"}}}},
            {"retry-after": str(wait)})

    def headers(self, endpoint):
        headers = {}
        counts = self.counts(endpoint, time.time())
        for limit, window, (_, _, most, used, left) in zip(self.of(endpoint), counts, WINDOWS):
            headers[most] = "" if limit is None else str(limit)
            if limit is not None:
                headers[used] = str(window[1])
                headers[left] = str(max(0, limit - window[1]))
        return headers

    def usage(self):
        """The body of usage_stats/api_usage_stats."""
        now, result = time.time(), {}
        for endpoint in sorted({"people/match", "people/bulk_match", "mixed_people/api_search", *self.windows}):
            first, _, last = endpoint.partition("/")
            entry = result[f'["api/v1/{first}", "{last}"]'] = {}
            for limit, window, (name, *_) in zip(self.of(endpoint), self.counts(endpoint, now), WINDOWS):
                entry[name] = {"limit": limit or 0, "consumed": window[1] if limit else 0,
                               "left_over": max(0, limit - window[1]) if limit else 0}
        return result

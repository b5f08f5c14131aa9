"""
script.py - rules that say which calls go wrong, and how.

A rule is {"match": {...}, "do": {...}}.  It matches a call when all of these
hold, and what is not given always does:

    provider   "apollo", "twilio", "dnc", "segment", "segment_public", "storage"
    method     "POST"
    path       how the path begins, with or without the provider's own prefix
    subject    one of the identifiers in the request
    nth        the number of the call among those that match so far, or a list
    every      each so many calls
    percent    by chance, with "seed": the same calls for the same seed
    from, to   the first and the last of the calls, as nth

    times      beside match: the rule ends after so many

What it does (several rules may add up; of two that say the same the first
counts):

    latency_ms     waits before the answer
    hold           waits until other rules are set
    status         answers this instead; "body" (object or text), "headers"
    fixture        answers a file of test/fixtures with its status and headers
    cut            closes after so many bytes of the body
    close_before   closes without an answer
    hang           never answers; a number: for so many seconds, then closes
    drip           sends the body at so many bytes a second
    huge           the body is made this long with blanks
    malformed      true: half of the body; a text: that text
    content_type   another content-type
    headers        more headers
    locked, nulls, duplicates   what the provider answers: see apollo.py
    billed         whether the provider charges for it: by default it does not
                   with status, fixture and close_before, and does with the rest
"""

import asyncio
import random

INSTEAD = ("status", "fixture", "close_before")


class Rule:
    def __init__(self, rule):
        self.given = rule
        self.match = rule.get("match", {})
        self.do = rule.get("do", {})
        self.times = rule.get("times")
        self.seen = 0
        self.fired = 0
        nth = self.match.get("nth")
        self.nth = None if nth is None else set(nth if isinstance(nth, list) else [nth])
        self.chance = random.Random(str(self.match.get("seed", 0)))
        unknown = set(self.match) - {"provider", "method", "path", "subject", "nth", "every",
                                     "percent", "seed", "from", "to"}
        if unknown or not self.do:
            raise ValueError(f"rule with unknown or missing parts: {sorted(unknown)}")

    def fires(self, provider, method, path, subjects):
        match = self.match
        if "provider" in match and match["provider"] != provider:
            return False
        if "method" in match and match["method"] != method:
            return False
        if "path" in match and not (path.startswith(match["path"]) or
                                    path[len(provider) + 1:].startswith(match["path"])):
            return False
        if "subject" in match and match["subject"] not in subjects:
            return False
        self.seen += 1
        if self.nth is not None and self.seen not in self.nth:
            return False
        if "every" in match and self.seen % match["every"]:
            return False
        if self.seen < match.get("from", 1) or self.seen > match.get("to", self.seen):
            return False
        if "percent" in match and self.chance.random() * 100 >= match["percent"]:
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True


class Script:
    def __init__(self):
        self.rules = []
        self.turn = 1       # how often rules were set: a call is held in its own
        self.held = []

    def set(self, rules):
        if isinstance(rules, dict):
            rules = rules.get("rules", [rules])
        self.rules = [Rule(rule) for rule in rules]
        self.turn += 1
        held, self.held = self.held, []
        for call in held:
            if not call.done():
                call.set_result(None)

    async def hold(self, turn):
        """Waits until other rules are set than those of then."""
        if turn != self.turn:
            return
        call = asyncio.get_running_loop().create_future()
        self.held.append(call)
        await call

    def effects(self, provider, method, path, subjects):
        """What happens to this call: {} mostly."""
        effects = {}
        for rule in self.rules:
            if rule.fires(provider, method, path, subjects):
                effects = {**rule.do, **effects}
        if effects.get("hold"):
            effects["hold"] = self.turn
        return effects

    def list(self):
        return [{**rule.given, "seen": rule.seen, "fired": rule.fired} for rule in self.rules]


def is_billed(effects):
    return effects.get("billed", not any(name in effects for name in INSTEAD))

"""
provider.py - what every provider has.
"""

import hashlib

from message import Answer


def number(*parts):
    """A number that follows from the parts, the same in every run."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def percent(share, *parts):
    """Whether what the parts name is in a share of so many percent."""
    return number("percent", *parts) % 10000 < share * 100


class Provider:
    name = ""
    prefix = ""                     # the first word of its paths
    defaults = {}                   # its settings

    def __init__(self):
        self.settings = dict(self.defaults)

    def configure(self, settings):
        unknown = set(settings) - set(self.defaults)
        if unknown:
            raise ValueError(f"{self.name} has no settings {sorted(unknown)}")
        self.settings.update(settings)

    def endpoint(self, request):
        """What the ledger calls it: the path without identifiers."""
        return "/".join(request.words(1))

    def subjects(self, request):
        """The identifiers that the request asks about."""
        return []

    def answer(self, request, effects):
        raise NotImplementedError

    def not_json(self):
        return Answer(400, {"error": "the body is not JSON"})

    def charged(self, credits):
        """Credits that the ledger books for an answer."""

    def recall(self, record):
        """Takes up a call of the ledger again, after a restart."""

"""
message.py - one request as read and one answer to be given.
"""

import json
from urllib.parse import parse_qsl, unquote


class Request:
    """A request; the body is read as JSON when asked for."""

    __slots__ = ("method", "target", "path", "query_text", "headers", "body", "_json", "_query")

    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.path, _, self.query_text = target.partition("?")
        self.headers = headers
        self.body = body
        self._json = None
        self._query = None

    def words(self, skip=0):
        """The segments of the path, decoded, without the first few."""
        return [unquote(word) for word in self.path.split("/")[1 + skip:]]

    @property
    def query(self):
        """The query; a[]=1&a[]=2 is a list, a[min]=1 an object."""
        if self._query is None:
            self._query = {}
            for key, value in parse_qsl(self.query_text, keep_blank_values=True):
                name, bracket, inside = key.partition("[")
                inside = inside.rstrip("]")
                if bracket and not inside:
                    self._query.setdefault(name, []).append(value)
                elif bracket and isinstance(self._query.setdefault(name, {}), dict):
                    self._query[name][inside] = value
                else:
                    self._query[key] = value
        return self._query

    def json(self):
        """The body; {} when empty; ValueError when it is not JSON."""
        if self._json is None:
            self._json = json.loads(self.body) if self.body else {}
        return self._json

    def input(self):
        """Query and JSON object together, as Apollo takes its parameters."""
        body = self.json()
        return {**self.query, **body} if isinstance(body, dict) else dict(self.query)


class Answer:
    """
    An answer and what the ledger says of it: the identifiers that were paid
    for, the credits, and a memo that the provider wants back after a restart.
    """

    __slots__ = ("status", "body", "headers", "credits", "billed", "memo")

    def __init__(self, status=200, body=None, headers=None, content_type="application/json"):
        self.status = status
        if isinstance(body, bytes):
            self.body = body
        elif isinstance(body, str):
            self.body = body.encode()
        else:
            self.body = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
        self.headers = {"content-type": content_type}
        self.headers.update(headers or {})
        self.credits = 0
        self.billed = []
        self.memo = None

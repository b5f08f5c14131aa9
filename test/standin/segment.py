"""
segment.py - answers like Segment: the tracking API at /segment/v1/..., and the
public, profile and settings APIs at /segment_public/...

As with the real one, 200 to a batch says that it was received and no more: a
dead key, a disabled source and a batch of 2,501 look the same, and lose the
events.  What was kept is in GET /_control/events.
"""

import base64
import re

import fixtures
from message import Answer
from provider import Provider

KEY = "EXAMPLEwriteKEY0000000000000000A"
MOST_EVENTS = 2500
EVENT_BYTES = 32 * 1024
REQUEST_BYTES = 500 * 1024


def failed(status, message):
    return Answer(status, {"success": False, "message": message})


class Segment(Provider):
    name = "segment"
    prefix = "segment"
    defaults = {"keys": [KEY], "enabled": True}

    def __init__(self):
        super().__init__()
        self.kept = {}                  # by messageId: the event

    def subjects(self, request):
        given = request.json()
        return [event.get("messageId", "") for event in given.get("batch", [given])]

    def recall(self, record):
        for event in record.get("memo") or []:
            self.kept.setdefault(event["messageId"], event)

    def events(self):
        return list(self.kept.values())

    def not_json(self):
        return failed(400, "malformed JSON")

    def answer(self, request, effects):
        if request.method != "POST" or request.words(1)[0] != "v1":
            return failed(404, "not found")
        if len(request.body) > REQUEST_BYTES:
            return failed(400, "exceeded payload limit")
        given = request.json()
        if not isinstance(given, dict):
            return failed(400, "malformed JSON")
        key = given.get("writeKey") or self.key_in_header(request)
        if len(key) < 5:
            return fixtures.answer("segment/batch_400_invalid_write_key.json")
        if request.words(1)[1] == "batch":
            batch = given.get("batch")
        else:
            batch = [{"type": request.words(1)[1], **given}]
        if not isinstance(batch, list) or not all(isinstance(event, dict) for event in batch):
            return failed(400, "malformed JSON")
        if any(self.size(event) > EVENT_BYTES for event in batch):
            return failed(400, "exceeded payload limit")

        answer = fixtures.answer("segment/batch_200.json")
        if key in self.settings["keys"] and self.settings["enabled"] and len(batch) <= MOST_EVENTS:
            fresh = [event for n, event in enumerate(batch) if self.is_good(event)
                     and event.setdefault("messageId", f"made-{len(self.kept)}-{n}") not in self.kept]
            answer.memo = fresh
            answer.billed = [event["messageId"] for event in fresh]
            self.recall({"memo": fresh})
        return answer

    @staticmethod
    def key_in_header(request):
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            return base64.b64decode(given).decode().partition(":")[0] if kind.lower() == "basic" else ""
        except ValueError:
            return ""

    @staticmethod
    def size(event):
        return len(Answer(200, event).body)

    @staticmethod
    def is_good(event):
        return bool((event.get("userId") or event.get("anonymousId"))
                    and isinstance(event.get("traits", {}), dict) and isinstance(event.get("properties", {}), dict)
                    and (event.get("type") != "track" or event.get("event"))
                    and len(str(event.get("messageId", ""))) <= 100)


class SegmentPublic(Provider):
    """The control plane.  A path of the settings' "answers" is given that fixture instead."""

    name = "segment_public"
    prefix = "segment_public"
    defaults = {"token": "segment-EXAMPLE", "write_key": KEY, "answers": {}}

    FIXED = (
        (r"GET /sources/srcEXAMPLE0000000000001", "source_ok"), (r"GET /sources/[^/]+", "source_404"),
        (r"GET /spaces/[^/]+/audiences/audEXAMPLE001/activations/actEXAMPLE001", "activation_ok"),
        (r"GET /spaces/[^/]+/audiences/[^/]+/activations/[^/]+", "activation_404"),
        (r"GET /spaces/[^/]+/audiences/[^/]+/activations", "activations_list"),
        (r"GET /spaces/[^/]+/audiences/audEXAMPLE001", "audience_ok"),
        (r"GET /spaces/[^/]+/audiences/[^/]+", "audience_404"),
        (r"POST /regulations", "regulation_create"),
        (r"GET /delivery-overview/failed-on-ingest", "failed_on_ingest"),
        (r"GET /v1/spaces/[^/]+/collections/users/profiles/[^/]+/traits", "profile_traits_200"),
        (r"GET /v1/spaces/[^/]+/collections/users/profiles/[^/]+/external_ids", "profile_external_ids_200"),
    )

    def subjects(self, request):
        return request.words(1)[-1:]

    def answer(self, request, effects):
        path = request.path[len("/segment_public"):]
        if path.startswith("/v1/projects/"):
            return self.settings_of_key(request)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if path.startswith("/v1/spaces/"):
            if kind.lower() != "basic":
                return fixtures.answer("segment/profile_401.json")
        elif kind.lower() != "bearer" or token != self.settings["token"]:
            return fixtures.answer("segment/public_401.json")
        if path in self.settings["answers"]:
            return fixtures.answer("segment/" + self.settings["answers"][path], exact=True)
        if path == "/echo":
            return Answer(200, {"data": {"method": "GET", "message": "ok"}})
        if request.method == "GET" and re.fullmatch(r"/spaces/[^/]+/audiences", path):
            return self.audiences(request)
        for pattern, name in self.FIXED:
            if re.fullmatch(pattern, f"{request.method} {path}"):
                return fixtures.answer(f"segment/{name}.json")
        return Answer(404, {"errors": [{"type": "not-found", "message": "Not found", "status": 404}]})

    @staticmethod
    def audiences(request):
        page = fixtures.load("segment/audiences_page1.json")
        wanted = request.query.get("pagination", {}).get("cursor")
        if wanted and wanted == page["data"]["pagination"].get("next"):
            return fixtures.answer("segment/audiences_page2.json")
        return Answer(200, page)

    def settings_of_key(self, request):
        if request.words(1)[2] != self.settings["write_key"]:
            return Answer(404, "Cannot GET - Invalid path or write key provided.", content_type="text/plain")
        return fixtures.answer("segment/cdn_settings_200.json")

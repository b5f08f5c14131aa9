"""
storage.py - answers like Supabase Storage, at /storage/v1/object/...

The bucket lead-uploads holds the files of test/fixtures/lists; more are put by
POST /_control/object.  As with the real one an error is mostly HTTP 400 with
the status inside.
"""

import hashlib
import os
import uuid

import fixtures
from message import Answer
from provider import Provider

TIME = "2026-11-02T03:00:00.000Z"
TYPES = {".csv": "text/csv", ".txt": "text/plain",
         ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class Storage(Provider):
    name = "storage"
    prefix = "storage"
    defaults = {"keys": ["service-role-EXAMPLE", "sb_secret_EXAMPLE"], "denied": []}

    def __init__(self):
        super().__init__()
        lists = os.path.join(fixtures.TOP, "lists")
        self.buckets = {"lead-uploads": {
            name: fixtures.content("lists/" + name) for name in sorted(os.listdir(lists)) if name.startswith("leads_")}}

    def put(self, event):
        self.buckets.setdefault(event["bucket"], {})[event["path"]] = event["text"].encode("latin-1")

    def endpoint(self, request):
        words = request.words(1)
        return "/".join(words[:3] if words[2:3] and words[2] in ("list", "info", "authenticated") else words[:2])

    def subjects(self, request):
        words = request.words(3)
        words = [word for n, word in enumerate(words) if n or word not in ("list", "info", "authenticated")]
        return ["/".join(words[1:] if words[:1] == ["authenticated"] else words)]

    def answer(self, request, effects):
        words = request.words(1)
        if words[:2] != ["v1", "object"]:
            return fixtures.answer("supabase/storage_404_real.json")
        refused = self.refuse(request)
        if refused is not None:
            return refused
        words = words[2:]
        if words[:1] == ["list"] and request.method == "POST":
            return self.list(words[1], request.json())
        info = words[:1] == ["info"]
        if info:
            words = words[1:]
        if words[:1] == ["authenticated"]:
            words = words[1:]
        if request.method not in ("GET", "HEAD") or len(words) < 2:
            return fixtures.answer("supabase/storage_404_real.json")
        return self.get(words[0], "/".join(words[1:]), info)

    def refuse(self, request):
        """A new key is no token: it counts in apikey, and as Bearer only beside it."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        key = request.headers.get("apikey", "")
        known = self.settings["keys"]
        if key.startswith("sb_secret_") and "mozilla" in request.headers.get("user-agent", "").lower():
            return Answer(401, {"message": "Secret API keys must not be used in a browser"})
        if key in self.settings["denied"] or token in self.settings["denied"]:
            return fixtures.answer("supabase/storage_access_denied.json")
        if key not in known or (token and token != key) or (not key.startswith("sb_") and not token):
            return fixtures.answer("supabase/storage_invalid_jwt.json")
        return None

    def list(self, bucket, given):
        if bucket not in self.buckets:
            return fixtures.answer("supabase/storage_bucket_missing.json")
        prefix = given.get("prefix") or ""
        prefix += "/" if prefix and not prefix.endswith("/") else ""
        entries = {}
        for path, data in sorted(self.buckets[bucket].items()):
            if path.startswith(prefix):
                name, slash, _ = path[len(prefix):].partition("/")
                entries[name] = self.folder(name) if slash else self.entry(bucket, path, name, data)
        first = given.get("offset") or 0
        return Answer(200, list(entries.values())[first:first + (given.get("limit") or 100)])

    @staticmethod
    def folder(name):
        return {"name": name, "id": None, "updated_at": None, "created_at": None, "last_accessed_at": None, "metadata": None}

    @staticmethod
    def kind(path):
        return TYPES.get(os.path.splitext(path)[1], "application/octet-stream")

    @staticmethod
    def etag(data):
        return f'"{hashlib.md5(data).hexdigest()}"'

    @staticmethod
    def id(bucket, path):
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{bucket}/{path}"))

    def entry(self, bucket, path, name, data):
        return {"name": name, "id": self.id(bucket, path), "updated_at": TIME, "created_at": TIME, "last_accessed_at": TIME,
                "metadata": {"eTag": self.etag(data), "size": len(data), "mimetype": self.kind(path),
                             "cacheControl": "max-age=3600", "lastModified": TIME, "contentLength": len(data),
                             "httpStatusCode": 200}}

    def get(self, bucket, path, info):
        if bucket not in self.buckets:
            return fixtures.answer("supabase/storage_bucket_missing.json")
        data = self.buckets[bucket].get(path)
        if data is None:
            return fixtures.answer("supabase/storage_object_missing.json")
        if info:
            return Answer(200, {
                "id": self.id(bucket, path), "name": path, "version": self.id(bucket, path + "/1"), "bucket_id": bucket,
                "size": len(data), "content_type": self.kind(path), "cache_control": "max-age=3600", "etag": self.etag(data),
                "metadata": {}, "last_modified": TIME, "created_at": TIME})
        return Answer(200, data, {"etag": self.etag(data), "last-modified": "Mon, 02 Nov 2026 03:00:00 GMT",
                                  "cache-control": "max-age=3600"}, self.kind(path))

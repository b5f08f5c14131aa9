"""
control.py - /_control: how a test steers the stand-in and reads its ledger.

    GET  /_control/ledger[?provider=apollo&since=N&last=1]   the calls, as entered
    GET  /_control/stats                    sums by provider
    GET  /_control/script                   the rules, and how often each fired
    POST /_control/script                   [rule, ...] in place of those before
    DELETE /_control/script
    GET  /_control/settings                 of every provider
    POST /_control/settings                 {"apollo": {"credits": 5}, ...}
    GET  /_control/people[?from=0&count=100]  whom Apollo knows, to ask for them
    GET  /_control/webhooks                 what Apollo would send, with its url
    POST /_control/webhooks                 {"request_id", "state"}: settles one or all
                                            as success, failed or expired; says which
    GET  /_control/events                   what Segment was sent
    POST /_control/object?bucket=B&path=P   puts a file into Storage
    POST /_control/reset                    everything as at the start
    GET  /_control/ping
"""

import time

from message import Answer
from people import has_no_email, is_locked, is_missing
from script import Script


class Control:
    def __init__(self, router):
        self.router = router
        self.ledger = router.ledger

    def answer(self, request):
        words = request.words(1)
        call = getattr(self, f"{request.method.lower()}_{words[0]}", None)
        if call is None:
            return Answer(404, {"error": "no such control"})
        try:
            return Answer(200, call(request))
        except (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError) as error:
            return Answer(400, {"error": f"{type(error).__name__}: {error}"})

    def get_ping(self, request):
        return {"ok": True}

    def get_ledger(self, request):
        provider, since = request.query.get("provider"), int(request.query.get("since", 0))
        calls = [call for call in self.ledger.calls[since:] if provider in (None, call["provider"])]
        return calls[-int(request.query.get("last", 0)):]

    def get_stats(self, request):
        return self.ledger.stats()

    def get_script(self, request):
        return self.router.script.list()

    def post_script(self, request):
        rules = request.json()
        Script().set(rules)             # refuses what is wrong
        self.router.script.set(rules)
        self.ledger.note("script", rules)
        return self.get_script(request)

    def delete_script(self, request):
        self.router.script.set([])
        self.ledger.note("script", [])
        return []

    def get_settings(self, request):
        return {name: provider.settings for name, provider in self.router.providers.items()}

    def post_settings(self, request):
        settings = request.json()
        self.router.configure(settings)
        self.ledger.note("settings", settings)
        return self.get_settings(request)

    def get_people(self, request):
        apollo = self.router.providers["apollo"]
        first, count = int(request.query.get("from", 0)), int(request.query.get("count", 100))
        return [{**person.identity(), "missing": is_missing(apollo.settings, person),
                 "locked": is_locked(apollo.settings, person), "no_email": has_no_email(apollo.settings, person)}
                for person in apollo.world.people[first:first + count]]

    def get_webhooks(self, request):
        return self.router.providers["apollo"].webhooks.list()

    def post_webhooks(self, request):
        event = {**request.json(), "at": time.time()}
        changed = self.router.providers["apollo"].webhooks.settle(event)
        self.ledger.note("webhooks", event)
        for memo in changed:
            self.router.charge_webhook(memo)
        return changed

    def get_events(self, request):
        return self.router.providers["segment"].events()

    def post_object(self, request):
        storage = self.router.providers["storage"]
        event = {"bucket": request.query["bucket"], "path": request.query["path"], "text": request.body.decode("latin-1")}
        storage.put(event)
        self.ledger.note("object", event)
        return {"size": len(request.body)}

    def post_reset(self, request):
        self.router.script.set([])      # whom its rules hold go on
        self.ledger.reset()
        self.router.start()
        return {"ok": True}

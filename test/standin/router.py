"""
router.py - takes a request to its provider, through the rules and the ledger.
"""

import json
import time

import fixtures
from apollo import Apollo
from control import Control
from dnc import Dnc
from message import Answer
from script import Script, is_billed
from segment import Segment, SegmentPublic
from storage import Storage
from twilio import Twilio


class Router:
    """
    The providers by the first word of the path.  At the start the events of
    the state file are played back, so that rules and providers stand where
    they stood.
    """

    def __init__(self, ledger, settings):
        self.ledger = ledger
        self.started_with = settings
        self.start()
        for kind, event in ledger.events:
            self.replay(kind, event)
        ledger.events.clear()

    def start(self):
        self.script = Script()
        self.control = Control(self)
        providers = [Apollo(), Twilio(), Dnc(), Segment(), SegmentPublic(), Storage()]
        self.providers = {provider.name: provider for provider in providers}
        self.prefixes = {provider.prefix: provider for provider in providers}
        self.configure(self.started_with)

    def prepare(self):
        """What would make the first answer wait."""
        return self.providers["apollo"].world

    def configure(self, settings):
        for name, values in settings.items():
            self.providers[name].configure(values)

    def replay(self, kind, event):
        if kind == "call":
            provider = self.providers[event["provider"]]
            if event["path"]:
                self.script.effects(event["provider"], event["method"], event["path"], event["subjects"])
            provider.charged(event["credits"])
            provider.recall(event)
        elif kind == "script":
            self.script.set(event)
        elif kind == "settings":
            self.configure(event)
        elif kind == "webhooks":
            self.providers["apollo"].webhooks.settle(event)
        elif kind == "object":
            self.providers["storage"].put(event)

    async def answer(self, request):
        """Returns the answer, what goes wrong with it, and its line in the ledger."""
        word = request.path.split("/", 2)[1]
        if word == "_control":
            answer = self.control.answer(request)
            await self.ledger.durable()
            return answer, {}, None
        provider = self.prefixes.get(word)
        if provider is None:
            return Answer(404, "no such provider\n", content_type="text/plain"), {}, None

        endpoint = provider.endpoint(request)
        try:
            subjects = provider.subjects(request)
        except (ValueError, AttributeError, TypeError):
            subjects = []
        effects = self.script.effects(provider.name, request.method, request.path, subjects)
        answer = self.decide(provider, request, effects)
        record = {
            "n": self.ledger.next(), "at": round(time.time(), 3), "provider": provider.name,
            "method": request.method, "path": request.path, "endpoint": endpoint,
            "subjects": subjects, "billed": answer.billed, "credits": answer.credits,
            "status": answer.status, "written": False}
        provider.charged(answer.credits)
        if effects:
            record["fault"] = sorted(effects)
        if answer.memo is not None:
            record["memo"] = answer.memo
        self.ledger.call(record)
        await self.ledger.durable()
        return answer, effects, record

    def charge_webhook(self, memo):
        """Enters what Apollo bills when it delivers: a line without a request."""
        if memo["credits"]:
            self.providers["apollo"].charged(memo["credits"])
            self.ledger.call({
                "n": self.ledger.next(), "at": round(time.time(), 3), "provider": "apollo", "method": "",
                "path": "", "endpoint": "webhook/" + memo["type"], "subjects": memo["people"],
                "billed": memo["people"], "credits": memo["credits"], "status": 200, "written": True})

    def decide(self, provider, request, effects):
        """The provider's answer, or what a rule puts in its place."""
        billed = is_billed(effects)
        answer = None
        if billed or not ("status" in effects or "fixture" in effects or "close_before" in effects):
            try:
                answer = provider.answer(request, effects)
            except json.JSONDecodeError:
                answer = provider.not_json()
            if not billed:
                answer.credits, answer.billed = 0, []
        if "fixture" in effects or "status" in effects:
            instead = self.instead(effects)
            if answer is not None:
                instead.credits, instead.billed = answer.credits, answer.billed
                instead.memo = answer.memo
            answer = instead
        if answer is None or "close_before" in effects or "hang" in effects:
            answer = answer or Answer()
            answer.status = 0
        return answer

    @staticmethod
    def instead(effects):
        if "fixture" in effects:
            answer = fixtures.answer(effects["fixture"], exact=True)
            answer.status = effects.get("status", answer.status)
            return answer
        return Answer(effects["status"], effects.get("body", {"error": "scripted"}))

"""
fixtures.py - the recorded answers in test/fixtures, with status and headers.
"""

import functools
import json
import os

from message import Answer

TOP = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures")


@functools.lru_cache(None)
def content(name):
    """The bytes of a file such as "apollo/error_403_plan.json"."""
    path = os.path.normpath(os.path.join(TOP, name))
    if not path.startswith(TOP + os.sep):
        raise FileNotFoundError(name)
    with open(path, "rb") as file:
        return file.read()


def load(name):
    """The JSON in a file, anew each time: the caller may change it."""
    return json.loads(content(name))


@functools.lru_cache(None)
def _manifest(folder):
    entries = load(folder + "/manifest.json")["entries"]
    return {entry["file"]: entry["response"] for entry in entries if entry.get("file")}


def answer(name, exact=False):
    """
    The answer a file holds, with status and headers of the manifest; those
    of rate limits, which the provider counts itself, only when exact.
    """
    folder, _, file = name.partition("/")
    response = _manifest(folder).get(file, {"status": 200, "headers": {}})
    headers = {key: value for key, value in response["headers"].items()
               if exact or not key.startswith("x-")}
    return Answer(response["status"], content(name).strip(), headers)

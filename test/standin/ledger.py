"""
ledger.py - what was answered, kept so that a kill -9 loses none of it.

With a state file each event is one line of JSON in it, and an answer waits
until the kernel has its line, which outlives the process; no disk is waited
for, since no test pulls the plug.  Calls that come meanwhile share the next
write.  Read back at the start, the lines give the same ledger.
Whether an answer left in full is known afterwards: a line of its own, which
no answer waits for.
"""

import asyncio
import json
import os


class Ledger:
    def __init__(self, path=None):
        self.calls = []
        self.events = []            # read back: all but what answers were written
        self._pending = []
        self._waiters = []
        self._flushing = False
        self._file = None
        if path:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._read()

    def _read(self):
        with open(self._file, "rb", closefd=False) as file:
            data = file.read()
        whole = data[:data.rfind(b"\n") + 1]
        os.ftruncate(self._file, len(whole))
        for line in whole.splitlines():
            kind, event = json.loads(line)
            if kind == "call":
                self.calls.append(event)
            if kind == "written":
                self.calls[event - 1]["written"] = True
            else:
                self.events.append((kind, event))

    def next(self):
        """The number of the next call, from 1."""
        return len(self.calls) + 1

    def call(self, record):
        """Enters a call; durable() tells when it is safe."""
        self.calls.append(record)
        self.note("call", record)

    def note(self, kind, event):
        if self._file is not None:
            self._pending.append(json.dumps([kind, event], separators=(",", ":")))

    def written(self, record):
        record["written"] = True
        if self._file is not None:
            os.write(self._file, b'["written",%d]\n' % record["n"])

    async def durable(self):
        """Waits until the kernel has everything noted so far."""
        if self._file is None:
            return
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiters.append(waiter)
        if not self._flushing:
            self._flushing = True
            loop.create_task(self._flush(loop))
        await waiter

    async def _flush(self, loop):
        while self._waiters:
            lines, self._pending = self._pending, []
            waiters, self._waiters = self._waiters, []
            if lines:
                await loop.run_in_executor(None, self._write, "\n".join(lines) + "\n")
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        self._flushing = False

    def _write(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self._file, data):]

    def reset(self):
        self.calls.clear()
        self._pending.clear()
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self):
        if self._file is not None and self._pending:
            self._write("\n".join(self._pending) + "\n")

    def stats(self):
        """Sums by provider."""
        sums = {}
        for call in self.calls:
            of = sums.setdefault(call["provider"], {
                "calls": 0, "credits": 0, "billed": 0, "written": 0, "statuses": {}, "endpoints": {}})
            of["calls"] += 1
            of["credits"] = round(of["credits"] + call["credits"], 2)
            of["billed"] += len(call["billed"])
            of["written"] += call["written"]
            for key, value in (("statuses", str(call["status"])), ("endpoints", call["endpoint"])):
                of[key][value] = of[key].get(value, 0) + 1
        return sums

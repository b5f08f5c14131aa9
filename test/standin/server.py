"""
server.py - HTTP/1.1 on one connection: requests in, answers out, in order.

The protocol is written by hand since it has to do what no library offers: to
cut, drip, hang and lie.  One request is worked on at a time; what a client
sends meanwhile waits in the buffer.
"""

import asyncio
import http
import time

from message import Request

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
CHUNK = 64 * 1024
PHRASES = {status.value: status.phrase for status in http.HTTPStatus}


class BadRequest(Exception):
    pass


class Connection(asyncio.Protocol):
    def __init__(self, router, log):
        self.router = router
        self.log = log
        self.buffer = bytearray()
        self.task = None
        self.continued = False
        self.drained = None
        self.closed = False

    # What the loop calls.

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(0)

    def connection_lost(self, exc):
        self.closed = True
        if self.drained is not None and not self.drained.done():
            self.drained.set_result(None)
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self):
        self.drained = asyncio.get_running_loop().create_future()

    def resume_writing(self):
        if self.drained is not None and not self.drained.done():
            self.drained.set_result(None)
        self.drained = None

    def data_received(self, data):
        self.buffer += data
        if self.task is None:
            self.next()

    # Reading.

    def next(self):
        """Starts on the next request in the buffer, if it is whole."""
        try:
            request = self.parse()
        except BadRequest as bad:
            self.transport.write(f"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"
                                 f"content-length: {len(str(bad))}\r\n\r\n{bad}".encode())
            self.transport.close()
            return
        if request is not None:
            self.task = asyncio.get_running_loop().create_task(self.work(request))

    def parse(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > MAX_HEAD:
                raise BadRequest("head too long")
            return None
        lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        try:
            method, target, _ = lines[0].split(" ")
            headers = {}
            for line in lines[1:]:
                name, colon, value = line.partition(":")
                if not colon:
                    raise ValueError
                headers[name.lower()] = value.strip()
            length = int(headers.get("content-length", 0))
        except ValueError:
            raise BadRequest("malformed head") from None
        if length > MAX_BODY:
            raise BadRequest("body too long")
        if not self.continued and headers.get("expect", "").lower() == "100-continue":
            self.continued = True
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body, used = self.parse_chunks(end + 4)
        else:
            used = end + 4 + length
            body = bytes(self.buffer[end + 4:used]) if len(self.buffer) >= used else None
        if body is None:
            return None
        del self.buffer[:used]
        self.continued = False
        return Request(method, target, headers, body)

    def parse_chunks(self, at):
        body = b""
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end < 0:
                return None, 0
            try:
                size = int(bytes(self.buffer[at:end]).split(b";")[0], 16)
            except ValueError:
                raise BadRequest("malformed chunk") from None
            if len(self.buffer) < end + 4 + size:
                return None, 0
            if size == 0:
                return body, end + 4
            body += self.buffer[end + 2:end + 2 + size]
            at = end + 4 + size

    # Answering.

    async def work(self, request):
        began = time.monotonic()
        try:
            answer, effects, record = await self.router.answer(request)
            if effects.get("hold"):
                await self.router.script.hold(effects["hold"])
            if effects.get("latency_ms"):
                await asyncio.sleep(effects["latency_ms"] / 1000)
            whole = await self.deliver(request, answer, effects)
            if whole and record is not None:
                self.router.ledger.written(record)
            if self.log is not None:
                self.log.write(f"{time.time():.3f} {request.method} {request.path} {answer.status} "
                               f"{len(answer.body)} {(time.monotonic() - began) * 1000:.1f}ms "
                               f"{'whole' if whole else 'cut'}\n")
        except asyncio.CancelledError:
            return
        except Exception:
            self.transport.abort()
            raise
        if not whole or request.headers.get("connection", "").lower() == "close":
            self.transport.close()
            return
        self.task = None
        if self.buffer and not self.closed:
            self.next()

    async def deliver(self, request, answer, effects):
        """Sends the answer, or less; whether all of it went to the kernel."""
        if "close_before" in effects:
            return False
        if "hang" in effects:
            seconds = effects["hang"]
            await asyncio.sleep(86400 if seconds is True else seconds)
            return False
        body = answer.body
        if effects.get("malformed"):
            text = effects["malformed"]
            body = body[:len(body) // 2] if text is True else text.encode()
        length = max(len(body), effects.get("huge", 0))
        head = self.head(answer, effects, length)
        if request.method == "HEAD":
            body, length = b"", 0
        if not effects:
            self.transport.write(head + body)
            return await self.drain()
        self.transport.write(head)
        return await self.send(body, length, effects)

    async def send(self, body, length, effects):
        """The body, filled with blanks to the length, as the effects want it."""
        end = min(length, effects.get("cut", length))
        drip = effects.get("drip")
        step = max(1, int(drip / 20)) if drip else CHUNK
        at = 0
        while at < end and not self.closed:
            piece = body[at:min(at + step, end)]
            piece += b" " * (min(step, end - at) - len(piece))
            self.transport.write(piece)
            if not await self.drain():
                return False
            at += len(piece)
            if drip and at < end:
                await asyncio.sleep(len(piece) / drip)
        return end == length and not self.closed

    def head(self, answer, effects, length):
        headers = answer.headers
        if "content_type" in effects or "headers" in effects:
            headers = {**headers, **effects.get("headers", {})}
            if "content_type" in effects:
                headers["content-type"] = effects["content_type"]
        lines = [f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"content-length: {length}\r\n\r\n")
        return "\r\n".join(lines).encode("latin-1", "replace")

    async def drain(self):
        if self.drained is not None:
            await self.drained
        return not self.closed

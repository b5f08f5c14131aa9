"""
standin.py - the stand-in for the outside world: one loopback HTTP server that
answers like Apollo, Twilio Lookup, the DNC adapter, Segment and Supabase
Storage, and that can be told to misbehave.

    python3 standin.py --port-file FILE [--port N] [--state FILE] [--log FILE]
                       [--settings JSON] [--tls FILE [--tls-port N]]

FILE gets the port; with --tls, a file with key and certificate, a second line
gives the port on which the same is spoken in TLS.  What was answered is in the ledger (see ledger.py), what
goes wrong is said by rules (script.py), and a test steers both below
/_control (control.py).  It ends on SIGTERM and with the process that started
it.
"""

import argparse
import asyncio
import ctypes
import gc
import json
import os
import resource
import signal
import ssl
import sys

from ledger import Ledger
from router import Router
from server import Connection


def end_with_parent():
    """Have the kernel end this process when the one that started it ends."""
    PR_SET_PDEATHSIG = 1
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if parent == 1 or os.getppid() != parent:
        sys.exit(0)
    return parent


async def watch_parent(parent, stop):
    """The same by looking, should the system know no such signal."""
    while os.getppid() == parent:
        await asyncio.sleep(1)
    stop.set()


def allow_connections():
    """As many as the system lets one process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def write_ports(path, servers):
    """The file is there with the ports in it or not at all."""
    with open(path + ".new", "w", encoding="ascii") as file:
        for server in servers:
            file.write(f"{server.sockets[0].getsockname()[1]}\n")
    os.rename(path + ".new", path)


async def run(options, parent):
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)

    log = open(options.log, "a", encoding="utf-8", buffering=1) if options.log else None
    ledger = Ledger(options.state)
    router = Router(ledger, json.loads(options.settings))
    router.prepare()
    gc.collect()
    gc.freeze()
    servers = [await loop.create_server(lambda: Connection(router, log), "127.0.0.1",
                                        options.port, backlog=2048)]
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.tls)
        servers.append(await loop.create_server(lambda: Connection(router, log), "127.0.0.1",
                                                options.tls_port, backlog=2048, ssl=context,
                                                ssl_shutdown_timeout=0.2))
    write_ports(options.port_file, servers)

    watcher = loop.create_task(watch_parent(parent, stop))
    await stop.wait()
    watcher.cancel()
    for server in servers:
        server.close()
    ledger.close()


def main():
    parser = argparse.ArgumentParser(description="stands in for the providers")
    parser.add_argument("--port-file", required=True, help="is given the port")
    parser.add_argument("--port", type=int, default=0, help="to bind; 0: any")
    parser.add_argument("--state", help="the ledger, read at the start and appended to")
    parser.add_argument("--log", help="one line a request")
    parser.add_argument("--tls", help="a PEM file with key and certificate")
    parser.add_argument("--tls-port", type=int, default=0, help="to bind; 0: any")
    parser.add_argument("--settings", default="{}", help="JSON, as for /_control/settings")
    options = parser.parse_args()
    parent = end_with_parent()
    allow_connections()
    asyncio.run(run(options, parent))


main()

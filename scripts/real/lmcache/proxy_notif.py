"""Sends KV-ready notifications with LMCache's own code, on request.

    python proxy_notif.py --host 127.0.0.1 --port 7500 [--mode sync|async] [--linger-ms 5000]

Makes a PUSH socket as a prefill rank does and connects it: `sync` as
`lmcache/v1/storage_backend/pd_backend.py` (`_init_sender`, through the library's `get_zmq_socket`),
`async` as `pd_backend_async.py` (`_async_init_proxy_socket`); each with its own `ProxyNotif`. Prints
`ready`, then reads request ids from standard input, one per line, pushes one notification for each
and prints `sent` and its bytes in hex. A line that cannot be sent within the linger time (no peer,
and the queue full) prints `failed` and the reason; the program goes on.

At the end of the input it closes the socket, waits at most the linger time for what has not left,
and exits with 0; with 1 if some line failed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator

import msgspec
import zmq
import zmq.asyncio
from lmcache.v1.rpc_utils import close_zmq_socket, get_zmq_context, get_zmq_socket


def say(*words: str) -> None:
    print(*words, flush=True)


def ids() -> Iterator[str]:
    """The request ids on standard input, as they come."""
    for line in sys.stdin:
        if req_id := line.strip():
            yield req_id


def push_sync(url: str, linger_ms: int) -> bool:
    from lmcache.v1.storage_backend.pd_backend import ProxyNotif

    context = get_zmq_context(use_asyncio=False)
    socket = get_zmq_socket(context, url, "tcp", zmq.PUSH, "connect")
    socket.setsockopt(zmq.SNDTIMEO, linger_ms)
    good = True
    try:
        say("ready")
        for req_id in ids():
            frame = msgspec.msgpack.encode(ProxyNotif(req_id=req_id))
            try:
                socket.send(frame)
                say("sent", frame.hex())
            except zmq.ZMQError as error:
                good = False
                say("failed", str(error))
    finally:
        close_zmq_socket(socket, linger_ms)
        context.term()
    return good


async def push_async(url: str, linger_ms: int) -> bool:
    from lmcache.v1.storage_backend.pd_backend_async import ProxyNotif

    context = zmq.asyncio.Context()
    socket = context.socket(zmq.PUSH)
    socket.connect(f"tcp://{url}")
    good = True
    lines = ids()
    try:
        say("ready")
        while (req_id := await asyncio.to_thread(next, lines, None)) is not None:
            frame = msgspec.msgpack.encode(ProxyNotif(req_id=req_id))
            try:
                await asyncio.wait_for(socket.send(frame), linger_ms / 1000)
                say("sent", frame.hex())
            except (TimeoutError, zmq.ZMQError) as error:
                good = False
                say("failed", str(error) or "timed out")
    finally:
        socket.close(linger=linger_ms)
        context.term()
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", choices=("sync", "async"), default="async")
    parser.add_argument("--linger-ms", type=int, default=5000)
    args = parser.parse_args()
    url = f"{args.host}:{args.port}"
    if args.mode == "sync":
        return 0 if push_sync(url, args.linger_ms) else 1
    return 0 if asyncio.run(push_async(url, args.linger_ms)) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Checks of Python's clients: python client.py LIBRARY URL MODEL. One line of JSON for each."""

import asyncio
import hashlib
import http.client
import json
import sys
import time
import urllib.parse

library, url, model = sys.argv[1:4]
host = urllib.parse.urlsplit(url).netloc
PATH = "/v1/completions"
TYPE = {"Content-Type": "application/json"}
PROMPT = "a prompt"
LARGE = "0123456789abcdef" * (4 * 65536)
EVENTS = 20


def row(check, ok, seen):
    print(json.dumps({"check": check, "ok": bool(ok), "seen": seen}), flush=True)


def body(prompt=PROMPT, **more):
    return json.dumps({"model": model, "prompt": prompt, **more}).encode()


def text_of(answer):
    return json.loads(answer)["choices"][0]["text"]


def digest(prompt):
    return f"{hashlib.sha256(prompt.encode()).hexdigest()} {len(prompt)}"


def pieces(data, size=65536):
    for at in range(0, len(data), size):
        yield data[at : at + size]


class Stream:
    """Takes lines of a stream, and when they came."""

    def __init__(self):
        self.times, self.texts, self.done = [], [], False

    def take(self, line):
        line = line.decode() if isinstance(line, bytes) else line
        if not line.startswith("data: "):
            return
        if line.strip() == "data: [DONE]":
            self.done = True
            return
        self.times.append(time.monotonic())
        self.texts.append(json.loads(line[6:])["choices"][0]["text"])

    def tell(self):
        spread = (self.times[-1] - self.times[0]) * 1000
        whole = "".join(self.texts) == "".join(f"t{at} " for at in range(EVENTS))
        # Events that a buffer has held back come together.
        row("stream", self.done and whole and spread > EVENTS * 5, f"{len(self.texts)} events, {spread:.0f} ms apart in all")


def with_http_client():
    connection = http.client.HTTPConnection(host, timeout=30)

    def ask(data, headers=TYPE, **more):
        connection.request("POST", PATH, data, headers, **more)
        answer = connection.getresponse()
        return answer.status, answer.read()

    status, answer = ask(body())
    row("whole", status == 200 and text_of(answer) == digest(PROMPT), f"{status}")
    port = connection.sock.getsockname()[1]
    for _ in range(20):
        ask(body())
    row("keep-alive", connection.sock.getsockname()[1] == port, "21 requests on one connection")
    connection.request("POST", PATH, body(stream=True, max_tokens=EVENTS), TYPE)
    stream = Stream()
    for line in connection.getresponse():
        stream.take(line)
    stream.tell()
    status, answer = ask(body(LARGE))
    row("large", status == 200 and text_of(answer) == digest(LARGE), f"{len(LARGE)} bytes")
    status, answer = ask(pieces(body(LARGE)), encode_chunked=True)
    row("chunked", status == 200 and text_of(answer) == digest(LARGE), f"{len(LARGE)} bytes")
    connection.request("POST", PATH, body(stream=True, user=f"leave-stream-{library}"), TYPE)
    answer = connection.getresponse()
    answer.readline()
    answer.close()
    connection.close()
    row("leaves a stream", True, "closed")
    connection.request("POST", PATH, body(user=f"leave-whole-{library}"), TYPE)
    time.sleep(0.3)
    connection.close()
    row("leaves its answer", True, "closed")


def with_httpx():
    import httpx

    client = httpx.Client(base_url=url, timeout=30, headers=TYPE)

    def port_of(answer):
        return answer.extensions["network_stream"].get_extra_info("client_addr")[1]

    answer = client.post(PATH, content=body())
    row("whole", answer.status_code == 200 and text_of(answer.content) == digest(PROMPT), f"{answer.status_code}")
    ports = {port_of(client.post(PATH, content=body())) for _ in range(20)}
    row("keep-alive", len(ports) == 1, f"20 requests, {len(ports)} connections")
    stream = Stream()
    with client.stream("POST", PATH, content=body(stream=True, max_tokens=EVENTS)) as answer:
        for line in answer.iter_lines():
            stream.take(line)
    stream.tell()
    answer = client.post(PATH, content=body(LARGE))
    row("large", text_of(answer.content) == digest(LARGE), f"{len(LARGE)} bytes")
    answer = client.post(PATH, content=pieces(body(LARGE)))
    row("chunked", text_of(answer.content) == digest(LARGE), f"{len(LARGE)} bytes")
    with client.stream("POST", PATH, content=body(stream=True, user=f"leave-stream-{library}")) as answer:
        next(answer.iter_lines())
    row("leaves a stream", True, "closed")
    try:
        client.post(PATH, content=body(user=f"leave-whole-{library}"), timeout=0.3)
        row("leaves its answer", False, "answered")
    except httpx.ReadTimeout:
        row("leaves its answer", True, "timed out")


async def with_aiohttp():
    import aiohttp

    reused = []
    trace = aiohttp.TraceConfig()

    async def on_reuse(*_):
        reused.append(1)

    trace.on_connection_reuseconn.append(on_reuse)
    async with aiohttp.ClientSession(url, headers=TYPE, trace_configs=[trace]) as session:

        async def ask(data, **more):
            async with session.post(PATH, data=data, **more) as answer:
                return answer.status, await answer.read()

        status, answer = await ask(body())
        row("whole", status == 200 and text_of(answer) == digest(PROMPT), f"{status}")
        for _ in range(20):
            await ask(body())
        row("keep-alive", len(reused) == 20, f"{len(reused)} of 20 requests on a kept connection")
        stream = Stream()
        async with session.post(PATH, data=body(stream=True, max_tokens=EVENTS)) as answer:
            async for line in answer.content:
                stream.take(line)
        stream.tell()
        status, answer = await ask(body(LARGE))
        row("large", text_of(answer) == digest(LARGE), f"{len(LARGE)} bytes")

        async def chunks():
            for piece in pieces(body(LARGE)):
                yield piece

        status, answer = await ask(chunks())
        row("chunked", text_of(answer) == digest(LARGE), f"{len(LARGE)} bytes")
        status, answer = await ask(body(LARGE), expect100=True)
        row("100-continue", text_of(answer) == digest(LARGE), "waited for and got")
        async with session.post(PATH, data=body(stream=True, user=f"leave-stream-{library}")) as answer:
            await answer.content.readline()
            answer.close()
        row("leaves a stream", True, "closed")
        try:
            limit = aiohttp.ClientTimeout(total=0.3)
            await ask(body(user=f"leave-whole-{library}"), timeout=limit)
            row("leaves its answer", False, "answered")
        except asyncio.TimeoutError:
            row("leaves its answer", True, "timed out")


if library == "http.client":
    with_http_client()
elif library == "httpx":
    with_httpx()
else:
    asyncio.run(with_aiohttp())

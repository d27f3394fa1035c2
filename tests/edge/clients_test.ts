/** Clients as they are: slow, silent, too many, half closed, gone, or in hope of another protocol. */
import { encodeUtf8, parseNetwork } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { type RawConnection, rawConnection, rawRequest, statusOf } from "../support/raw_request.ts";
import { engineAt, post, startRouter, type TestRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";
import { sse } from "../support/scripted_pair.ts";

const LIMITS = {
  headMs: 15_000,
  bodyIdleMs: 30_000,
  writeIdleMs: 60_000,
  keepAliveMs: 75_000,
  maxConnections: 16_384,
  maxPerAddress: 1_024,
};

function completions(body: string, ...fields: readonly string[]): string {
  return [
    "POST /v1/completions HTTP/1.1",
    "host: x",
    "content-type: application/json",
    `content-length: ${body.length}`,
    ...fields,
    "",
    body,
  ].join("\r\n");
}

const BODY = JSON.stringify({ model: "m", prompt: "x" });

function connect({ app }: TestRouter): Promise<RawConnection> {
  return rawConnection(app.address.port);
}

Deno.test("a POST that offers another protocol is answered in HTTP/1.1", async () => {
  await using engine = startScripted(({ text }) => Response.json(JSON.parse(text)));
  await using router = await startRouter([engineAt(engine.url, "any")]);
  for (
    const offer of [
      ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"],
      ["connection: upgrade", "upgrade: TLS/1.2"],
      ["connection: Upgrade", "upgrade: websocket"],
    ]
  ) {
    using connection = await connect(router);
    await connection.send(completions(BODY, ...offer));
    const answer = await connection.until(BODY);
    assertEquals([statusOf(answer), answer.endsWith(BODY)], [200, true]);
  }
  assert(engine.asked.every(({ headers }) => !headers.has("upgrade")));
});

Deno.test("what a client takes too long for ends: a head, a body, the next request", async () => {
  await using engine = startScripted(() => Response.json({}));
  const clients = { ...LIMITS, headMs: 200, bodyIdleMs: 200, keepAliveMs: 200 };
  await using router = await startRouter([engineAt(engine.url, "any")], { clients });
  const ends = async (sent: string): Promise<string> => {
    using connection = await connect(router);
    await connection.send(sent);
    return await connection.rest();
  };
  const [head, body, kept, silent] = await Promise.all([
    ends("POST /v1/completions HTTP/1.1\r\nhost"),
    ends(completions(BODY).slice(0, -1)),
    ends("GET /version HTTP/1.1\r\nhost: x\r\n\r\n"),
    ends(""),
  ]);
  for (const late of [head, body]) {
    assertEquals(statusOf(late), 408);
    assertStringIncludes(late, '"type":"RequestTimeoutError","param":null,"code":408');
  }
  assertEquals([statusOf(kept), kept.includes("connection: close")], [200, false]);
  assertEquals([silent, engine.asked.length], ["", 0]);
});

Deno.test("connections are bounded, in all and for each address; one more is told so", async () => {
  for (const limit of [{ maxConnections: 2 }, { maxPerAddress: 2 }]) {
    await using router = await startRouter([], { clients: { ...LIMITS, ...limit } });
    const held: Awaited<ReturnType<typeof connect>>[] = [];
    // Each of several processes has its part of all: one may refuse while another has room.
    for (let tries = router.workers === 1 ? 2 : 40; held.length < 2; tries--) {
      assert(tries > 0, `${held.length} were let in`);
      const connection = await connect(router);
      await connection.send("GET /version HTTP/1.1\r\nhost: x\r\n\r\n");
      if (statusOf(await connection.until("}")) !== 200) {
        connection[Symbol.dispose]();
        continue;
      }
      held.push(connection);
      // One that rests would make way for the next.
      await connection.send("GET /version HTTP/1.1\r\n");
    }
    // Of several processes one that has not been told lets it in: it is not to stay.
    const ask = (): Promise<string> =>
      rawRequest(
        router.app.address.port,
        "GET /version HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
      );
    let more = await ask();
    // What is counted by address, processes tell one another a moment later.
    if (router.workers > 1) {
      await eventually(async () => statusOf(more) === 503 || statusOf(more = await ask()) === 503);
    }
    assertEquals(statusOf(more), 503);
    assertStringIncludes(more, "retry-after: 1\r\n");
    assertStringIncludes(more, '"type":"ServiceUnavailableError","param":null,"code":503');
    for (const connection of held) connection[Symbol.dispose]();
    await eventually(async () => {
      const answer = await fetch(`${router.url}/version`);
      await answer.text();
      return answer.status === 200;
    });
  }
});

Deno.test("behind a trusted proxy each client has connections of its own", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using engine = startScripted(async () => {
    await promise;
    return Response.json({ ok: true });
  });
  await using router = await startRouter([engineAt(engine.url, "any")], {
    clients: { ...LIMITS, maxPerAddress: 1 },
    doors: { trustedProxies: ["127.0.0.0/8"].flatMap((text) => parseNetwork(text) ?? []) },
  });
  const ask = async (client: string): Promise<number> => {
    const headers = { "x-forwarded-for": client, "connection": "close" };
    const answer = await post(`${router.url}/v1/completions`, { model: "m", prompt: "x" }, {
      headers,
    });
    await answer.text();
    return answer.status;
  };
  const first = ask("192.0.2.1");
  await eventually(() => engine.asked.length === 1);
  const second = ask("192.0.2.2");
  await eventually(() => engine.asked.length === 2);
  // Several processes tell one another a moment later who has come to them; a connection is any one's.
  if (router.workers > 1) {
    const headers = { "x-forwarded-for": "192.0.2.1", "connection": "close" };
    await eventually(async () => {
      for (let look = 0; look < 16; look++) {
        const answer = await fetch(`${router.url}/version`, { headers });
        await answer.text();
        if (answer.status !== 503) return false;
      }
      return true;
    });
  }
  assertEquals(await ask("192.0.2.1"), 503);
  resolve();
  assertEquals([await first, await second], [200, 200]);
  let later = await ask("192.0.2.1");
  if (router.workers > 1) await eventually(async () => (later = await ask("192.0.2.1")) === 200);
  assertEquals(later, 200);
});

Deno.test("a client that has shut down its side is answered, whole or as a stream", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using engine = startScripted(async ({ text }) => {
    await promise;
    return JSON.parse(text).stream === true
      ? sse(['data: {"a":1}\n\n', "data: [DONE]\n\n"])
      : Response.json({ whole: true });
  });
  await using router = await startRouter([engineAt(engine.url, "any")]);
  const ask = async (body: string): Promise<string> => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: router.app.address.port });
    await connection.write(encodeUtf8(completions(body)));
    await connection.closeWrite();
    return await new Response(connection.readable).text();
  };
  const whole = ask(BODY);
  const stream = ask(JSON.stringify({ model: "m", prompt: "x", stream: true }));
  await eventually(() => engine.asked.length === 2);
  resolve();
  assertStringIncludes(await whole, '{"whole":true}');
  const events = await stream;
  assertStringIncludes(events, "data: [DONE]");
  assert(events.endsWith("\r\n0\r\n\r\n"), events);
});

for (const size of [10, 100_000]) {
  Deno.test(`a client that leaves its whole answer is noticed, behind a request of ${size} bytes`, async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    await using engine = startScripted(() => promise);
    await using router = await startRouter([engineAt(engine.url, "any")]);
    const leaving = new AbortController();
    const asked = post(`${router.url}/v1/completions`, { model: "m", prompt: "x".repeat(size) }, {
      signal: leaving.signal,
    }).then(() => "answered", () => "left");
    await eventually(() => engine.asked.length === 1);
    leaving.abort();
    assertEquals(await asked, "left");
    await eventually(() => {
      const { inflight, connections } = router.app.stats();
      return inflight === 0 && connections === 0;
    });
    const gone = 'endpoint="/v1/completions",route="direct",outcome="client_gone"} 1';
    await eventually(async () =>
      (await (await fetch(`${router.url}/metrics`)).text()).includes(gone)
    );
    resolve(Response.json({}));
  });
}

Deno.test("a body over the limit is refused without a word that it is wanted", async () => {
  await using router = await startRouter([], { maxRequestBytes: 100 });
  using connection = await connect(router);
  await connection.send(
    "POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 101\r\n\r\n",
  );
  assert((await connection.until("at most 100")).startsWith("HTTP/1.1 413 "));
});

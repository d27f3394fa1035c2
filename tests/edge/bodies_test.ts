import { deflateSync, gzipSync } from "node:zlib";
import { encodeUtf8 } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { CountingBreather } from "../support/counting_breather.ts";
import { eventually } from "../support/eventually.ts";
import { MeteredBreather } from "../support/metered_breather.ts";
import {
  engineAt,
  post,
  type RouterChanges,
  startRouter,
  type TestRouter,
} from "../support/router.ts";
import { type ScriptedEngine, startScripted } from "../support/scripted_engine.ts";
import { data, sse } from "../support/scripted_pair.ts";

const MIB = 1024 * 1024;
const COMPLETIONS = "/v1/completions";

/** A router before one engine that says what it was sent, and fails the test if bytes stay held. */
async function withEcho(
  changes: RouterChanges,
  run: (router: TestRouter, engine: ScriptedEngine) => Promise<void>,
): Promise<void> {
  await using engine = startScripted(({ path, text }) => {
    if (path.startsWith("/v1/") && text.includes('"stream"')) {
      return sse([data({ choices: [] }), data("[DONE]")]);
    }
    return new Response(text.slice(0, 10_000), { headers: { "content-type": "application/json" } });
  });
  await using router = await startRouter([engineAt(engine.url, "any")], changes);
  await run(router, engine);
  await eventually(
    () => router.app.stats().buffered === 0,
    () => JSON.stringify(router.app.stats()),
  );
}

function send(
  { url }: TestRouter,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url + COMPLETIONS, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: new Uint8Array(body),
  });
}

function utf16(text: string): Uint8Array {
  return Uint8Array.from(
    [...`\ufeff${text}`].flatMap((char) => [char.charCodeAt(0) & 255, char.charCodeAt(0) >> 8]),
  );
}

const TEXT = '{"model":"m","prompt":"caf\u00e9"}';

const CODED: readonly (readonly [string, Uint8Array, Readonly<Record<string, string>>])[] = [
  ["UTF-8 with a byte order mark", encodeUtf8(`\ufeff${TEXT}`), {}],
  ["UTF-16", utf16(TEXT), { "content-type": "application/json; charset=utf-16" }],
  ["gzip", gzipSync(TEXT), { "content-encoding": "gzip" }],
  ["deflate", deflateSync(TEXT), { "content-encoding": "deflate" }],
  ["UTF-16 in gzip", gzipSync(utf16(TEXT)), { "content-encoding": "GZIP" }],
  ["no coding by name", encodeUtf8(TEXT), { "content-encoding": "identity" }],
];

for (const [name, body, headers] of CODED) {
  Deno.test(`a body in ${name} reaches the engine as plain UTF-8`, async () => {
    await withEcho({}, async (router, engine) => {
      const answer = await send(router, body, headers);
      assertEquals([answer.status, await answer.text()], [200, TEXT]);
      const [asked] = engine.asked;
      assertEquals(asked?.headers.get("content-encoding"), null);
      assertEquals(asked?.headers.get("content-type"), "application/json");
    });
  });
}

Deno.test("a body in another coding is answered 415, which says what is taken", async () => {
  await withEcho({}, async (router, engine) => {
    const answer = await send(router, encodeUtf8(TEXT), { "content-encoding": "br" });
    assertEquals([answer.status, answer.headers.get("accept-encoding")], [415, "gzip, deflate"]);
    assertStringIncludes((await answer.json()).error.message, "gzip, deflate");
    assertEquals(engine.asked.length, 0);
  });
});

Deno.test("a body that decodes to more than may be sent is answered 413, and one that is cut 400", async () => {
  await withEcho({ maxRequestBytes: MIB }, async (router) => {
    const gzip = { "content-encoding": "gzip" };
    const bomb = await send(router, gzipSync(new Uint8Array(100 * MIB)), gzip);
    assertEquals(bomb.status, 413);
    assertStringIncludes((await bomb.json()).error.message, "once decoded");
    const cut = await send(router, gzipSync(TEXT).slice(0, -4), gzip);
    assertEquals(cut.status, 400);
    assertStringIncludes((await cut.json()).error.message, "not valid gzip");
  });
});

Deno.test("a bomb is answered 413 as soon as it shows, and little is held of it", async () => {
  const breather = new MeteredBreather();
  await withEcho({ ports: { breather } }, async (router) => {
    breather.held = () => router.app.stats().buffered;
    const bomb = await send(router, gzipSync(new Uint8Array(60 * MIB)), {
      "content-encoding": "gzip",
    });
    assertEquals(bomb.status, 413);
    assertStringIncludes((await bomb.json()).error.message, "without Content-Encoding");
    // A hundred times the first 64 KiB, which is what comes in one read at most.
    assert(breather.mostHeld <= 8 * MIB, `${breather.mostHeld} bytes held`);
    assert(breather.pauses * 64 * 1024 >= breather.mostHeld, `${breather.pauses} pauses`);
  });
});

Deno.test("a body that decodes to many times what was sent is taken while it is small", async () => {
  await withEcho({}, async (router, engine) => {
    const text = `{"model":"m","prompt":"${"x".repeat(900_000)}"}`;
    const answer = await send(router, gzipSync(text), { "content-encoding": "gzip" });
    assertEquals([answer.status, (await answer.text()).length], [200, 10_000]);
    assertEquals(engine.asked.at(-1)?.text, text);
  });
});

Deno.test("NaN and Infinity pass, as Python writes and reads them", async () => {
  await withEcho({}, async (router) => {
    const text = '{"model":"m","prompt":"a","logit_bias":{"5":-Infinity},"temperature":NaN}';
    assertEquals(await (await send(router, encodeUtf8(text))).text(), text);
  });
});

for (
  const [given, streams] of [['"true"', true], ["1", true], ['"off"', false], ["0", false]] as const
) {
  Deno.test(`"stream": ${given} passes as it is, and means ${streams}`, async () => {
    await using engine = startScripted(({ text }) => {
      assertStringIncludes(text, `"stream":${given}`);
      return streams ? sse([data("[DONE]")]) : Response.json({ choices: [] });
    });
    await using router = await startRouter([engineAt(engine.url, "any")]);
    const answer = await post(
      router.url + COMPLETIONS,
      `{"model":"m","prompt":"a","stream":${given}}`,
    );
    const type = answer.headers.get("content-type") ?? "";
    assertEquals([answer.status, type.startsWith("text/event-stream")], [200, streams]);
    await answer.text();
  });
}

for (const named of ["{}", '{"model":null}', '{"model":""}']) {
  Deno.test(`${named} means the only model that is served, aliases apart`, async () => {
    await withEcho({ aliases: new Map([["other", "m"]]) }, async (router, engine) => {
      for (const path of [COMPLETIONS, "/v1/embeddings"]) {
        const answer = await post(router.url + path, named);
        assertEquals([answer.status, await answer.text()], [200, '{"model":"m"}'], path);
      }
      assertEquals(engine.asked.length, 2);
    });
  });
}

Deno.test("a body without a model is refused where several are served, or none is known yet", async () => {
  await using engine = startScripted(() => Response.json({}));
  const engines = ["m", "n"].map((model, index) =>
    engineAt(engine.url + (index === 0 ? "" : "/"), "any", { id: model, models: [model] })
  );
  await using router = await startRouter(engines);
  const answer = await post(router.url + COMPLETIONS, { prompt: "a" });
  assertEquals(answer.status, 400);
  assertEquals((await answer.json()).error.param, "model");
  await using empty = await startRouter([engineAt("http://127.0.0.1:9", "any")]);
  const early = await post(empty.url + COMPLETIONS, { prompt: "a" });
  assertEquals(early.status, 503);
  assertStringIncludes((await early.json()).error.message, "No engine serves any model");
});

Deno.test("other endpoints look at no field that is called stream", async () => {
  await withEcho({}, async (router) => {
    const answer = await post(`${router.url}/tokenize`, { model: "m", prompt: "a", stream: "so" });
    assertEquals(answer.status, 200);
    await answer.text();
  });
});

/** A connection on which the head of a request with a body of `bytes` has been sent. */
async function begun({ app }: TestRouter, bytes: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: app.address.port });
  const head = `POST ${COMPLETIONS} HTTP/1.1\r\nhost: x\r\ncontent-length: ${bytes}\r\n\r\n`;
  await connection.write(encodeUtf8(head));
  return connection;
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

Deno.test("bodies that are announced hold nothing, those that come what has come", async () => {
  await withEcho({ maxRequestBytes: 8 * MIB }, async (router) => {
    const connections = await Promise.all(Array.from({ length: 20 }, () => begun(router, 8 * MIB)));
    await writeAll(connections[0] ?? await begun(router, 1), new Uint8Array(3 * MIB));
    await eventually(
      () => router.app.stats().buffered === 3 * MIB,
      () => `${router.app.stats().buffered}`,
    );
    for (const connection of connections) connection.close();
  });
});

Deno.test("a body that finds no room is answered 503 with Retry-After, counted, and room returns", async () => {
  const changes = { maxRequestBytes: 8 * MIB, buffers: { maxBytes: 8 * MIB } };
  await withEcho(changes, async (router) => {
    const slow = await begun(router, 8 * MIB);
    await writeAll(slow, new Uint8Array(6 * MIB));
    await eventually(() => router.app.stats().buffered === 6 * MIB);
    const body = { model: "m", prompt: "x".repeat(3 * MIB) };
    // Of several processes, one holds the slow one: it is asked whichever comes first.
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    let refused = await fetch(router.url + COMPLETIONS, { client, ...jsonOf(body) });
    for (let tries = router.workers === 1 ? 0 : 40; refused.ok && tries > 0; tries--) {
      await refused.text();
      refused = await fetch(router.url + COMPLETIONS, { client, ...jsonOf(body) });
    }
    assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
    const { error } = await refused.json();
    assertEquals(error.type, "ServiceUnavailableError");
    assertStringIncludes(error.message, "--max-buffered-bytes");
    const small = await post(router.url + COMPLETIONS, { model: "m", prompt: "x" });
    assertEquals(small.status, 200);
    await small.text();
    const metrics = await (await fetch(`${router.url}/metrics`)).text();
    assertStringIncludes(metrics, `\npd_router_buffered_bytes ${6 * MIB}\n`);
    const counted = `pd_router_buffered_refusals_total{endpoint="${COMPLETIONS}"} 1`;
    assertStringIncludes(metrics, counted);
    slow.close();
    await eventually(() => router.app.stats().buffered === 0);
    const again = await post(router.url + COMPLETIONS, body);
    assertEquals(again.status, 200);
    await again.text();
  });
});

Deno.test("what is held of a request is held until its answer has ended, streamed or not", async () => {
  const gate = Promise.withResolvers<void>();
  await using engine = startScripted(async ({ text }) => {
    if (!text.includes('"stream"')) await gate.promise;
    const open = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encodeUtf8(data({ choices: [] }))),
    });
    return text.includes('"stream"')
      ? new Response(open, { headers: { "content-type": "text/event-stream" } })
      : Response.json({});
  });
  await using router = await startRouter([engineAt(engine.url, "any")]);
  const held = (): number => router.app.stats().buffered;
  const leave = new AbortController();
  const streamed = JSON.stringify({ model: "m", prompt: "x".repeat(1_000), stream: true });
  const stream = await post(router.url + COMPLETIONS, streamed, { signal: leave.signal });
  await eventually(() => held() === streamed.length, () => `${held()}`);
  const whole = JSON.stringify({ model: "m", prompt: "x".repeat(2_000) });
  const waiting = post(router.url + COMPLETIONS, whole);
  await eventually(() => held() === streamed.length + whole.length, () => `${held()}`);
  gate.resolve();
  await (await waiting).text();
  await eventually(() => held() === streamed.length, () => `${held()}`);
  leave.abort();
  await stream.body?.cancel().catch(() => {});
  await eventually(() => held() === 0, () => `${held()}`);
});

/** How `body` is posted. */
function jsonOf(body: unknown): RequestInit {
  const headers = { "content-type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(body) };
}

/** Bodies of 2 MiB that are costly to look at, and how each is answered. */
const HOSTILE: readonly (readonly [name: string, status: number, text: string])[] = [
  ["tiny members", 400, `{"model":"m","prompt":"a"${',"a":1'.repeat(2 * MIB / 6)}}`],
  [
    "tiny members of a member",
    200,
    `{"model":"m","prompt":"a","b":{"a":1${',"a":1'.repeat(2 * MIB / 6)}}}`,
  ],
  ["a flat list", 200, `{"model":"m","prompt":[1${",1".repeat(MIB)}]}`],
  ["one string", 200, `{"model":"m","prompt":"${"x".repeat(2 * MIB)}"}`],
  ["escapes", 200, `{"model":"m","prompt":"${'\\"'.repeat(MIB)}"}`],
  ["deep nesting", 400, `{"model":"m","prompt":${"[".repeat(2 * MIB)}`],
  ["prompts", 200, `{"model":"m","prompt":["a"${',"a"'.repeat(MIB / 2)}]}`],
  ["white space", 200, `{"model":"m","prompt":"a"${" ".repeat(2 * MIB)}}`],
];

for (const [name, status, text] of HOSTILE) {
  Deno.test(`2 MiB of ${name} are looked at in steps, between which others have their turn`, async () => {
    const breather = new CountingBreather();
    await withEcho({ ports: { breather } }, async (router) => {
      const answer = await send(router, encodeUtf8(text));
      assertEquals(answer.status, status, await answer.text());
      // One for each part that comes of 64 KiB or more, and for 16 KiB looked at, where they are.
      const least = status === 200 ? 128 : 6;
      assert(breather.pauses >= least, `${breather.pauses} pauses`);
    });
  });
}

Deno.test("a body in tiny chunks is gathered, and reading it rests", async () => {
  const breather = new CountingBreather();
  await withEcho({ ports: { breather } }, async (router, engine) => {
    const { app } = router;
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: app.address.port });
    const head = `POST ${COMPLETIONS} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n` +
      "transfer-encoding: chunked\r\n\r\n";
    const text = `{"model":"m","prompt":"${"x".repeat(400_000)}"}`;
    const chunks = [...text].map((char) => `1\r\n${char}\r\n`).join("");
    await writeAll(connection, encodeUtf8(`${head}${chunks}0\r\n\r\n`));
    let answer = "";
    for await (const bytes of connection.readable) answer += new TextDecoder().decode(bytes);
    assertStringIncludes(answer, "HTTP/1.1 200 OK");
    assertEquals(engine.asked.at(-1)?.text, text);
    assert(breather.pauses >= 10, `${breather.pauses} pauses`);
  });
});

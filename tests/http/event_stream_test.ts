import { decodeUtf8, encodeUtf8, RouterError, seededRandom } from "../../lib/base/mod.ts";
import { tellingFailure } from "../../lib/http/event_stream.ts";
import { type ByteSource, isEventStream } from "../../lib/request/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { allCuts, randomCuts } from "../support/cuts.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";

const LOST = new RouterError("upstream-lost", "Cannot read the response of engine http://e", {
  cause: new Error("reset"),
});
const MESSAGE = "Cannot read the response of engine http://e: reset";
const BODY = { message: MESSAGE, type: "BadGatewayError", param: null, code: 502 };
const EVENTS = 'data: {"a":1}\n\ndata: {"b":2}\n\n';

/** Gives `pieces` one by one, then fails with `error`. */
function failing(pieces: readonly Uint8Array[], error: unknown): ByteSource {
  const left = [...pieces];
  return {
    read: () => {
      const piece = left.shift();
      return piece === undefined ? Promise.reject(error) : Promise.resolve(piece);
    },
    cancel: () => {},
  };
}

async function textOf(source: ByteSource): Promise<string> {
  let text = "";
  for (let bytes = await source.read(); bytes !== undefined; bytes = await source.read()) {
    text += decodeUtf8(bytes);
  }
  return text;
}

Deno.test("tellingFailure() ends a stream that fails between events, however it is cut", async () => {
  for (const text of ["", EVENTS, EVENTS.replaceAll("\n", "\r\n"), ": comment\n\n"]) {
    for (const { name, pieces } of allCuts(encodeUtf8(text))) {
      const source = tellingFailure(failing(pieces, LOST), "/v1/chat/completions");
      const told = await textOf(source);
      assertEquals(told, `${text}data: ${JSON.stringify({ error: BODY })}\n\n`, name);
      assertEquals(source.failure, LOST);
    }
  }
});

Deno.test("tellingFailure() breaks off within an event", async () => {
  for (let length = 1; length < EVENTS.length; length++) {
    const text = EVENTS.slice(0, length);
    if (text.endsWith("\n\n")) continue;
    const pieces = randomCuts(encodeUtf8(text), seededRandom(length));
    const source = tellingFailure(failing(pieces, LOST), "/v1/completions");
    assertEquals(await assertRejects(() => textOf(source), RouterError), LOST);
    assertEquals(source.failure, undefined);
  }
});

Deno.test("tellingFailure() names the event where events have names", async () => {
  const error = { type: "api_error", message: MESSAGE, code: 502 };
  const rows = [
    ["/v1/responses", { type: "error", error: BODY }],
    ["/v1/messages", { type: "error", error, request_id: "r1" }],
  ] as const;
  for (const [path, data] of rows) {
    const told = await textOf(tellingFailure(failing([], LOST), path, { requestId: "r1" }));
    assertEquals(told, `event: error\ndata: ${JSON.stringify(data)}\n\n`);
  }
});

Deno.test("tellingFailure() tells neither departures nor the router's own faults", async () => {
  for (const error of [new RouterError("client-gone", "gone"), new TypeError("a fault")]) {
    const source = tellingFailure(failing([encodeUtf8(EVENTS)], error), "/v1/completions");
    assertEquals(await assertRejects(() => textOf(source), Error), error);
  }
});

Deno.test("isEventStream() goes by the content type", () => {
  const is = (...headers: readonly (readonly [string, string])[]): boolean =>
    isEventStream({ headers });
  assert(is(["content-type", "text/event-stream; charset=utf-8"]));
  assert(is(["x", "y"], ["Content-Type", "Text/Event-Stream"]));
  assert(!is() && !is(["content-type", "application/json"]));
});

for (const path of ["/v1/chat/completions", "/v1/messages"]) {
  Deno.test(`an engine lost in the middle of a direct stream is told in it: ${path}`, async () => {
    await using engine = startScripted(() => {
      let sent = false;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent) controller.error(new Error("the engine dies"));
          else controller.enqueue(encodeUtf8("data: {}\n\n"));
          sent = true;
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    await using router = await startRouter([engineAt(engine.url, "any")]);
    const answer = await post(router.url + path, { model: "m", messages: [], stream: true });
    const text = await answer.text();
    assert(text.startsWith("data: {}\n\n"), text);
    assertMatch(text, /"error":\{.*"message":".*"code":502/);
    assertStringIncludes(text, new URL(engine.url).host);
    const metrics = await (await fetch(`${router.url}/metrics`)).text();
    assertStringIncludes(metrics, 'route="direct",outcome="stream_error"} 1');
    await eventually(
      () => router.app.stats().connections === 0,
      () => "a connection to the engine that died",
    );
  });
}

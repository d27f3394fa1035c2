import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import type { FakeClock } from "../support/fake_clock.ts";
import { TurningClock } from "../support/turning_clock.ts";
import { engineAt, post, startRouter, type TestRouter } from "../support/router.ts";
import { type Script, startScripted } from "../support/scripted_engine.ts";
import { data, event } from "../support/scripted_pair.ts";

const LIMIT_MS = 10_000;

/** A router in front of one engine, whose time goes by when the test says. */
async function withRouter(
  script: Script,
  run: (router: TestRouter, clock: FakeClock) => Promise<void>,
): Promise<void> {
  const clock = new TurningClock();
  await using engine = startScripted(script);
  await using router = await startRouter([engineAt(engine.url, "any")], {
    clock,
    requests: { timeoutMs: LIMIT_MS },
  });
  await run(router, clock);
  await eventually(
    () => Object.values(router.app.stats()).every((count) => count === 0),
    () => JSON.stringify(router.app.stats()),
  );
}

/** A body that says `text` and then nothing, until it is left. */
function unfinished(text: string, type: string): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
  });
  return new Response(body, { headers: { "content-type": type } });
}

Deno.test("--request-timeout ends a request that no engine answers: 504, and nothing is left", async () => {
  const held = Promise.withResolvers<Response>();
  // Whatever fails, the engine has to end.
  using _answered = { [Symbol.dispose]: () => held.resolve(Response.json({})) };
  await withRouter(() => held.promise, async (router, clock) => {
    const asked = post(`${router.url}/v1/embeddings`, { model: "m", input: "a" });
    await eventually(() => clock.dueIn(LIMIT_MS), () => "the request's own time");
    await eventually(() => router.app.stats().connections === 1);
    await clock.advance(LIMIT_MS - 1);
    assertEquals(router.app.stats().connections, 1);
    await clock.advance(1);
    const answer = await asked;
    const { error } = await answer.json();
    assertEquals([answer.status, error.code, error.type], [504, 504, "GatewayTimeoutError"]);
    assertStringIncludes(error.message, "--request-timeout");
    await eventually(() => router.app.stats().connections === 0);
    held.resolve(Response.json({}));
  });
});

Deno.test("--request-timeout ends a stream with an event, be it fed for ever", async () => {
  const said = event(" a");
  await withRouter(() => unfinished(said, "text/event-stream"), async (router, clock) => {
    const answer = await post(`${router.url}/v1/completions`, {
      model: "m",
      prompt: "a",
      stream: true,
    });
    const reader = answer.body?.getReader();
    assert(reader !== undefined);
    const first = await reader.read();
    assertEquals(new TextDecoder().decode(first.value), said);
    const second = reader.read();
    await clock.advance(LIMIT_MS);
    const told = new TextDecoder().decode((await second).value);
    const { error } = JSON.parse(told.slice("data: ".length));
    assertEquals(error.code, 504);
    assertEquals(told.includes(data("[DONE]")), false);
    assertEquals((await reader.read()).done, true);
    const metrics = await (await fetch(`${router.url}/metrics`)).text();
    assertStringIncludes(metrics, 'outcome="stream_error"} 1');
  });
});

Deno.test("--request-timeout cuts an answer that is no stream, so that it is not taken for whole", async () => {
  const script: Script = () => unfinished('{"choices":[', "application/json");
  await withRouter(script, async (router, clock) => {
    const answer = await post(`${router.url}/v1/completions`, { model: "m", prompt: "a" });
    assertEquals(answer.status, 200);
    const reading = answer.text().then(() => "whole", () => "cut");
    await eventually(() => router.app.stats().connections === 1);
    await clock.advance(LIMIT_MS);
    assertEquals(await reading, "cut");
  });
});

Deno.test("--request-timeout is over a body that does not come, too", async () => {
  await withRouter(() => Response.json({}), async (router, clock) => {
    using socket = await Deno.connect({ hostname: "127.0.0.1", port: router.app.address.port });
    const head = "POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{";
    await socket.write(new TextEncoder().encode(head));
    await eventually(() => clock.dueIn(LIMIT_MS), () => "the request's own time");
    await clock.advance(LIMIT_MS);
    const buffer = new Uint8Array(4096);
    const length = await socket.read(buffer) ?? 0;
    const text = new TextDecoder().decode(buffer.subarray(0, length));
    assertStringIncludes(text, "HTTP/1.1 504");
  });
});

Deno.test("--request-timeout leaves a request alone that ends in time", async () => {
  await withRouter(() => Response.json({ a: 1 }), async (router, clock) => {
    for (let round = 0; round < 3; round++) {
      const answer = await post(`${router.url}/v1/completions`, { model: "m", prompt: "a" });
      assertEquals(await answer.json(), { a: 1 });
      await clock.advance(LIMIT_MS / 2);
    }
    assertEquals(clock.dueIn(LIMIT_MS), false, "no timer is left of it");
  });
});

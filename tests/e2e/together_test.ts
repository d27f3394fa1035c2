import { KvTable } from "../../lib/kv/mod.ts";
import { prefillAnswer } from "../handoff/support.ts";
import { decoded, KV_PARAMS } from "../handoff/relay_support.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, startRouter, type TestRouter } from "../support/router.ts";
import {
  type AskedRequest,
  type ScriptedEngine,
  startScripted,
} from "../support/scripted_engine.ts";
import { data, event, sse } from "../support/scripted_pair.ts";
import { together, TOGETHER_DECODE, TOGETHER_PREFILL } from "../support/together_protocol.ts";

/** A leg that has reached its engine and waits for the test's answer. */
interface Leg {
  readonly asked: AskedRequest;
  readonly answer: (response: Response) => void;
}

/** An engine whose legs the test answers. */
interface Held extends AsyncDisposable {
  readonly engine: ScriptedEngine;
  readonly legs: Leg[];
}

function startHeld(): Held {
  const legs: Leg[] = [];
  const engine = startScripted((asked) => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    const left = (): void => resolve(new Response(null, { status: 499 }));
    asked.signal.addEventListener("abort", left, { once: true });
    legs.push({ asked, answer: resolve });
    return promise;
  });
  return { engine, legs, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

/** A router between two such engines. */
interface Together extends AsyncDisposable {
  readonly router: TestRouter;
  readonly prefills: Leg[];
  readonly decodes: Leg[];
}

async function startTogether(): Promise<Together> {
  await using stack = new AsyncDisposableStack();
  const prefill = stack.use(startHeld());
  const decode = stack.use(startHeld());
  const kv = new KvTable({ lmcache: together, nixl: together, shared_storage: together });
  const router = stack.use(
    await startRouter([
      engineAt(prefill.engine.url, "prefill", { id: "p" }),
      engineAt(decode.engine.url, "decode", { id: "d" }),
    ], { handoff: { kind: "nixl" }, ports: { kv } }),
  );
  const parts = stack.move();
  return {
    router,
    prefills: prefill.legs,
    decodes: decode.legs,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Run a test; fails when the router keeps anything afterwards. */
async function withTogether(run: (made: Together) => Promise<void>): Promise<void> {
  await using made = await startTogether();
  await run(made);
  const { app } = made.router;
  await eventually(
    () => Object.values(app.stats()).every((count) => count === 0),
    () => JSON.stringify(app.stats()),
  );
}

function ask({ router }: Together, stream: boolean, signal?: AbortSignal): Promise<Response> {
  const body = { model: "m", prompt: "hi", max_tokens: 5, stream };
  const headers = { "x-request-id": "abc" };
  return post(`${router.url}/v1/completions`, body, {
    headers,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The two legs, which are under way together. */
async function legsOf({ prefills, decodes }: Together): Promise<readonly [Leg, Leg]> {
  await eventually(() => prefills.length === 1 && decodes.length === 1, () => "both legs");
  const [[prefill], [decode]] = [prefills, decodes];
  assert(prefill !== undefined && decode !== undefined);
  return [prefill, decode];
}

function prefilled(): Response {
  return Response.json(prefillAnswer({ kv_transfer_params: KV_PARAMS }));
}

Deno.test("both legs are under way before either engine has answered", async () => {
  await withTogether(async (made) => {
    const answering = ask(made, true);
    const [prefill, decode] = await legsOf(made);
    const [one, other] = [prefill, decode].map(({ asked }) => JSON.parse(asked.text));
    assertEquals([one.kv_transfer_params, other.kv_transfer_params], [
      TOGETHER_PREFILL,
      TOGETHER_DECODE,
    ]);
    assertEquals([one.max_tokens, other.max_tokens, one.stream, other.stream], [1, 5, false, true]);
    const ids = [prefill, decode].map(({ asked }) => asked.headers.get("x-request-id") ?? "");
    assertMatch(ids[0] ?? "", /^abc-[0-9a-f]{16}$/);
    assertEquals(ids[0], ids[1]);
    prefill.answer(prefilled());
    decode.answer(sse(decoded(3)));
    const answer = await answering;
    assertEquals([answer.status, await answer.text()], [200, decoded(2).join("")]);
  });
});

Deno.test("a prefill that answers behind the decode's beginning still tells what was cached", async () => {
  await withTogether(async (made) => {
    const answering = ask(made, true);
    const [prefill, decode] = await legsOf(made);
    const [first = "", ...rest] = decoded(3);
    const stream = new TransformStream<Uint8Array, Uint8Array>();
    const writer = stream.writable.getWriter();
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    decode.answer(
      new Response(stream.readable, { headers: { "content-type": "text/event-stream" } }),
    );
    await writer.write(bytes(first));
    const reader = (await answering).body?.pipeThrough(new TextDecoderStream()).getReader();
    assert(reader !== undefined);
    let text = (await reader.read()).value ?? "";
    assertEquals(text, first, "the client has it before the prefill has answered");
    prefill.answer(prefilled());
    await eventually(() => made.router.app.stats().inflight === 1, () => "the prefill's end");
    for (const event of rest) await writer.write(bytes(event));
    await writer.close();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    assertEquals(text, decoded(2).join(""));
  });
});

Deno.test("a prefill that is refused is the client's answer, and ends the decode", async () => {
  await withTogether(async (made) => {
    const answering = ask(made, false);
    const [prefill, decode] = await legsOf(made);
    prefill.answer(Response.json({ error: { message: "too long" } }, { status: 400 }));
    const answer = await answering;
    assertEquals([answer.status, await answer.json()], [400, { error: { message: "too long" } }]);
    await eventually(() => decode.asked.signal.aborted, () => "the decode leg's end");
    assertEquals([made.prefills.length, made.decodes.length], [1, 1]);
  });
});

Deno.test("a prefill that fails ends the decode, and the request where there is no other pair", async () => {
  await withTogether(async (made) => {
    const answering = ask(made, false);
    const [prefill, decode] = await legsOf(made);
    prefill.answer(Response.json({ error: { message: "dead" } }, { status: 500 }));
    const answer = await answering;
    assertEquals(answer.status, 502);
    assert((await answer.text()).includes("answered 500: dead"));
    await eventually(() => decode.asked.signal.aborted, () => "the decode leg's end");
    // It may have moved KV: a request that reads it goes after it.
    await eventually(() => made.decodes.length === 2, () => "what releases the KV");
    made.decodes[1]?.answer(Response.json({ choices: [] }));
  });
});

Deno.test("a decode that fails first leaves the prefill to its end, and its KV to be released", async () => {
  await withTogether(async (made) => {
    const answering = ask(made, false);
    const [prefill, decode] = await legsOf(made);
    decode.answer(sse([data({ error: { message: "no KV" } })]));
    const answer = await answering;
    assertEquals(answer.status, 502);
    await answer.text();
    assertEquals(prefill.asked.signal.aborted, false);
    prefill.answer(prefilled());
    await eventually(() => made.decodes.length === 2, () => "what releases the KV");
    const release = JSON.parse(made.decodes[1]?.asked.text ?? "");
    assertEquals([release.max_tokens, release.kv_transfer_params], [1, TOGETHER_DECODE]);
    made.decodes[1]?.answer(Response.json({ choices: [] }));
  });
});

for (const phase of ["before either has answered", "behind the prefill", "while tokens come"]) {
  Deno.test(`a client that leaves both legs ${phase} leaves nothing behind`, async () => {
    await withTogether(async (made) => {
      const controller = new AbortController();
      const answering = ask(made, true, controller.signal);
      const [prefill, decode] = await legsOf(made);
      if (phase !== "before either has answered") prefill.answer(prefilled());
      const more = new TransformStream<Uint8Array, Uint8Array>();
      const writer = more.writable.getWriter();
      const begin = async (): Promise<void> => {
        const headers = { "content-type": "text/event-stream" };
        decode.answer(new Response(more.readable, { headers }));
        await writer.write(new TextEncoder().encode(event(" one")));
      };
      if (phase === "while tokens come") {
        await begin();
        const reader = (await answering).body?.getReader();
        assertEquals((await reader?.read())?.done, false);
      }
      const left = answering.then((answer) => answer.body?.cancel(), () => {});
      controller.abort();
      await left.catch(() => {});
      if (phase !== "while tokens come") {
        const prefilling = phase === "before either has answered" ? 1 : 0;
        const { app } = made.router;
        await eventually(() => app.stats().inflight === prefilling, () => "the client's leaving");
        assertEquals([prefill.asked.signal.aborted, decode.asked.signal.aborted], [false, false]);
        if (prefilling > 0) prefill.answer(prefilled());
        await begin();
      }
      await eventually(() => decode.asked.signal.aborted, () => "the decode leg's end");
      assertEquals(made.decodes.length, 1, "its KV was read: nothing is to be released");
      await writer.abort().catch(() => {});
    });
  });
}

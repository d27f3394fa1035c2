/** A stream that goes on token by token while others attack the router it goes through. @module */
import { type Random, seededRandom } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "./assert.ts";
import { eventually } from "./eventually.ts";
import { FakeClock } from "./fake_clock.ts";
import { MeteredBreather } from "./metered_breather.ts";
import { post, type RouterChanges, type TestRouter } from "./router.ts";
import { data, event, type PairScript, type ScriptedPair, sse, withPair } from "./scripted_pair.ts";
import type { AskedRequest } from "./scripted_engine.ts";
import { socketsOf } from "./sockets.ts";

/** What an attack works with. */
export interface Arena {
  readonly router: TestRouter;
  readonly port: number;
  readonly pair: ScriptedPair;
  readonly breather: MeteredBreather;
  readonly random: Random;
  /** One token more at the engine, and at the client; fails when that has anything else. */
  step(): Promise<void>;
  /** Requests that engines were asked, the bystander's not counted. */
  asked(): number;
  /** The most bytes of request bodies that were seen held. */
  mostHeld(): number;
}

/** What is attacked. */
export interface ArenaOptions {
  readonly seed?: number;
  readonly router?: RouterChanges;
  /** What the decode engine answers others than the bystander. */
  readonly decode?: PairScript["decode"];
}

const BYSTANDER = "bystander";
const ASK = { model: "m", prompt: "hi", stream: true, max_tokens: 4_000 };

/** What engines answer by themselves. */
export const SHORT_ANSWER = [
  event(" two"),
  event(" three", { finish_reason: "stop" }),
  "data: [DONE]\n\n",
];

/** The same, streamed or whole. */
function shortAnswer({ text }: AskedRequest): Response {
  if (/"stream": ?true/.test(text)) return sse(SHORT_ANSWER);
  const choice = { index: 0, text: " two three", logprobs: null, finish_reason: "stop" };
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const answer = { id: "cmpl-d", object: "text_completion", created: 5, model: "m" };
  return Response.json({ ...answer, choices: [choice], usage });
}

/**
 * Run `attack` while a stream goes on, handed off from one engine to another. Fails when the stream
 * misses a token, and when afterwards the router holds a connection, a byte, a request, or KV.
 */
export async function underAttack(
  options: ArenaOptions,
  attack: (arena: Arena) => Promise<void>,
): Promise<void> {
  const { seed = 1, router: changes, decode = shortAnswer } = options;
  const stream = new TransformStream<Uint8Array, Uint8Array>();
  const writer = stream.writable.getWriter();
  const breather = new MeteredBreather();
  const script: PairScript = {
    decode: (request) =>
      request.headers.get("x-request-id")?.startsWith(BYSTANDER) === true
        ? new Response(stream.readable, { headers: { "content-type": "text/event-stream" } })
        : decode(request),
    router: { ...changes, ports: { breather, ...changes?.ports } },
  };
  const { clock } = changes ?? {};
  // Turns of the event loop are the clock's too: they go on without time going by.
  const turns = clock instanceof FakeClock ? setInterval(() => clock.advance(0), 1) : undefined;
  using _turns = { [Symbol.dispose]: () => clearInterval(turns) };
  await withPair(script, async (pair) => {
    const { router } = pair;
    breather.held = () => router.app.stats().buffered;
    const reader = await begin(router.url);
    const taken = pair.prefill.asked.length + pair.decode.asked.length;
    const own = socketsOf(router.app.address.port);
    const heldBefore = router.app.stats().buffered;
    let tokens = 0;
    const say = async (text: string): Promise<void> => {
      await writer.write(new TextEncoder().encode(text));
    };
    const next = async (): Promise<void> => {
      const text = ` token${tokens++}`;
      await say(event(text));
      const seen = await reader.next();
      assertEquals(JSON.parse(seen.slice("data: ".length)).choices[0].text, text);
    };
    let last = Promise.resolve();
    // One at a time, whoever asks.
    const step = (): Promise<void> => last = last.then(next);
    await step();
    await attack({
      router,
      port: router.app.address.port,
      pair,
      breather,
      random: seededRandom(seed),
      step,
      asked: () => pair.prefill.asked.length + pair.decode.asked.length - taken,
      mostHeld: () => Math.max(breather.mostHeld, router.app.stats().buffered),
    });
    await step();
    await eventually(
      () => router.app.stats().buffered <= heldBefore,
      () => `${router.app.stats().buffered} bytes are held, ${heldBefore} were before`,
    );
    await eventually(
      () => socketsOf(router.app.address.port) <= own,
      () => `${socketsOf(router.app.address.port)} connections are held, ${own} were before`,
    );
    assertEquals(router.app.stats().inflight, 1, "the bystander's decode alone is under way");
    await step();
    await say(event("", { finish_reason: "length" }) + data("[DONE]"));
    await writer.close();
    const rest = await reader.rest();
    assert(rest.endsWith(data("[DONE]")), rest);
  });
}

/** Events of a stream. */
interface EventReader {
  next(): Promise<string>;
  rest(): Promise<string>;
}

/** Ask for the bystander's stream; its first token, which the prefill engine says, is read. */
async function begin(url: string): Promise<EventReader> {
  const answer = await post(`${url}/v1/completions`, ASK, {
    headers: { "x-request-id": BYSTANDER },
  });
  assertEquals(answer.status, 200);
  const chunks = (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  const next = async (): Promise<string> => {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const seen = text.slice(0, end);
        text = text.slice(end + 2);
        return seen;
      }
      const { value } = await chunks.read();
      assert(value !== undefined, `the stream goes on behind ${text}`);
      text += value;
    }
  };
  const rest = async (): Promise<string> => {
    for (;;) {
      const { value } = await chunks.read();
      if (value === undefined) return text;
      text += value;
    }
  };
  assertEquals(JSON.parse((await next()).slice("data: ".length)).choices[0].text, " one");
  return { next, rest };
}

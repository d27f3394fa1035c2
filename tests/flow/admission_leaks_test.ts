import {
  type Clock,
  type Engine,
  errorCodeOf,
  type KvBuffer,
  type Random,
  RouterError,
  seededRandom,
} from "../../lib/base/mod.ts";
import { generate, type GenerateAsk } from "../../lib/flow/mod.ts";
import { isWhole } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { engineOf, generationOf } from "../support/flow_fakes.ts";
import { event } from "../support/scripted_pair.ts";
import { json, type Reply, type Sent, stream } from "../support/scripted_upstream.ts";
import { type Crowd, withCrowd } from "./admission_support.ts";
import { ask, PREFILLED, REST } from "./support.ts";

const BUFFER: KvBuffer = { bytes: 600, bytesPerToken: 1, chunkTokens: 100 };

function buffered(id: string): Engine {
  const engine = engineOf(id, "decode", "lmcache", ["p1"]);
  return engine.nixl === undefined
    ? engine
    : { ...engine, nixl: { ...engine.nixl, buffer: BUFFER } };
}

const ENGINES = [
  engineOf("p1", "prefill", "lmcache"),
  engineOf("p2", "prefill", "lmcache"),
  buffered("d1"),
  buffered("d2"),
  engineOf("e1", "any"),
];

/** What an engine does with a request, for which it has `late`: a silence that ends at a deadline. */
type Behaviour = (sent: Sent, late: () => Promise<never>) => Reply | Error | Promise<Reply>;

/** What engines do, by chance. */
const BEHAVIOURS: readonly Behaviour[] = [
  wellBehaved,
  wellBehaved,
  wellBehaved,
  () => json({ error: { message: "boom" } }, 500),
  () => json({ error: { message: "full" } }, 503),
  () => json({ error: { message: "slow down" } }, 429),
  () => json({ error: { message: "no" } }, 400),
  () => new RouterError("upstream-unreachable", "No"),
  () => new RouterError("upstream-lost", "Lost"),
  () => stream(event(" two"), new RouterError("upstream-lost", "Lost")),
  (_sent, late) => stream(event(" two"), late()),
  (_sent, late) => late(),
];

function wellBehaved({ to, text }: Sent): Reply {
  if (to.startsWith("p")) return PREFILLED;
  return JSON.parse(text).stream === true ? REST : json({ by: to });
}

/** Longest silence of an engine, as the upstream client would bound it. */
const SILENCE_MS = 1_000;

function silence(clock: Clock): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  clock.after(SILENCE_MS, () => reject(new RouterError("upstream-timeout", "Silent")));
  // Nobody may be left to hear of it.
  promise.catch(() => {});
  return promise;
}

const REQUESTS: readonly Partial<GenerateAsk>[] = [
  { request: generationOf("completions", { prompt: [1, 2, 3], max_tokens: 4, stream: true }) },
  { request: generationOf("completions", { prompt: [1, 2, 3], max_tokens: 4 }) },
  { request: generationOf("completions", { prompt: new Array(350).fill(7), max_tokens: 4 }) },
  {
    request: generationOf("completions", { prompt: "x".repeat(400), max_tokens: 4, stream: true }),
  },
  { request: generationOf("completions", { prompt: [1], max_tokens: 1 }) },
  { request: generationOf("completions", { prompt: "never handed off", best_of: 2 }) },
  {
    request: generationOf("completions", {
      prompt: Array.from({ length: 12 }, (_, index) => [index]),
      max_tokens: 4,
      stream: true,
    }),
  },
];

/** What there is of `list`, by chance. */
function oneOf<T>(list: readonly T[], random: Random): T {
  const one = list[Math.floor(random.next() * list.length)];
  assert(one !== undefined);
  return one;
}

/** One client: it reads some of its answer, and may go at any time. How its request ended. */
async function client({ deps, doorway }: Crowd, random: Random): Promise<string> {
  const leaving = new AbortController();
  // A request's time is bounded as a whole, too.
  const patienceMs = random.next() < 0.4 ? Math.floor(random.next() * 400) : 3_000;
  doorway.clock.after(patienceMs, () => leaving.abort());
  const key = oneOf(["", "a", "b"], random);
  try {
    const context = doorway.context(key === "" ? undefined : key, leaving.signal);
    const { body } = await generate(deps, context, ask(oneOf(REQUESTS, random)));
    if (isWhole(body)) return "whole";
    const pieces = random.next() < 0.3 ? Math.floor(random.next() * 3) : Infinity;
    // As a front does where the client has gone.
    leaving.signal.addEventListener("abort", () => body.cancel(), { once: true });
    if (leaving.signal.aborted) body.cancel();
    for (let read = 0; read < pieces; read++) {
      if (await body.read() === undefined) return "read";
    }
    body.cancel();
    return "cancelled";
  } catch (error) {
    const code = errorCodeOf(error);
    assert(code !== undefined && code !== "internal", String(error));
    return code;
  }
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  Deno.test(`Admission gives back every seat, however requests end (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const tokenized = json({ tokens: new Array(120).fill(1), count: 120, max_model_len: 4096 });
    let clock: Clock | undefined;
    const late = (): Promise<never> => {
      assert(clock !== undefined);
      return silence(clock);
    };
    await withCrowd(
      ENGINES,
      (sent) => sent.path === "/tokenize" ? tokenized : oneOf(BEHAVIOURS, random)(sent, late),
      { prefill: 2, serving: 3, size: 6, timeoutMs: 200 },
      async (crowd) => {
        const { doorway } = crowd;
        clock = crowd.clock;
        const ends: Promise<string>[] = [];
        for (let round = 0; round < 60; round++) {
          const coming = Math.floor(random.next() * 8);
          for (let at = 0; at < coming; at++) ends.push(client(crowd, random));
          await settle();
          const [seats, , waiting] = doorway.taken;
          assert(seats <= 2 * 2 + 3 * 3, `${seats} seats`);
          assert(waiting <= 6, `${waiting} wait`);
          for (const { engine, load } of doorway.fleet.snapshot().entries) {
            assert(load !== undefined && load.seats <= load.maxSeats, `${engine.id} has room`);
            assert(load.seats >= 0 && load.kvBytes >= 0, "nothing is given back twice");
            assert(load.kvBytes <= BUFFER.bytes, `${load.kvBytes} bytes are promised`);
          }
          if (round % 9 === 4) doorway.source.remove("d2");
          if (round % 9 === 7) doorway.source.upsert(buffered("d2"));
          await crowd.clock.advance(Math.floor(random.next() * 60));
        }
        // Every wait has its end.
        for (let round = 0; round < 40; round++) await crowd.clock.advance(1_000);
        const ended = await Promise.all(ends);
        assertEquals(doorway.taken, [0, 0, 0]);
        assertEquals(doorway.fleet.inflight, 0);
        const kinds = new Set(ended);
        for (const kind of ["whole", "read", "client-gone", "overloaded", "rate-limited"]) {
          assert(kinds.has(kind), `${kind} is among ${[...kinds]}`);
        }
      },
    );
  });
}

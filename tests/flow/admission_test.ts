import { type Engine, errorCodeOf, type KvBuffer, RouterError } from "../../lib/base/mod.ts";
import type { AdmittedEngine, AdmittedPair } from "../../lib/flow/admission.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { engineOf, seriesOf } from "../support/flow_fakes.ts";
import { Doorway, QUEUE_MS } from "./admission_support.ts";

const BUFFER: KvBuffer = { bytes: 1_000, bytesPerToken: 1, chunkTokens: 100 };
const P1 = engineOf("p1", "prefill", "lmcache");
const P2 = engineOf("p2", "prefill", "lmcache");
const D1 = buffered("d1");
const E1 = engineOf("e1", "any");
const E2 = engineOf("e2", "any");

function buffered(id: string): Engine {
  const engine = engineOf(id, "decode", "lmcache", ["p1"]);
  return engine.nixl === undefined
    ? engine
    : { ...engine, nixl: { ...engine.nixl, buffer: BUFFER } };
}

function takes({ nixl }: Engine): boolean {
  return nixl !== undefined;
}

/** A wish for a pair whose prompt has `tokens`. */
function pairWish(tokens = 0, elsewhere = false): Parameters<Doorway["admission"]["pair"]>[1] {
  return {
    ask: { model: "m", mode: "p1", attempt: 1, takes },
    promptTokens: () => tokens,
    elsewhere: () => elsewhere,
    priority: () => 0,
  };
}

function directWish(engine?: Engine, priority = 0): Parameters<Doorway["admission"]["direct"]>[1] {
  return { ask: { model: "m", attempt: 1 }, engine, priority: () => priority };
}

/** How a wait ended; "" while it has not. */
interface Waiting<T> {
  end: string;
  got: T | undefined;
}

function watched<T>(waiting: T | Promise<T>): Waiting<T> {
  const seen: Waiting<T> = { end: "", got: undefined };
  Promise.resolve(waiting).then((got) => {
    seen.got = got;
    seen.end = "got";
  }, (error: unknown) => {
    seen.end = errorCodeOf(error) ?? String(error);
  });
  return seen;
}

function leave({ got }: Waiting<AdmittedEngine | undefined>): void {
  got?.seat?.release();
}

function release({ got }: Waiting<AdmittedPair>): void {
  assert(got?.kind === "pair");
  got.seats?.[Symbol.dispose]();
}

Deno.test("Admission.direct() keeps a decode engine's last seats for handoffs where a share is all there is", async () => {
  await using doorway = await Doorway.open([P1, D1], { prefill: 4, serving: 4 });
  const fallback = { ...directWish(), share: 0.5 };
  const first = watched(doorway.admission.direct(doorway.context(), fallback));
  const second = watched(doorway.admission.direct(doorway.context(), fallback));
  const third = watched(doorway.admission.direct(doorway.context(), fallback));
  await settle();
  assertEquals([first.end, second.end, third.end], ["got", "got", ""]);
  // Neither handoffs nor what was asked to be served by one engine wait behind it.
  const pair = watched(doorway.admission.pair(doorway.context(), pairWish()));
  const other = watched(doorway.admission.direct(doorway.context(), directWish()));
  await settle();
  assertEquals([pair.end, other.end, third.end], ["got", "got", ""]);
  release(pair);
  leave(other);
  leave(first);
  await settle();
  assertEquals(third.end, "got");
  leave(second);
  leave(third);
});

Deno.test("Admission.direct() gives all seats of engines that take no legs of handoffs", async () => {
  await using doorway = await Doorway.open([E1], { serving: 2 });
  const fallback = { ...directWish(), share: 0.5 };
  const got = [0, 1].map(() => watched(doorway.admission.direct(doorway.context(), fallback)));
  await settle();
  assertEquals(got.map(({ end }) => end), ["got", "got"]);
  got.forEach(leave);
});

Deno.test("Admission.pair() gives seats at once where there is room, without a promise", async () => {
  await using doorway = await Doorway.open([P1, D1]);
  const got = doorway.admission.pair(doorway.context(), pairWish(250));
  assert(!(got instanceof Promise) && got.kind === "pair");
  assertEquals(doorway.taken, [2, 300, 0]);
  got.seats?.[Symbol.dispose]();
  assertEquals(doorway.taken, [0, 0, 0]);
});

Deno.test("Admission.pair() waits for a seat of either side, and takes both or none", async () => {
  await using doorway = await Doorway.open([P1, D1]);
  const first = watched(doorway.admission.pair(doorway.context(), pairWish()));
  await settle();
  const context = doorway.context();
  const second = watched(doorway.admission.pair(context, pairWish()));
  await doorway.clock.advance(500);
  assertEquals([second.end, doorway.taken], ["", [2, 0, 1]]);
  assert(first.got?.kind === "pair");
  first.got.seats?.prefill.release();
  await settle();
  assertEquals([second.end, doorway.taken], ["", [1, 0, 1]]);
  first.got.seats?.decode.release();
  await settle();
  assertEquals([second.end, doorway.taken], ["got", [2, 0, 0]]);
  assertEquals(context.trace.events.map(({ step, atMs }) => [step, atMs]), [
    ["queued", 0],
    ["admitted", 500],
  ]);
  release(second);
});

Deno.test("Admission.pair() waits for place in the decode engine's buffer", async () => {
  await using doorway = await Doorway.open([P1, D1], { prefill: 9, serving: 9 });
  const first = watched(doorway.admission.pair(doorway.context(), pairWish(700)));
  const large = watched(doorway.admission.pair(doorway.context(), pairWish(301)));
  await settle();
  assertEquals([large.end, doorway.taken], ["", [2, 700, 1]]);
  release(first);
  await settle();
  assertEquals([large.end, doorway.taken], ["got", [2, 400, 0]]);
  release(large);
});

Deno.test("Admission.pair() lets no later request pass one that waits for more room", async () => {
  await using doorway = await Doorway.open([P1, D1], { prefill: 9, serving: 9 });
  const first = watched(doorway.admission.pair(doorway.context(), pairWish(700)));
  const large = watched(doorway.admission.pair(doorway.context(), pairWish(900)));
  const small = watched(doorway.admission.pair(doorway.context(), pairWish(1)));
  await settle();
  assertEquals([large.end, small.end, doorway.taken], ["", "", [2, 700, 2]]);
  release(first);
  await settle();
  assertEquals([large.end, small.end], ["got", "got"]);
  release(large);
  release(small);
});

Deno.test("Admission.pair() goes elsewhere at once where all pairs are gone around and full", async () => {
  await using doorway = await Doorway.open([P1, D1]);
  const first = watched(doorway.admission.pair(doorway.context(), pairWish()));
  await settle();
  doorway.fleet.take(P1, "models").failed(new RouterError("upstream-unreachable", "No"));
  const second = await doorway.admission.pair(doorway.context(), pairWish(0, true));
  assertEquals(second, { kind: "shut" });
  const third = watched(doorway.admission.pair(doorway.context(), pairWish()));
  await settle();
  assertEquals(third.end, "");
  release(first);
  await settle();
  assertEquals(third.end, "got");
  release(third);
});

Deno.test("Admission.pair() says that there is no pair, also to one that waits when its last goes", async () => {
  await using doorway = await Doorway.open([P1, D1]);
  const first = watched(doorway.admission.pair(doorway.context(), pairWish()));
  const second = watched(doorway.admission.pair(doorway.context(), pairWish()));
  await settle();
  doorway.source.remove("p1");
  await settle();
  assertEquals(second.got, { kind: "none", lacks: "prefill" });
  release(first);
  assertEquals(doorway.taken, [0, 0, 0]);
});

Deno.test("Admission wakes as many as have room at an engine that comes, and no more", async () => {
  await using doorway = await Doorway.open([P1, buffered("d1")], { prefill: 2, serving: 9 });
  const all = Array.from(
    { length: 6 },
    () => watched(doorway.admission.pair(doorway.context(), pairWish())),
  );
  await settle();
  assertEquals(all.map(({ end }) => end), ["got", "got", "", "", "", ""]);
  doorway.source.upsert(P2);
  await settle();
  assertEquals(all.map(({ end }) => end), ["got", "got", "got", "got", "", ""]);
  for (const one of all.slice(0, 4)) release(one);
  await settle();
  for (const one of all.slice(4)) release(one);
  assertEquals(doorway.taken, [0, 0, 0]);
});

Deno.test("Admission wakes those that wait when an engine is well again", async () => {
  await using doorway = await Doorway.open([E1, E2]);
  doorway.fleet.take(E2, "models").failed(new RouterError("upstream-unreachable", "No"));
  const first = watched(doorway.admission.direct(doorway.context(), directWish()));
  const second = watched(doorway.admission.direct(doorway.context(), directWish()));
  await settle();
  assertEquals([first.got?.engine.id, second.end], ["e1", ""]);
  doorway.fleet.take(E2, "models").ok();
  await settle();
  assertEquals(second.got?.engine.id, "e2");
  for (const one of [first, second]) leave(one);
});

Deno.test("Admission.direct() waits for the engine that the client picked, and for no other", async () => {
  await using doorway = await Doorway.open([E1, E2]);
  const first = watched(doorway.admission.direct(doorway.context(), directWish(E1)));
  const second = watched(doorway.admission.direct(doorway.context(), directWish(E1)));
  const other = watched(doorway.admission.direct(doorway.context(), directWish()));
  await settle();
  assertEquals([first.end, second.end, other.got?.engine.id], ["got", "", "e2"]);
  leave(first);
  await settle();
  assertEquals(second.got?.engine.id, "e1");
  for (const one of [second, other]) leave(one);
  assertEquals(
    await doorway.admission.direct(doorway.context(), {
      ...directWish(),
      ask: { model: "nobody's", attempt: 1 },
    }),
    undefined,
  );
});

Deno.test("Admission.directNow() waits for nothing", async () => {
  await using doorway = await Doorway.open([E1]);
  const got = doorway.admission.directNow(directWish());
  assertEquals([got?.engine.id, doorway.admission.directNow(directWish())], ["e1", undefined]);
  got?.seat?.release();
});

Deno.test("Admission serves keys in turn, and the earlier of a key by priority", async () => {
  await using doorway = await Doorway.open([E1]);
  const order: string[] = [];
  const first = watched(doorway.admission.direct(doorway.context(), directWish()));
  const wait = async (key: string | undefined, priority: number): Promise<void> => {
    const got = await doorway.admission.direct(doorway.context(key), directWish(E1, priority));
    order.push(`${key} ${priority}`);
    // Whoever goes makes room for the next.
    got?.seat?.release();
  };
  const all = Promise.all([
    wait("a", 0),
    wait("a", 5),
    wait("a", -5),
    wait(undefined, 0),
    wait("b", 9),
    wait(undefined, -1),
  ]);
  await settle();
  leave(first);
  await all;
  assertEquals(order, ["a -5", "undefined -1", "b 9", "a 0", "undefined 0", "a 5"]);
});

Deno.test("Admission ends the wait of a client that leaves at once, and gives it nothing", async () => {
  await using doorway = await Doorway.open([E1]);
  const first = watched(doorway.admission.direct(doorway.context(), directWish()));
  const client = new AbortController();
  const gone = watched(
    doorway.admission.direct(doorway.context(undefined, client.signal), directWish()),
  );
  const late = new AbortController();
  const granted = watched(
    doorway.admission.direct(doorway.context(undefined, late.signal), directWish()),
  );
  await settle();
  client.abort();
  await settle();
  assertEquals([gone.end, doorway.taken], ["client-gone", [1, 0, 1]]);
  // It gets its seat, and goes before it has heard of that.
  leave(first);
  late.abort();
  await settle();
  assertEquals([granted.end, doorway.taken], ["client-gone", [0, 0, 0]]);
});

Deno.test("Admission refuses what waits too long, with what is full and when to come again", async () => {
  await using doorway = await Doorway.open([E1], { size: 2 });
  const first = watched(doorway.admission.direct(doorway.context(), directWish()));
  const errors: RouterError[] = [];
  const ask = (key?: string): Promise<unknown> =>
    Promise.resolve(doorway.admission.direct(doorway.context(key), directWish())).catch((error) =>
      errors.push(error)
    );
  const waits = [ask("a"), ask("a"), ask("a")];
  await settle();
  assertEquals(errors.map(({ code }) => code), ["overloaded"]);
  const crowded = ask("b");
  await settle();
  assertEquals(errors.map(({ code }) => code), ["overloaded", "rate-limited"]);
  await doorway.clock.advance(QUEUE_MS);
  await Promise.all([...waits, crowded]);
  assertEquals(errors.map(({ code }) => code).slice(2), ["overloaded", "overloaded"]);
  const [full, share, late] = errors;
  assertMatch(
    full?.message ?? "",
    /^The engines of model 'm' have no room \(--max-inflight\), and 2 /,
  );
  assertMatch(
    share?.message ?? "",
    /, of which key 'a' has had its share\. .*fewer requests at once$/,
  );
  assertMatch(late?.message ?? "", /within 1000 ms \(--queue-timeout\)\. Please try again in 1s$/);
  for (const { fields } of errors) assertEquals(fields, [["retry-after", "1"]]);
  assertEquals(await seriesOf(doorway.metrics, "pd_router_queue_refusals_total"), {
    "reason=full": 1,
    "reason=share": 1,
    "reason=timeout": 2,
  });
  leave(first);
});

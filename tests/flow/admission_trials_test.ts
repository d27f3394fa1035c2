import { type Engine, RouterError } from "../../lib/base/mod.ts";
import type { AdmittedEngine } from "../../lib/flow/admission.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { Doorway } from "./admission_support.ts";

const P1 = engineOf("p1", "prefill", "lmcache");
const BARE = engineOf("d1", "decode", "lmcache", ["p1"]);
const D1 = {
  ...BARE,
  ...(BARE.nixl === undefined ? {} : {
    nixl: { ...BARE.nixl, buffer: { bytes: 1_000, bytesPerToken: 1, chunkTokens: 100 } },
  }),
};
const E1 = engineOf("e1", "any");
const E2 = engineOf("e2", "any");

function takes({ nixl }: Engine): boolean {
  return nixl !== undefined;
}

/** Longer than the first pause of anything. */
const PAUSE_MS = 130;

type DirectWish = Parameters<Doorway["admission"]["direct"]>[1];
type PairWish = Parameters<Doorway["admission"]["pair"]>[1];

function directWish(more: Partial<DirectWish["ask"]> = {}): DirectWish {
  return { ask: { model: "m", attempt: 1, ...more }, priority: () => 0 };
}

function pairWish(tokens: number, more: Partial<PairWish> = {}): PairWish {
  return {
    ask: { model: "m", mode: "p1", attempt: 1, takes },
    promptTokens: () => tokens,
    elsewhere: () => false,
    priority: () => 0,
    ...more,
  };
}

/** Engines in the order in which they were got. */
function asking(doorway: Doorway, count: number): AdmittedEngine[] {
  const got: AdmittedEngine[] = [];
  for (let index = 0; index < count; index++) {
    Promise.resolve(doorway.admission.direct(doorway.context(), directWish()))
      .then((found) => found && got.push(found));
  }
  return got;
}

/** Have the only pair shut. */
function failPair({ fleet }: Doorway): void {
  for (let time = 0; time < 2; time++) {
    fleet.take(D1, "decode", P1).failed(new RouterError("kv-timeout", "It did not come"));
  }
}

Deno.test("Admission has one of those that wait try an engine on probation, the others when that is answered", async () => {
  await using doorway = await Doorway.open([E1, E2], { serving: 3 });
  const { fleet, clock } = doorway;
  for (let time = 0; time < 3; time++) {
    fleet.take(E2, "direct").failed(new RouterError("upstream-lost", "It is gone"));
  }
  const first = asking(doorway, 3);
  await settle();
  assertEquals(first.map(({ engine }) => engine.id), ["e1", "e1", "e1"]);
  const later = asking(doorway, 3);
  await clock.advance(PAUSE_MS);
  assertEquals([later.map(({ engine }) => engine.id), doorway.taken], [["e2"], [4, 0, 2]]);
  const flight = fleet.take(E2, "direct", undefined, later[0]?.seat);
  await settle();
  assertEquals(later.length, 1);
  flight.head(200);
  await settle();
  assertEquals([later.map(({ engine }) => engine.id), doorway.taken], [
    ["e2", "e2", "e2"],
    [6, 0, 0],
  ]);
  flight.ok();
  for (const { seat } of [...first, ...later]) seat?.release();
  assertEquals(doorway.taken, [0, 0, 0]);
});

Deno.test("Admission keeps nobody from a pair on probation for one that waits or is refused", async () => {
  const bounds = { prefill: 9, serving: 9, size: 1 };
  await using doorway = await Doorway.open([P1, D1], bounds);
  const { admission, fleet, clock } = doorway;
  const first = admission.pair(doorway.context(), pairWish(700));
  assert(!(first instanceof Promise) && first.kind === "pair");
  failPair(doorway);
  await clock.advance(PAUSE_MS);
  const kinds = (): readonly string[] => fleet.doubtedPairs().map(({ verdict: { kind } }) => kind);
  const large = Promise.resolve(admission.pair(doorway.context(), pairWish(900)));
  await settle();
  assertEquals([kinds(), doorway.taken], [["probation"], [2, 700, 1]]);
  // There would be room for it, but for the one before it.
  const refused = await assertRejects(
    () => Promise.resolve(admission.pair(doorway.context(), pairWish(1))),
    RouterError,
  );
  assertEquals([refused.code, kinds(), doorway.taken], [
    "overloaded",
    ["probation"],
    [2, 700, 1],
  ]);
  first.seats?.[Symbol.dispose]();
  const got = await large;
  assert(got.kind === "pair" && got.trial === true);
  assertEquals([kinds(), doorway.taken], [["shut"], [2, 900, 0]]);
  got.seats?.[Symbol.dispose]();
});

Deno.test("Admission takes nothing of a pair that is declined, and has no request try it", async () => {
  await using doorway = await Doorway.open([P1, D1]);
  failPair(doorway);
  await doorway.clock.advance(PAUSE_MS);
  const asked: string[] = [];
  const declines: PairWish["declines"] = ({ prefill, decode }) => {
    asked.push(`${prefill.id} ${decode.id}`);
    return true;
  };
  const got = await doorway.admission.pair(doorway.context(), pairWish(100, { declines }));
  assertEquals([got.kind, asked, doorway.taken], ["shut", ["p1 d1"], [0, 0, 0]]);
  assertEquals(doorway.fleet.doubtedPairs().map(({ verdict: { kind } }) => kind), ["probation"]);
});

Deno.test("Admission asks whether a pair is declined when it has room, and not before", async () => {
  await using doorway = await Doorway.open([P1, D1]);
  const first = await doorway.admission.pair(doorway.context(), pairWish(0));
  let asked = 0;
  const declines = (): boolean => ++asked > 1;
  const second = Promise.resolve(
    doorway.admission.pair(doorway.context(), pairWish(0, { declines })),
  );
  await settle();
  assertEquals([asked, doorway.taken], [0, [2, 0, 1]]);
  assert(first.kind === "pair");
  first.seats?.[Symbol.dispose]();
  const got = await second;
  assert(got.kind === "pair");
  assertEquals([asked, doorway.taken], [1, [2, 0, 0]]);
  got.seats?.[Symbol.dispose]();
});

Deno.test("Admission.direct() has nobody wait behind one that goes around other engines", async () => {
  await using doorway = await Doorway.open([E1, E2]);
  const held = await doorway.admission.direct(
    doorway.context(),
    directWish({ exclude: [{ id: "e2", why: "failed" }] }),
  );
  assertEquals(held?.engine.id, "e1");
  const around = Promise.resolve(doorway.admission.direct(
    doorway.context(),
    directWish({ exclude: [{ id: "e2", why: "failed" }] }),
  ));
  await settle();
  const free = await doorway.admission.direct(doorway.context(), directWish());
  assertEquals([free?.engine.id, doorway.admission.waiting], ["e2", 1]);
  held?.seat?.release();
  const got = await around;
  assertEquals(got?.engine.id, "e1");
  for (const one of [free, got]) one?.seat?.release();
  assertEquals(doorway.taken, [0, 0, 0]);
});

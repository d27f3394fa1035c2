import type { Engine, ErrorCode } from "../../lib/base/mod.ts";
import {
  type Candidate,
  type Exclude,
  GOOD,
  idleCandidate,
  type PairAsk,
  type Policies,
  UNEQUAL,
  type Verdict,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  candidate,
  choiceOf,
  counted,
  directOf,
  engine,
  named,
  pairOf,
  SHUT,
  turns,
} from "./support.ts";

const FLEET = [
  candidate("d0", "decode"),
  candidate("d1", "decode"),
  candidate("p0", "prefill"),
  candidate("p1", "prefill"),
  candidate("p2", "prefill"),
];

const [D0, , P0] = FLEET;

/** `FLEET` without the engines of `ids`. */
function fleetWithout(...ids: readonly string[]): readonly Candidate[] {
  return FLEET.filter(({ engine }) => !ids.includes(engine.id));
}

/** `fleet` where engines have other verdicts, by id. */
function judged(
  verdicts: Readonly<Record<string, Verdict>>,
  fleet: readonly Candidate[] = FLEET,
): readonly Candidate[] {
  return fleet.map((one) => ({ ...one, verdict: verdicts[one.engine.id] ?? one.verdict }));
}

/** The engines of `ids`, which failed. */
function failed(...ids: readonly string[]): readonly Exclude[] {
  return ids.map((id) => ({ id, why: "failed" }));
}

/** A wish after an attempt that failed. */
function after(exclude: readonly Exclude[], ask: Partial<PairAsk> = {}): Partial<PairAsk> {
  return { attempt: 2, exclude, ...ask };
}

/** Pairs that are shut, each as `named()` gives it. */
function shutPairs(...pairs: readonly string[]): Partial<PairAsk> {
  return {
    pairVerdict: (prefill, decode) => pairs.includes(named({ prefill, decode })) ? SHUT : GOOD,
  };
}

/** The ids that `count` choices of a pair meet. */
function met(
  fleet: readonly Candidate[],
  ask: Partial<PairAsk> = {},
  count = 12,
): readonly string[] {
  const policies = turns();
  const pairs = Array.from({ length: count }, () => pairOf(fleet, policies, ask));
  return [...new Set(pairs.flatMap(({ prefill, decode }) => [prefill.id, decode.id]))].sort();
}

Deno.test("choosePair() takes a turn among prefill and among decode engines, independently", () => {
  const policies = turns();
  const pairs = Array.from({ length: 6 }, () => named(pairOf(FLEET, policies)));
  assertEquals(pairs, ["p0 d0", "p1 d1", "p2 d0", "p0 d1", "p1 d0", "p2 d1"]);
});

Deno.test("choosePair() leaves the turns as they are when a request is tried again", () => {
  const policies = turns();
  const fleet = fleetWithout("p2");
  const seen: string[] = [];
  for (let request = 0; request < 40; request++) {
    let pair = pairOf(fleet, policies);
    if (pair.prefill.id === "p1") { // It is down.
      seen.push("down");
      pair = pairOf(fleet, policies, after(failed("p1"), { tried: pair }));
    }
    seen.push(pair.prefill.id, pair.decode.id);
  }
  assertEquals(counted(seen), { p0: 40, d0: 20, down: 20, d1: 20 });
});

Deno.test("chooseDirect() leaves the turns as they are when a request is tried again", () => {
  const policies = turns();
  const fleet = [candidate("a"), candidate("b")];
  let down = 0;
  for (let request = 0; request < 40; request++) {
    if (directOf(fleet, policies)?.id !== "b") continue;
    down++;
    assertEquals(directOf(fleet, policies, after(failed("b")))?.id, "a");
  }
  assertEquals(down, 20);
});

Deno.test("choosePair() goes around engines that are shut while there are others", () => {
  const shut = (...ids: readonly string[]): readonly Candidate[] =>
    judged(Object.fromEntries(ids.map((id) => [id, SHUT])));
  assertEquals(met(shut("d0", "p1")), ["d1", "p0", "p2"]);
  assertEquals(met(shut("d0", "d1")), ["d0", "d1", "p0", "p1", "p2"]);
  assertEquals(
    met(shut("d1"), after(failed("d0"))),
    ["d1", "p0"],
    "better shut than just failed",
  );
  assertEquals(directOf(shut("d0"))?.id, "d1");
  assertEquals(directOf(shut("d0"), turns(), after(failed("d1")))?.id, "d0");
});

Deno.test("choosePair() and chooseDirect() use an engine on probation as one that is good", () => {
  const tried = judged({ d0: { kind: "probation" }, p1: { kind: "probation" } });
  assertEquals(met(tried), ["d0", "d1", "p0", "p1", "p2"]);
  assertEquals(met(judged({ d0: { kind: "probation" }, d1: SHUT })), ["d0", "p0", "p1", "p2"]);
  const policies = turns();
  assertEquals([directOf(tried, policies)?.id, directOf(tried, policies)?.id], ["d0", "d1"]);
});

Deno.test("choosePair() and chooseDirect() never use an engine that is leaving", () => {
  const leaving: Verdict = { kind: "leaving" };
  assertEquals(met(judged({ d0: leaving, p0: leaving, p2: leaving })), ["d1", "p1"]);
  assertEquals(met(judged({ d0: leaving, d1: SHUT, p0: leaving, p1: SHUT, p2: SHUT })), [
    "d1",
    "p1",
    "p2",
  ], "better shut than leaving");
  const rest = after(failed("d1", "p0"));
  assertEquals(met(judged({ d0: leaving, p1: leaving, p2: leaving }), rest), ["d1", "p0"]);
  const tried = { prefill: engine("p0", "prefill"), decode: engine("d0", "decode") };
  assertEquals(
    named(pairOf(judged({ d0: leaving, p0: leaving }), turns(), { attempt: 2, tried })),
    "p1 d1",
    "not even when it was tried before",
  );
  assertEquals(choiceOf(judged({ d0: leaving, d1: leaving })), { kind: "none", lacks: "receiver" });
  assertEquals(choiceOf(judged({ p0: leaving, p1: leaving, p2: leaving })), {
    kind: "none",
    lacks: "prefill",
  });
  assertEquals(directOf(judged({ d0: leaving }))?.id, "d1");
  assertEquals(directOf(judged({ d0: leaving, d1: leaving })), undefined);
});

Deno.test("choosePair() and chooseDirect() never use an engine that is spoilt", () => {
  const spoilt = (...ids: readonly string[]): Partial<PairAsk> =>
    after([...failed(...ids), ...ids.map((id): Exclude => ({ id, why: "spoilt" }))]);
  assertEquals(met(FLEET, spoilt("d0")), ["d1", "p0"]);
  assertEquals(met(judged({ d1: SHUT }), spoilt("d0")), ["d1", "p0"], "better shut than spoilt");
  assertEquals(choiceOf(FLEET, turns(), spoilt("d0", "d1")), { kind: "none", lacks: "receiver" });
  assertEquals(choiceOf(FLEET, turns(), spoilt("p0", "p1", "p2")), {
    kind: "none",
    lacks: "prefill",
  });
  assertEquals(directOf(FLEET, turns(), spoilt("d0"))?.id, "d1");
  assertEquals(directOf(FLEET, turns(), spoilt("d0", "d1")), undefined);
  const both = after([{ id: "d0", why: "spoilt" }, ...failed("d0", "d1")]);
  assertEquals(met(FLEET, both), ["d1", "p0"], "in whatever order it is told");
});

const { nixl: _nixl, ...cannotReceive } = engine("d0", "decode");

const NONE: readonly (readonly [
  name: string,
  engines: readonly Engine[],
  lacks: "prefill" | "receiver",
])[] = [
  ["no engines", [], "receiver"],
  ["prefill engines alone", [engine("p", "prefill")], "receiver"],
  ["a decode engine that cannot receive", [cannotReceive, engine("p", "prefill")], "receiver"],
  ["decode engines alone", [engine("d", "decode")], "prefill"],
  ["no prefill engine of the model", [
    engine("d", "decode"),
    engine("p", "prefill", ["n"]),
  ], "prefill"],
  ["no decode engine of the model", [
    engine("d", "decode", ["n"]),
    engine("p", "prefill"),
  ], "receiver"],
  ["no partner of the same protocol", [
    engine("d", "decode", ["m"], "lmcache"),
    engine("p", "prefill", ["m"], "nixl"),
  ], "prefill"],
];

for (const [name, engines, lacks] of NONE) {
  Deno.test(`choosePair() says what is lacking with ${name}`, () => {
    assertEquals(choiceOf(engines.map(idleCandidate)), { kind: "none", lacks });
  });
}

Deno.test("choosePair() takes decode engines that can receive alone, even where they are excluded", () => {
  const alone = after(failed("d1"), { takes: ({ id }) => id === "d1" });
  assertEquals(
    Array.from({ length: 2 }, () => pairOf(FLEET, turns(), alone).decode.id),
    ["d1", "d1"],
  );
});

Deno.test("choosePair() goes around excluded engines, on each side alone, whyever they are", () => {
  for (const why of ["failed", "tainted"] as const) {
    const exclude = ["p0", "p1", "d0"].map((id): Exclude => ({ id, why }));
    assertEquals(named(pairOf(FLEET, turns(), after(exclude))), "p2 d1");
  }
});

Deno.test("choosePair() takes an excluded engine when there is no other", () => {
  const ask = after(failed("p0", "p1", "p2", "d1"));
  assertEquals(named(pairOf(FLEET, turns(), ask)), "p0 d0");
});

Deno.test("choosePair() keeps the engines of the attempt before that are not excluded", () => {
  const tried = { prefill: engine("p2", "prefill"), decode: engine("d1", "decode") };
  const again = (exclude: readonly Exclude[], fleet: readonly Candidate[] = FLEET): string =>
    named(pairOf(fleet, turns(), after(exclude, { tried })));
  assertEquals(again([]), "p2 d1");
  assertEquals(again(failed("p2")), "p0 d1");
  assertEquals(again(failed("d1")), "p2 d0");
  assertEquals(again(failed("p2", "d1")), "p0 d0");
  assertEquals(again([], judged({ p2: SHUT, d1: SHUT })), "p0 d0", "others are better");
  assertEquals(again([], fleetWithout("p2", "d1")), "p0 d0", "they have gone");
  const all = failed("p0", "p1", "p2");
  assertEquals(again(all), "p0 d0", "with nobody to hand over to it, it is as good as any");
});

Deno.test("chooseDirect() never takes a prefill engine, even when there is no other", () => {
  const policies = turns();
  const picks = Array.from({ length: 4 }, () => directOf(FLEET, policies)?.id);
  assertEquals(picks, ["d0", "d1", "d0", "d1"]);
  assertEquals(directOf(fleetWithout("d0", "d1")), undefined);
  assertEquals(directOf(FLEET, turns(), after(failed("d0", "d1")))?.id, "d0");
});

Deno.test("chooseDirect() and choosePair() tell their policies what they may depend on", () => {
  const asks: string[] = [];
  const spy = (name: string): Policies["direct"] => ({
    pick(from, { model, session, mode, attempt, universe, peer }) {
      const other = peer === undefined
        ? ""
        : ` beside ${peer.candidate.engine.id} of ${peer.among}`;
      const ids = from.map(({ engine: { id } }) => id).join();
      asks.push(`${name} ${model} ${session} ${mode} ${attempt} ${universe.length} ${ids}${other}`);
      return from[0];
    },
  });
  const spied = { prefill: spy("prefill"), decode: spy("decode"), direct: spy("direct") };
  choiceOf(FLEET, spied, { session: "s", mode: "d1" });
  directOf(FLEET, spied, { session: "t", attempt: 2 });
  assertEquals(asks, [
    "decode m s d1 1 5 d0,d1",
    "prefill m s d1 1 5 p0,p1,p2 beside d0 of 2",
    "direct m t undefined 2 5 d0,d1",
  ]);
});

Deno.test("choosePair() goes around a shut pair: to another prefill engine first", () => {
  const policies = turns();
  const ask = shutPairs("p0 d0");
  const pairs = Array.from({ length: 40 }, () => pairOf(FLEET, policies, ask));
  const seen = counted(pairs.map(named));
  assertEquals(Object.keys(seen).sort(), ["p0 d1", "p1 d0", "p1 d1", "p2 d0", "p2 d1"]);
  assertEquals(counted(pairs.map(({ decode }) => decode.id)), { d0: 20, d1: 20 });
});

Deno.test("choosePair() goes to another decode engine when all pairs of one are shut", () => {
  const ask = shutPairs("p0 d0", "p1 d0", "p2 d0");
  assertEquals(met(FLEET, ask), ["d1", "p0", "p1", "p2"]);
  const tried = { prefill: engine("p0", "prefill"), decode: engine("d0", "decode") };
  assertEquals(named(pairOf(FLEET, turns(), { ...ask, attempt: 2, tried })), "p0 d1");
});

Deno.test("choosePair() uses shut pairs when all are shut", () => {
  const ask = { pairVerdict: () => SHUT };
  assertEquals(met(FLEET, ask), ["d0", "d1", "p0", "p1", "p2"]);
  const only = [candidate("d", "decode"), candidate("p", "prefill")];
  assertEquals(named(pairOf(only, turns(), ask)), "p d");
});

Deno.test("choosePair() takes one turn of the decode engines, though it goes around some", () => {
  const fleet = [...FLEET, candidate("d2", "decode")];
  for (const shut of ["d0", "d1", "d2"]) {
    const policies = turns();
    const ask = shutPairs(...["p0", "p1", "p2"].map((id) => `${id} ${shut}`));
    const ids = Array.from({ length: 60 }, () => pairOf(fleet, policies, ask).decode.id);
    const open = ["d0", "d1", "d2"].filter((id) => id !== shut);
    assertEquals(open.map((id) => counted(ids)[id]), [30, 30], `${shut} is gone around`);
  }
});

Deno.test("choosePair() uses a shut pair rather than an engine that failed at the request", () => {
  const fleet = fleetWithout("p2");
  const tried = { prefill: engine("p0", "prefill"), decode: engine("d0", "decode") };
  const exclude: readonly Exclude[] = [...failed("p0"), { id: "d0", why: "tainted" }];
  const ask = after(exclude, { tried, ...shutPairs("p1 d1") });
  assertEquals(named(pairOf(fleet, turns(), ask)), "p1 d1");
});

Deno.test("choosePair() uses pairs on probation as open ones", () => {
  assertEquals(met(FLEET, { pairVerdict: () => ({ kind: "probation" }) }), [
    "d0",
    "d1",
    "p0",
    "p1",
    "p2",
  ]);
});

Deno.test("choosePair() says why a pair is to be gone around where there is none better", () => {
  const whyOf = (
    verdicts: Readonly<Record<string, Verdict>>,
    pairVerdict: PairAsk["pairVerdict"] = () => ({ kind: "good" }),
  ): readonly unknown[] => {
    const fleet = [candidate("d", "decode"), candidate("p", "prefill")].map((one) => ({
      ...one,
      verdict: verdicts[one.engine.id] ?? one.verdict,
    }));
    const choice = choiceOf(fleet, turns(), { pairVerdict });
    assert(choice.kind === "pair");
    return [choice.shut, choice.trial];
  };
  const shut = (why: ErrorCode): Verdict => ({ kind: "shut", why, untilMs: 1 });
  const probation = (): Verdict => ({ kind: "probation" });
  assertEquals(whyOf({}), [undefined, undefined]);
  assertEquals(whyOf({ d: shut("upstream-lost") }), ["upstream-lost", undefined]);
  assertEquals(whyOf({ p: shut("upstream-timeout") }), ["upstream-timeout", undefined]);
  assertEquals(whyOf({}, () => shut("kv-timeout")), ["kv-timeout", undefined]);
  assertEquals(whyOf({ d: probation(), p: probation() }), [undefined, undefined]);
  assertEquals(whyOf({}, probation), [undefined, true], "this request tries the pair");
  assertEquals(whyOf({ p: SHUT }, probation), ["upstream-unreachable", undefined]);
});

Deno.test("choosePair() and chooseDirect() use an engine that fails rather than one that is silent", () => {
  const fails: Verdict = { kind: "shut", why: "upstream-lost", untilMs: 1 };
  assertEquals(met(judged({ d0: SHUT, d1: fails, p0: SHUT, p1: SHUT, p2: fails })), ["d1", "p2"]);
  assertEquals(directOf(judged({ d0: SHUT, d1: fails }))?.id, "d1");
  assertEquals(
    directOf(judged({ d0: SHUT, d1: fails }), turns(), after(failed("d1")))?.id,
    "d0",
    "better silent than just failed",
  );
});

const MIXED = [
  candidate("d0", "decode", "lmcache"),
  candidate("d1", "decode", "nixl"),
  candidate("p0", "prefill", "lmcache"),
  candidate("p1", "prefill", "nixl"),
];

Deno.test("choosePair() pairs engines of one protocol", () => {
  const policies = turns();
  const pairs = Array.from({ length: 4 }, () => named(pairOf(MIXED, policies)));
  assertEquals(pairs, ["p0 d0", "p1 d1", "p0 d0", "p1 d1"]);
  const alone = MIXED.filter(({ engine: { id } }) => id !== "p0");
  assertEquals(met(alone), ["d1", "p1"], "better with a partner than without");
});

Deno.test("choosePair() goes to another protocol rather than to a prefill engine it goes around", () => {
  const leaving: Verdict = { kind: "leaving" };
  for (const verdict of [SHUT, leaving]) {
    assertEquals(met(judged({ p0: verdict }, MIXED)), ["d1", "p1"], verdict.kind);
  }
  const tried = { prefill: engine("p0", "prefill"), decode: engine("d0", "decode") };
  assertEquals(met(MIXED, after(failed("p0"), { tried })), ["d1", "p1"]);
  assertEquals(met(MIXED, after([{ id: "p0", why: "spoilt" }])), ["d1", "p1"]);
  assertEquals(met(judged({ d1: SHUT }, MIXED), after(failed("p0"))), ["d1", "p1"]);
  assertEquals(met(judged({ p0: SHUT, p1: SHUT }, MIXED)), ["d0", "d1", "p0", "p1"]);
  const bothShut = judged({ d0: SHUT, p0: SHUT }, MIXED);
  assertEquals(met(bothShut), ["d1", "p1"]);
  assertEquals(met(bothShut, after(failed("p1"))), ["d0", "p0"], "better shut than just failed");
  assertEquals(met(MIXED, shutPairs("p0 d0")), ["d1", "p1"]);
});

Deno.test("choosePair() and chooseDirect() leave candidates and wishes as they are", () => {
  const fleet = judged({ d0: SHUT, p1: SHUT });
  for (const one of fleet) Object.freeze(one);
  assert(D0 !== undefined && P0 !== undefined);
  const tried = { prefill: P0.engine, decode: D0.engine };
  const ask = Object.freeze(after(Object.freeze(failed("p0")), { tried }));
  const policies = turns();
  for (let round = 0; round < 3; round++) {
    assertEquals(named(pairOf(Object.freeze(fleet), policies, ask)), "p2 d1");
    assertEquals(directOf(fleet, policies, ask)?.id, "d1");
  }
});

Deno.test("choosePair() rather takes a pair that is shut for a while than one that differs", () => {
  const fleet = ["d0", "d1"].map((id) => candidate(id, "decode"))
    .concat(["p0", "p1"].map((id) => candidate(id, "prefill")));
  const policies = turns();
  for (let turn = 0; turn < 8; turn++) {
    const choice = choiceOf(fleet, policies, {
      pairVerdict: (prefill, decode) => prefill.id === "p1" && decode.id === "d1" ? SHUT : UNEQUAL,
    });
    assert(choice.kind === "pair");
    assertEquals([named(choice.pair), choice.shut], ["p1 d1", "upstream-unreachable"]);
  }
  const none = choiceOf(fleet, policies, { pairVerdict: () => UNEQUAL });
  assertEquals(none.kind === "pair" && none.shut, "pair-unequal");
});

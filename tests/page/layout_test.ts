import {
  breadth,
  densityOf,
  drawn,
  flowsOf,
  heightOf,
  middles,
  MOST_FLOWS,
  sides,
  SIZES,
} from "../../lib/page/assets/layout.js";
import { pairKey } from "../../lib/page/assets/state.js";
import { assert, assertEquals } from "../support/assert.ts";
import { engine, pair } from "./support.ts";

Deno.test("sides() puts engines on theirs, in the order of their numbers", () => {
  const found = sides([
    engine("10.0.0.10:8000"),
    engine("10.0.0.9:8000"),
    engine("p", { role: "prefill" }),
    engine("x", { role: "any" }),
  ]);
  assertEquals(found.decode.map(({ id }) => id), ["10.0.0.9:8000", "10.0.0.10:8000"]);
  assertEquals([found.prefill.length, found.any.length], [1, 1]);
});

Deno.test("drawn() leaves out the idle first, never what needs a look", () => {
  const side = Array.from({ length: 500 }, (_, at) => engine(`e${at}`, { inflight: at % 50 }));
  side[123] = engine("e123", { verdict: "shut", why: "upstream-lost" });
  side[7] = engine("e7", { verdict: "probation", why: "upstream-lost" });
  const chosen = drawn(side, 60);
  assertEquals(chosen.length, 60);
  assert(chosen.some(({ id }) => id === "e123") && chosen.some(({ id }) => id === "e7"));
  assert(chosen.every(({ inflight, id }) => inflight >= 43 || id === "e123" || id === "e7"));
  assertEquals(drawn(side.slice(0, 60), 60).length, 60);
});

Deno.test("middles() stand a side in the middle of the longer one", () => {
  const { height, gap } = SIZES.roomy;
  const whole = heightOf(3, "roomy");
  assertEquals(whole, 3 * height + 2 * gap);
  const long = middles([engine("a"), engine("b"), engine("c")], "roomy", whole);
  const short = middles([engine("x")], "roomy", whole);
  assertEquals(short.get("x"), long.get("b"));
  assertEquals(long.get("a"), height / 2);
  assertEquals([heightOf(0, "roomy"), densityOf(5), densityOf(12), densityOf(13)], [
    0,
    "roomy",
    "snug",
    "dense",
  ]);
});

Deno.test("breadth() grows with what is under way and with the rate, to a bound", () => {
  const idle = breadth(0, 0, 1);
  const [one, four, many] = [1, 4, 10_000].map((busy) => breadth(busy, 0, 1));
  assert(idle < (one ?? 0) && (one ?? 0) < (four ?? 0) && (four ?? 0) < (many ?? 0));
  assert(breadth(0, 5, 1) > idle);
  assertEquals(breadth(10_000, 10_000, 1), many);
});

Deno.test("flowsOf() lays flows of an engine side by side, in the order of their other ends", () => {
  const drawing = {
    rates: new Map<string, number>(),
    prefills: new Map([["p1", 50], ["p2", 150]]),
    decodes: new Map([["d1", 50], ["d2", 150]]),
    width: 300,
    density: "roomy" as const,
  };
  const pairs = [
    pair("p1", "d2", { under_way: { stream: 2 } }),
    pair("p1", "d1", { under_way: { stream: 2 } }),
    pair("p2", "d1"),
    pair("elsewhere", "d1"),
  ];
  const flows = flowsOf(pairs, drawing);
  assertEquals(flows.length, 3);
  const startOf = (prefill: string, decode: string): number => {
    const flow = flows.find(({ key }) => key === pairKey({ prefill, decode }));
    return Number(/^M0 ([\d.]+)C/.exec(flow?.path ?? "")?.[1]);
  };
  assert(startOf("p1", "d1") < 50 && startOf("p1", "d2") > 50);
  assertEquals(startOf("p2", "d1"), 150);
});

Deno.test("flowsOf() squeezes flows into their engine's height, and draws a bounded number", () => {
  const decodes = new Map(Array.from({ length: 60 }, (_, at) => [`d${at}`, at * 38]));
  const prefills = new Map(Array.from({ length: 60 }, (_, at) => [`p${at}`, at * 38]));
  const pairs = [...prefills.keys()].flatMap((from) =>
    [...decodes.keys()].map((to) => pair(from, to, { under_way: { stream: 9 } }))
  );
  pairs[3_000] = pair("p50", "d0", { verdict: "shut", why: "kv-timeout" });
  const flows = flowsOf(pairs, {
    rates: new Map(),
    prefills,
    decodes,
    width: 200,
    density: "dense",
  });
  assertEquals(flows.length, MOST_FLOWS);
  assertEquals(flows[0]?.standing.label, "shut");
  for (const { path, pair: { prefill } } of flows) {
    const start = Number(/^M0 (-?[\d.]+)C/.exec(path)?.[1]);
    const middle = prefills.get(prefill) ?? NaN;
    assert(Math.abs(start - middle) <= SIZES.dense.height / 2, `${start} of ${middle}`);
  }
});

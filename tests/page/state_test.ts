import {
  busy,
  FleetState,
  GONE_FOR,
  MAX_RATES,
  MAX_RECENT,
  pairKey,
} from "../../lib/page/assets/state.js";
import { assert, assertEquals } from "../support/assert.ts";
import { engine, fleet, pair, request, ROUTER } from "./support.ts";

const HELLO = { version: "1.2.3", started: 5, interval: 1, kv: "lmcache" };

Deno.test("FleetState takes what differs, and all anew with a full event", () => {
  const state = new FleetState();
  state.take("hello", HELLO);
  state.take("fleet", fleet(10, { full: true, engines: [engine("a"), engine("b")] }));
  state.take("fleet", fleet(11, { engines: [engine("a", { inflight: 3 })], gone: ["b"] }));
  assertEquals([...state.engines.values()].map(({ id, inflight }) => [id, inflight]), [["a", 3]]);
  assertEquals(state.hello?.version, "1.2.3");
  state.take("fleet", fleet(12, { full: true, engines: [engine("c")] }));
  assertEquals([...state.engines.keys()], ["c"]);
});

Deno.test("FleetState shows an engine that has gone for a while, unless it comes back", () => {
  const state = new FleetState();
  state.take("fleet", fleet(10, { full: true, engines: [engine("a"), engine("b")] }));
  state.take("fleet", fleet(11, { gone: ["a", "b"] }));
  assertEquals([...state.gone].map(([id, { engine }]) => [id, engine.state]), [
    ["a", "gone"],
    ["b", "gone"],
  ]);
  state.take("fleet", fleet(12, { engines: [engine("a")] }));
  assertEquals([...state.gone.keys()], ["b"]);
  state.take("fleet", fleet(11 + GONE_FOR + 1));
  assertEquals([...state.gone.keys()], []);
});

Deno.test("FleetState makes rates of what pairs have counted, and forgets pairs that went", () => {
  const state = new FleetState();
  const key = pairKey({ prefill: "p", decode: "d" });
  state.take("fleet", fleet(10, { full: true, pairs: [pair("p", "d", { ok: 100 })] }));
  assertEquals(state.flows.get(key) ?? 0, 0);
  state.take("fleet", fleet(12, { pairs: [pair("p", "d", { ok: 120, failed: 2 })] }));
  const first = state.flows.get(key) ?? 0;
  assert(first > 0 && first <= 11, `${first}`);
  for (let now = 13; now < 60; now++) state.take("fleet", fleet(now));
  assertEquals(state.flows.get(key), 0);
  state.take("fleet", fleet(61, { gone_pairs: [["p", "d"]] }));
  assertEquals([state.flows.size, state.pairs.size], [0, 0]);
});

Deno.test("FleetState keeps no more rates and requests than it shows, the latest first and each once", () => {
  const state = new FleetState();
  const all = Array.from({ length: 200 }, (_, seq) => request(seq + 1));
  state.take("requests", { ended: all.slice(0, 100), untold: 0 });
  state.add(all.slice(50).toReversed());
  assertEquals(state.recent.length, MAX_RECENT);
  assertEquals(state.recent.map(({ seq }) => seq).slice(0, 3), [200, 199, 198]);
  assertEquals(new Set(state.recent.map(({ seq }) => seq)).size, MAX_RECENT);
  for (let now = 1; now < 400; now++) {
    state.take("fleet", fleet(now, { router: { ...ROUTER, rate: now } }));
  }
  assertEquals([state.rates.length, state.rates.at(-1)], [MAX_RATES, 399]);
});

Deno.test("FleetState begins anew with another life of the router", () => {
  const state = new FleetState();
  state.take("hello", HELLO);
  state.take("fleet", fleet(10, { full: true, engines: [engine("a")] }));
  state.take("fleet", fleet(11, { gone: ["a"] }));
  state.take("hello", HELLO);
  assertEquals([state.gone.size, state.rates.length], [1, 1]);
  state.take("hello", { ...HELLO, started: 6 });
  assertEquals([state.gone.size, state.rates.length], [0, 0]);
});

Deno.test("FleetState passes over what is no event, and busy() counts what is under way", () => {
  const state = new FleetState();
  for (const data of [undefined, null, 3, "x"]) state.take("fleet", data);
  state.take("unknown", {});
  assertEquals(state.router, undefined);
  assertEquals(busy(pair("p", "d", { under_way: { prefill: 2, stream: 3 } })), 5);
});

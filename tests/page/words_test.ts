import {
  engineStanding,
  pairStanding,
  requestStanding,
  wayText,
  whyText,
} from "../../lib/page/assets/words.js";
import { concerns, drainWarning, pairsOf } from "../../lib/page/assets/attention.js";
import { FleetState } from "../../lib/page/assets/state.js";
import { ENGINE_STATES } from "../../lib/admin/engine_view.ts";
import { OUTCOMES } from "../../lib/admin/requests.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { engine, fleet, pair, request, ROUTER } from "./support.ts";

Deno.test("engineStanding() has a tone, a shape and words for every state there is", () => {
  const seen = ENGINE_STATES.map((state) => engineStanding(engine("a", { state })));
  for (const { icon, label, tone } of seen) {
    assert(icon !== "" && label !== "" && ["good", "warn", "bad", "idle"].includes(tone));
  }
  // Whoever sees no colors tells them apart by their shapes or words.
  assertEquals(new Set(seen.map(({ label }) => label)).size, ENGINE_STATES.length);
  assertEquals(engineStanding(engine("a", { state: "other" })).label, "other");
});

Deno.test("engineStanding() tells what speaks against an engine before what it is doing", () => {
  const shut = engineStanding(engine("a", { verdict: "shut", why: "upstream-unreachable" }));
  assertEquals([shut.tone, shut.label, shut.why], ["bad", "shut", "It takes no connections"]);
  const trial = engineStanding(engine("a", { verdict: "probation", why: "decode-failed" }));
  assertEquals([trial.tone, trial.label], ["warn", "on probation"]);
  const again = engineStanding(engine("a", { remarks: { recompute_suspected: [{}] } }));
  assertEquals([again.tone, again.label], ["warn", "recomputes"]);
  const drained = engineStanding(engine("a", { state: "drained", verdict: "shut" }));
  assertEquals(drained.label, "drained");
  assertEquals(whyText("some-code"), "some-code");
});

Deno.test("pairStanding() and requestStanding() say what is wrong and how it went", () => {
  const shut = pairStanding(pair("p", "d", { verdict: "shut", why: "kv-timeout" }));
  assertEquals([shut.tone, shut.why], ["bad", "The KV cache did not come in time"]);
  assertMatch(pairStanding(pair("p", "d", { recompute: "hash_seed" })).why, /PYTHONHASHSEED/);
  assertEquals(pairStanding(pair("p", "d")).tone, "good");
  const labels = OUTCOMES.map((outcome) => requestStanding(request(1, { outcome })).label);
  assertEquals(new Set(labels).size, OUTCOMES.length);
  const failed = { outcome: "server_error", error: "decode-failed", status: 502 } as const;
  assertEquals(requestStanding(request(1, failed)).why, "decode-failed (502)");
  assertEquals(
    requestStanding(request(1, { outcome: null, state: "kv_wait" })).label,
    "KV wait",
  );
});

Deno.test("wayText() says by whom a request was served", () => {
  assertEquals(wayText(request(1)), "p → d");
  assertEquals(
    wayText(request(1, { route: "direct", prefill: null, reason: "n" })),
    "d (n)",
  );
  assertEquals(wayText(request(1, { route: "none", prefill: null, decode: null })), "no engine");
});

Deno.test("concerns() lists what needs a look, the worst first, and nothing of a good fleet", () => {
  const state = new FleetState();
  state.take("fleet", fleet(1, { full: true, engines: [engine("a")], pairs: [pair("p", "a")] }));
  assertEquals(concerns(state), []);
  state.take("fleet", {
    ...fleet(2, {
      router: { ...ROUTER, ready: false, ailment: "the socket is not bound" },
      engines: [
        engine("b", { verdict: "probation", why: "decode-failed" }),
        engine("c", { state: "left_out", verdict: "unknown", remarks: { problems: ["no model"] } }),
        engine("d", { state: "drained" }),
      ],
      pairs: [pair("p", "a", { verdict: "shut", why: "kv-timeout" })],
      gone: ["a"],
    }),
  });
  assertEquals(concerns(state).map(({ title, standing }) => [standing.tone, title]), [
    ["bad", "a"],
    ["bad", "c"],
    ["bad", "p → a"],
    ["bad", "The router"],
    ["warn", "b"],
  ]);
  assertEquals(concerns(state)[1]?.standing.why, "no model");
});

Deno.test("drainWarning() warns of the last one of a side, and pairsOf() begins with the busiest", () => {
  const state = new FleetState();
  const engines = [
    engine("p1", { role: "prefill" }),
    engine("d1"),
    engine("d2", { verdict: "shut" }),
    engine("d3", { state: "drained" }),
  ];
  const pairs = [pair("p1", "d1"), pair("p1", "d2", { under_way: { stream: 1 } }), pair("x", "d1")];
  state.take("fleet", fleet(1, { full: true, engines, pairs }));
  assertMatch(drainWarning(state, "p1"), /only prefill engine/);
  assertMatch(drainWarning(state, "d1"), /only decode engine/);
  assertEquals(drainWarning(state, "d2"), "");
  assertEquals(pairsOf(state, "p1").map(({ pair }) => pair.decode), ["d2", "d1"]);
});

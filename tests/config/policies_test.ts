import type { RouterConfig } from "../../lib/config/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { configOf, linesOf, PAIR } from "./support.ts";

type Flags = Readonly<Record<string, string>>;

const STATIC: Flags = { "static-backends": "http://a", "static-models": "m" };
const HANDOFF: Flags = { prefill: "http://p:8000", decode: "http://d:8000" };
const PREFIX = { minMatch: 0, indexBytes: 67_108_864 };
const LEVELS = ["zone", "rack", "nvlink"];

/** What is given, and how engines are then chosen. */
const CASES: readonly (readonly [name: string, flags: Flags, routing: RouterConfig["routing"]])[] =
  [
    ["two choices for handoffs", HANDOFF, { kind: "power_of_two" }],
    [
      "the same by its name",
      { ...HANDOFF, "routing-logic": "disaggregated_prefill" },
      { kind: "power_of_two" },
    ],
    [
      "turns for orchestrated handoffs",
      { ...HANDOFF, "routing-logic": "disaggregated_prefill_orchestrated" },
      { kind: "roundrobin" },
    ],
    [
      "sessions for handoffs with a key",
      { ...HANDOFF, "session-key": "x-user" },
      { kind: "session", sessionKey: "x-user" },
    ],
    [
      "one side's policy",
      { ...HANDOFF, "prefill-policy": "prefixaware", "prefix-min-match-length": "300" },
      { kind: "power_of_two", prefill: "prefixaware", prefix: { ...PREFIX, minMatch: 300 } },
    ],
    [
      "the decode side's for whole requests too",
      { ...HANDOFF, "decode-policy": "least_loaded" },
      { kind: "least_loaded", prefill: "power_of_two" },
    ],
    [
      "pairs",
      { ...HANDOFF, "prefill-policy": "pair_score", "decode-policy": "pair_score" },
      {
        kind: "least_loaded",
        prefill: "pair_score",
        decode: "pair_score",
        prefix: PREFIX,
        topology: LEVELS,
      },
    ],
    [
      "a policy beside sessions",
      { ...HANDOFF, "session-key": "x-user", "prefill-policy": "kvaware" },
      { kind: "session", prefill: "kvaware", sessionKey: "x-user", kvThreshold: 2000 },
    ],
    [
      "prefixes",
      { ...STATIC, "routing-logic": "prefixaware", "prefix-index-bytes": "2097152" },
      { kind: "prefixaware", prefix: { minMatch: 0, indexBytes: 2_097_152 } },
    ],
    [
      "KV, and sessions where it tells nothing",
      {
        ...STATIC,
        "routing-logic": "kvaware",
        "kv-aware-threshold": "50",
        "session-key": "x-user",
      },
      { kind: "kvaware", sessionKey: "x-user", kvThreshold: 50 },
    ],
    [
      "load, whose session does not matter",
      { ...STATIC, "routing-logic": "least_loaded", "session-key": "x-user" },
      { kind: "least_loaded" },
    ],
  ];

for (const [name, flags, routing] of CASES) {
  Deno.test(`resolveConfig() chooses engines by ${name}`, () => {
    assertEquals(configOf({ flags }).routing, routing);
  });
}

Deno.test("resolveConfig() refuses policies of sides where there are none, and sessions without a key", () => {
  assertEquals(
    linesOf({ flags: { ...STATIC, "routing-logic": "session", "prefill-policy": "session" } })
      .filter((problem) => problem.includes("policy")),
    ['--prefill-policy "session": needs --routing-logic disaggregated_prefill'],
  );
  assertEquals(linesOf({ flags: { ...PAIR, "decode-policy": "session" } }), [
    "--session-key: required with --decode-policy session: the header or body field that names " +
    "the session",
  ]);
});

Deno.test("resolveConfig() reads where engines stand", () => {
  const { engines } = configOf({
    flags: { prefill: "http://p:8000;topology=zone:a, rack:r:1" },
    file: "engines: [{ url: 'http://d:8000', role: decode, topology: { zone: b } }]",
  });
  assertEquals(engines.map(({ topology }) => topology), [{ zone: "a", rack: "r:1" }, {
    zone: "b",
  }]);
});

Deno.test("resolveConfig() refuses labels of places that are none", () => {
  for (const topology of ["zone", "zone:", ":a", "zone:a,zone:b"]) {
    const prefill = `http://p:8000;topology=${topology}`;
    assertEquals(linesOf({ flags: { ...PAIR, prefill } }), [
      `--prefill "${prefill}": topology: expected labels such as zone:a,rack:r1`,
    ]);
  }
});

import { createLogger, type Engine } from "../../lib/base/mod.ts";
import {
  type Arrival,
  type KvEvidence,
  type KvPair,
  KvProof,
  type Property,
} from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engineOf } from "../support/flow_fakes.ts";

type Line = Readonly<Record<string, unknown>>;

function setting(...differing: readonly Property[]): {
  readonly proof: KvProof;
  readonly lines: Line[];
  readonly suspected: KvPair[];
  readonly moved: number[];
} {
  const clock = new FakeClock();
  const lines: Line[] = [];
  const log = createLogger(clock, (line) => void lines.push(JSON.parse(line)), {
    level: "info",
    format: "json",
  });
  const suspected: KvPair[] = [];
  const moved: number[] = [];
  const proof = new KvProof({
    clock,
    log,
    differs: () => new Set(differing),
    onSuspected: (pair) => void suspected.push(pair),
    onMoved: (tokens) => void moved.push(tokens),
  });
  return { proof, lines, suspected, moved };
}

function pairOf(kv: Engine["kv"] = "lmcache", decode = "d1"): KvPair {
  return { prefill: engineOf("p1", "prefill", kv), decode: engineOf(decode, "decode", kv) };
}

function usage(tokens: number, found: number, pair = pairOf()): KvEvidence {
  return { pair, prompt: { tokens }, found, by: "usage" };
}

Deno.test("KvProof.judge() says what a count of cached tokens is worth", () => {
  const cases: readonly (readonly [tokens: number, found: number, arrival: Arrival])[] = [
    [600, 599, "came"],
    // Whole blocks may be the decode engine's own.
    [600, 512, "open"],
    [600, 496, "short"],
    [600, 0, "short"],
    [200, 199, "came"],
    [200, 0, "short"],
    [200, 160, "open"],
    [40, 0, "open"],
  ];
  for (const [tokens, found, arrival] of cases) {
    assertEquals(setting().proof.judge(usage(tokens, found)), arrival, `${found} of ${tokens}`);
  }
  assertEquals(setting().proof.judge(usage(600, 0, pairOf("none"))), "open");
});

Deno.test("KvProof marks a pair at the second miss in a row, and tells of it once", () => {
  const { proof, lines, suspected } = setting();
  proof.judge(usage(600, 0));
  assertEquals([lines.length, proof.marks().length, suspected.length], [0, 0, 1]);
  for (let at = 0; at < 5; at++) proof.judge(usage(600, 0));
  assertEquals(proof.marks().map(({ cause }) => cause), ["hash_seed"]);
  assertEquals(lines.length, 1);
  assertEquals([lines[0]?.["prefill"], lines[0]?.["decode"], lines[0]?.["cause"]], [
    "http://p1:8000",
    "http://d1:8000",
    "hash_seed",
  ]);
  assertEquals(suspected.length, 6);
});

Deno.test("KvProof marks no pair for misses between proofs", () => {
  const { proof, lines } = setting();
  for (const found of [0, 599, 0, 599]) proof.judge(usage(600, found));
  assertEquals([proof.marks(), lines], [[], []]);
});

Deno.test("KvProof tells again when the cause is another", () => {
  const { proof, lines } = setting();
  for (let at = 0; at < 2; at++) proof.judge(usage(600, 0));
  proof.judge(usage(100, 99));
  proof.judge(usage(600, 0));
  assertEquals(lines.map((line) => line["cause"]), ["hash_seed", "chunk_size"]);
  const other = setting("dtype", "version");
  for (let at = 0; at < 2; at++) other.proof.judge(usage(600, 0));
  assertEquals(other.lines.map((line) => line["cause"]), ["model"]);
  assertEquals(other.lines[0]?.["differ"], "dtype,version");
});

Deno.test("KvProof takes what may be the engine's own for a hint of the cause", () => {
  const { proof } = setting();
  proof.judge(usage(600, 512));
  for (let at = 0; at < 2; at++) proof.judge(usage(100, 0));
  assertEquals(proof.marks().map(({ cause }) => cause), ["skip_last_n_tokens"]);
});

Deno.test("KvProof takes a mark away after proofs in a row, of prompts as long as those that missed", () => {
  const { proof, lines, moved } = setting();
  for (let at = 0; at < 2; at++) proof.judge(usage(600, 0));
  for (let at = 0; at < 3; at++) proof.judge(usage(100, 99));
  assertEquals(proof.marks().length, 1);
  proof.judge(usage(600, 512));
  assertEquals(proof.marks().length, 1);
  proof.judge(usage(600, 599));
  assertEquals(proof.marks().length, 1);
  proof.judge(usage(600, 599));
  assertEquals(proof.marks(), []);
  assertEquals(lines.at(-1)?.["message"], "KV is found between two engines again");
  assertEquals(moved, [99, 99, 99, 599, 599]);
});

Deno.test("KvProof takes counters, which tell of KV alone, at once", () => {
  const { proof } = setting();
  const pair = pairOf("nixl");
  assertEquals(
    proof.judge({ pair, prompt: { expected: 512 }, found: 512, by: "counters" }),
    "came",
  );
  assertEquals(proof.judge({ pair, prompt: { expected: 512 }, found: 0, by: "counters" }), "short");
  assertEquals(proof.marks().map(({ cause }) => cause), ["block_size"]);
});

Deno.test("KvProof keeps pairs apart, and forgets them with either engine", () => {
  const { proof } = setting();
  for (const decode of ["d1", "d2"]) {
    for (let at = 0; at < 2; at++) proof.judge(usage(600, 0, pairOf("lmcache", decode)));
  }
  proof.judge(usage(600, 599, pairOf("lmcache", "d3")));
  assertEquals(proof.marks().map(({ decode: { id } }) => id), ["d1", "d2"]);
  proof.forget("d1");
  assertEquals(proof.marks().map(({ decode: { id } }) => id), ["d2"]);
  proof.forget("p1");
  assertEquals(proof.marks(), []);
});

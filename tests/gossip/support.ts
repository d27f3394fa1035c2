/** Things that are told, and what was heard of them. @module */
import fc from "fast-check";
import type { EngineLoad, KeyUse, VerdictTold } from "../../lib/gossip/mod.ts";
import type { EntrySink } from "../../lib/gossip/entries.ts";
import type { Hearing, Shared } from "../../lib/gossip/peer_table.ts";
import { Counts, EngineSums } from "../../lib/gossip/mod.ts";

/** Nothing is under way. */
export const IDLE: EngineLoad = {
  inflight: 0,
  promptTokens: 0,
  seats: 0,
  transfers: 0,
  kvBytes: 0,
  silent: false,
  waits: false,
};

/** So much is. */
export function loadOf(more: Partial<EngineLoad> = {}): EngineLoad {
  return { ...IDLE, ...more };
}

/** So much has been used of a key. */
export function useOf(more: Partial<KeyUse> = {}): KeyUse {
  return { running: 0, requests: 0, tokens: 0, requestsResetMs: 0, tokensResetMs: 0, ...more };
}

/** Takes entries, and remembers them as they came. */
export class Taken implements EntrySink {
  readonly entries: (readonly unknown[])[] = [];

  name(engine: number, name: string): void {
    this.entries.push(["name", engine, name]);
  }
  drop(engine: number): void {
    this.entries.push(["drop", engine]);
  }
  load(engine: number, load: EngineLoad): void {
    this.entries.push(["load", engine, load]);
  }
  verdict(engine: number, told: VerdictTold): void {
    this.entries.push(["verdict", engine, told]);
  }
  pair(prefill: number, decode: number, told: VerdictTold): void {
    this.entries.push(["pair", prefill, decode, told]);
  }
  key(name: string, use: KeyUse): void {
    this.entries.push(["key", name, use]);
  }
  address(address: string, connections: number): void {
    this.entries.push(["address", address, connections]);
  }
  met(engine: number, chunks: Float64Array): void {
    this.entries.push(["met", engine, [...chunks]]);
  }
}

/** Where what peers tell goes, and what of it was heard. */
export class Heard implements Shared {
  readonly engines = new EngineSums();
  readonly running = new Counts();
  readonly addresses = new Counts();
  readonly told: (readonly unknown[])[] = [];
  readonly hearing: Hearing = {
    verdict: (engine, told) => void this.told.push(["verdict", engine, told]),
    pair: (prefill, decode, told) => void this.told.push(["pair", prefill, decode, told]),
    side: (engine, side, peer) => void this.told.push(["side", engine, side, peer]),
    silent: (engine) => void this.told.push(["silent", engine]),
    met: (engine, chunks) => void this.told.push(["met", engine, [...chunks]]),
    used: (key, requests, tokens) => void this.told.push(["used", key, requests, tokens]),
    resets: (key, requestsMs, tokensMs) =>
      void this.told.push(["resets", key, requestsMs, tokensMs]),
  };

  /** What others have at an engine. */
  at(name: string): EngineLoad {
    const { sum, lease } = this.engines.hold(name);
    const { inflight, promptTokens, seats, transfers, kvBytes } = sum;
    lease.release();
    return loadOf({ inflight, promptTokens, seats, transfers, kvBytes });
  }
}

const uint = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const number = fc.nat({ max: 65_535 });
const peer = fc.stringMatching(/^[A-Za-z0-9.]{1,16}$/);
const name = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" });
const why = fc.constantFrom("kv-timeout", "upstream-lost", "internal", "check-failed" as const);

const PLAIN = { noNullPrototype: true } as const;

const trial = fc.record({ owner: peer, leftMs: uint, answering: fc.boolean() }, PLAIN);
const shut = fc.record(
  { why, pauseMs: uint, agoMs: uint, leftMs: uint, trial },
  { ...PLAIN, requiredKeys: ["why", "pauseMs", "agoMs", "leftMs"] },
);

/** Any verdict. */
export const anyVerdict = fc.record(
  { version: uint, author: peer, shut, unfit: fc.record({ why, agoMs: uint }, PLAIN) },
  { ...PLAIN, requiredKeys: ["version", "author"] },
) as fc.Arbitrary<VerdictTold>;

/** Any load of an engine, of numbers that can be added up. */
export const anyLoad: fc.Arbitrary<EngineLoad> = fc.record({
  inflight: fc.nat({ max: 1_000 }),
  promptTokens: fc.nat({ max: 100_000 }),
  seats: fc.nat({ max: 1_000 }),
  transfers: fc.nat({ max: 1_000 }),
  kvBytes: fc.nat({ max: 2 ** 30 }),
  silent: fc.boolean(),
  waits: fc.boolean(),
  side: fc.constantFrom("prefill", "decode" as const),
}, {
  ...PLAIN,
  requiredKeys: ["inflight", "promptTokens", "seats", "transfers", "kvBytes", "silent", "waits"],
});

const anyUse = fc.record({
  running: uint,
  requests: uint,
  tokens: uint,
  requestsResetMs: uint,
  tokensResetMs: uint,
}, PLAIN);

/** One entry: how it is told, to a sink. */
export const anyEntry: fc.Arbitrary<(to: EntrySink) => void> = fc.oneof(
  fc.tuple(number, name).map(([engine, called]) => (to: EntrySink) => to.name(engine, called)),
  number.map((engine) => (to: EntrySink) => to.drop(engine)),
  fc.tuple(number, anyLoad).map(([engine, load]) => (to: EntrySink) => to.load(engine, load)),
  fc.tuple(number, anyVerdict).map(([one, told]) => (to: EntrySink) => to.verdict(one, told)),
  fc.tuple(number, number, anyVerdict)
    .map(([one, other, told]) => (to: EntrySink) => to.pair(one, other, told)),
  fc.tuple(name, anyUse).map(([called, use]) => (to: EntrySink) => to.key(called, use)),
  fc.tuple(number, fc.array(uint, { minLength: 1, maxLength: 6 }))
    .map(([engine, chunks]) => (to: EntrySink) => to.met(engine, Float64Array.from(chunks))),
  fc.tuple(name, uint).map(([address, count]) => (to: EntrySink) => to.address(address, count)),
);

import type { KvBuffer } from "../../lib/base/mod.ts";
import { GOOD, hasRoom, isTooSmall, kvBytesOf, type Load } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  candidate,
  choiceOf,
  directOf,
  named,
  pairOf,
  SHUT,
  type TestCandidate,
  turns,
} from "./support.ts";

const BUFFER: KvBuffer = { bytes: 10_000, bytesPerToken: 10, chunkTokens: 100 };

function load(changes: Partial<Load> = {}): Load {
  return { seats: 0, maxSeats: 2, kvBytes: 0, buffer: undefined, ...changes };
}

const FULL = load({ seats: 2 });
const ROOMY = { tokens: 0 } as const;

/** An engine, its role by the first letter of its id. */
function one(id: string, has: Load = load(), changes: Partial<TestCandidate> = {}): TestCandidate {
  const roles = { p: "prefill", d: "decode", e: "any" } as const;
  const role = roles[id[0] as keyof typeof roles];
  return { ...candidate(id, role), load: has, ...changes };
}

Deno.test("hasRoom() is false when all seats are taken, or more", () => {
  assertEquals([0, 1, 2, 3].map((seats) => hasRoom(load({ seats }), 0)), [
    true,
    true,
    false,
    false,
  ]);
  assert(hasRoom(load({ seats: 9, maxSeats: Infinity }), 0), "no bound");
  assert(hasRoom(undefined, 5), "nothing is known");
});

Deno.test("hasRoom() leaves seats to others where a share is for the request, but for one of few", () => {
  const room = (seats: number, maxSeats: number, share: number): boolean =>
    hasRoom(load({ seats, maxSeats }), 0, share);
  assertEquals([7, 8, 9].map((seats) => room(seats, 10, 0.8)), [true, false, false]);
  assertEquals([0, 1].map((seats) => room(seats, 1, 0.5)), [true, false]);
  assertEquals([0, 1].map((seats) => room(seats, 10, 0)), [true, false]);
  assert(room(99, Infinity, 0.5), "no bound");
});

Deno.test("hasRoom() counts what a prompt takes of the buffer in whole chunks", () => {
  assertEquals([1, 100, 101].map((tokens) => kvBytesOf(tokens, BUFFER)), [1_000, 1_000, 2_000]);
  const held = load({ buffer: BUFFER, kvBytes: 8_000 });
  assertEquals([0, 1, 200, 201].map((tokens) => hasRoom(held, tokens)), [true, true, true, false]);
  const beyond = load({ buffer: BUFFER, kvBytes: 10_001 });
  assertEquals([0, 1].map((tokens) => hasRoom(beyond, tokens)), [true, false]);
});

Deno.test("isTooSmall() tells a prompt that no wait would make room for", () => {
  const held = load({ buffer: BUFFER, kvBytes: 8_000 });
  assertEquals([0, 1_000, 1_001].map((tokens) => isTooSmall(held, tokens)), [false, false, true]);
  assert(!isTooSmall(load(), 1e9) && !isTooSmall(undefined, 1e9), "nothing is known");
});

Deno.test("choosePair() takes none of the engines without room, whatever the policy's turn", () => {
  const fleet = [one("d0", FULL), one("d1"), one("p0"), one("p1", FULL), one("p2")];
  const policies = turns();
  const chosen = Array.from({ length: 12 }, () => named(pairOf(fleet, policies, ROOMY)));
  assertEquals([...new Set(chosen)].sort(), ["p0 d1", "p2 d1"]);
});

Deno.test("choosePair() looks at no room where it is not asked to", () => {
  const fleet = [one("d0", FULL), one("p0", FULL)];
  assertEquals(named(pairOf(fleet)), "p0 d0");
});

Deno.test("choosePair() says which side is full", () => {
  const decode = [one("d0", FULL), one("p0")];
  assertEquals(choiceOf(decode, turns(), ROOMY), { kind: "full", leg: "decode" });
  const prefill = [one("d0"), one("p0", FULL), one("p1", FULL)];
  assertEquals(choiceOf(prefill, turns(), ROOMY), { kind: "full", leg: "prefill" });
});

Deno.test("choosePair() waits for engines that are well, rather than to take those that are not", () => {
  const fleet = [one("d0", FULL), one("d1", load(), { verdict: SHUT }), one("p0")];
  assertEquals(choiceOf(fleet, turns(), ROOMY), { kind: "full", leg: "decode" });
});

Deno.test("choosePair() says of what is full whether it is to be gone around all the same", () => {
  const engine = [one("d0", FULL, { verdict: SHUT }), one("p0")];
  const shut = { kind: "full", leg: "decode", shut: "upstream-unreachable" } as const;
  assertEquals(choiceOf(engine, turns(), ROOMY), shut);
  const pairs = [one("d0"), one("p0", FULL)];
  const asked = { ...ROOMY, pairVerdict: () => SHUT };
  assertEquals(choiceOf(pairs, turns(), asked), { ...shut, leg: "prefill" });
});

Deno.test("choosePair() waits for a pair that is not shut, rather than to take one that is", () => {
  const fleet = [one("d0"), one("p0", FULL), one("p1")];
  const asked = {
    ...ROOMY,
    pairVerdict: (prefill: { readonly id: string }) => prefill.id === "p1" ? SHUT : GOOD,
  };
  assertEquals(choiceOf(fleet, turns(), asked).kind, "full");
  const free = [one("d0"), one("p0"), one("p1")];
  assertEquals(named(pairOf(free, turns(), asked)), "p0 d0");
});

Deno.test("choosePair() takes the engines of another protocol while those of one are full", () => {
  const nixl = { ...candidate("d1", "decode", "nixl"), load: load() };
  const fleet = [one("d0", FULL), nixl, one("p0"), candidate("p1", "prefill", "nixl")];
  assertEquals(named(pairOf(fleet, turns(), ROOMY)), "p1 d1");
});

Deno.test("choosePair() looks for place for the prompt's KV at decode engines alone", () => {
  const held = (kvBytes: number): Load => load({ buffer: BUFFER, kvBytes });
  const fleet = [one("d0", held(9_500)), one("d1", held(5_000)), one("p0", held(10_000))];
  const chosen = (tokens: number): string => {
    const choice = choiceOf(fleet, turns(), { tokens });
    return choice.kind === "pair" ? named(choice.pair) : JSON.stringify(choice);
  };
  assertEquals(chosen(100), "p0 d1");
  assertEquals(chosen(501), '{"kind":"full","leg":"decode"}');
  assertEquals(chosen(1_001), '{"kind":"none","lacks":"buffer"}');
});

Deno.test("chooseDirect() takes an engine that has room, and none where the best have none", () => {
  const fleet = [one("e0", FULL), one("e1"), one("e2", load(), { verdict: SHUT })];
  const policies = turns();
  const ids = Array.from({ length: 4 }, () => directOf(fleet, policies, ROOMY)?.id);
  assertEquals([...new Set(ids)], ["e1"]);
  const full = [one("e0", FULL), one("e2", load(), { verdict: SHUT })];
  assertEquals(directOf(full, turns(), ROOMY), undefined);
  assertEquals(directOf(full)?.id, "e0");
});

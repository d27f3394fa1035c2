/** Messages between routers: what is taken of one is what a router would have written. @module */
import { type EntrySink, EntryWriter } from "../../../lib/gossip/entries.ts";
import {
  beginUpdate,
  flagUpdate,
  type Head,
  MAX_MESSAGE_BYTES,
  readMessage,
} from "../../../lib/gossip/message.ts";
import { WireWriter } from "../../../lib/gossip/wire.ts";
import type { Corpus } from "../mutate.ts";
import { difference } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** Reads a message, and has the sink take its entries. Total. */
export type ReadMessage = (message: Uint8Array, sink?: EntrySink) => Head | undefined;

type Entry = (to: EntrySink) => void;

const LOAD = { inflight: 3, promptTokens: 900, seats: 3, transfers: 1, kvBytes: 2 ** 30 };
const USE = { running: 1, requests: 2, tokens: 2 ** 40, requestsResetMs: 9, tokensResetMs: 300 };
const SHUT = { why: "kv-timeout", pauseMs: 1_000, agoMs: 5, leftMs: 900 } as const;
const TRIAL = { owner: "10.0.0.1", leftMs: 60_000, answering: true };

const ENTRIES: readonly Entry[] = [
  (to) => to.name(0, "http://10.0.0.1:8000 decode-1"),
  (to) => to.drop(65_535),
  (to) => to.load(1, { ...LOAD, silent: true, waits: true, side: "decode" }),
  (to) => to.verdict(2, { version: 2 ** 41, author: "0" }),
  (to) => to.verdict(2, { version: 7, author: "a", unfit: { why: "check-failed", agoMs: 3 } }),
  (to) => to.pair(0, 300, { version: 9, author: "15", shut: { ...SHUT, trial: TRIAL } }),
  (to) => to.key("team-a", USE),
  (to) => to.address("2001:db8::1", 4),
  (to) => to.met(3, Float64Array.of(2 ** 52, 1, 2 ** 40)),
];

/** An update with these entries. */
function updateOf(
  { life, number, ...flags }: Omit<Extract<Head, { readonly kind: "update" }>, "kind">,
  entries: readonly Entry[],
): Uint8Array {
  const to = new WireWriter();
  beginUpdate(to, life, number);
  const writer = new EntryWriter(to);
  for (const entry of entries) entry(writer);
  flagUpdate(to, flags);
  return to.view().slice();
}

const HEAD = { life: 2 ** 47, number: 200, first: true, last: false, settled: true };

const CORPUS: Corpus = {
  seeds: [
    ...ENTRIES.map((entry) => textOf(updateOf(HEAD, [entry]))),
    textOf(updateOf({ ...HEAD, first: false, last: true }, ENTRIES)),
    textOf(updateOf({ life: 0, number: 0, first: false, last: false, settled: false }, [])),
    "\x01\x02\0",
    "\x01\x02\x01\x0510.0.",
    "\x01\x03\x05",
  ],
  words: [
    "\x80\x00",
    "\xff\xff\xff\xff\xff\xff\xff\x0f",
    "\x80\x80\x80\x80\x80\x80\x80\x10",
    "\xff\xff\x03",
    "\x80\x20",
    "\x03\0\0\0\0\0\0\0",
    "\xff",
    "\x01a",
  ],
};

/** Takes entries, to tell them again. */
class Kept implements EntrySink {
  readonly entries: Entry[] = [];
  readonly #keep = (entry: Entry): void => void this.entries.push(entry);

  readonly name: EntrySink["name"] = (...told) => this.#keep((to) => to.name(...told));
  readonly drop: EntrySink["drop"] = (...told) => this.#keep((to) => to.drop(...told));
  readonly load: EntrySink["load"] = (...told) => this.#keep((to) => to.load(...told));
  readonly verdict: EntrySink["verdict"] = (...told) => this.#keep((to) => to.verdict(...told));
  readonly pair: EntrySink["pair"] = (...told) => this.#keep((to) => to.pair(...told));
  readonly key: EntrySink["key"] = (...told) => this.#keep((to) => to.key(...told));
  readonly met: EntrySink["met"] = (...told) => this.#keep((to) => to.met(...told));
  readonly address: EntrySink["address"] = (...told) => this.#keep((to) => to.address(...told));
}

/** The target, with `read` as the reader. */
export function gossipTarget(read: ReadMessage = readMessage): FuzzTarget {
  return parserTarget({
    name: "gossip",
    about: "Messages between routers",
    corpus: CORPUS,
    check(input) {
      const kept = new Kept();
      const head = read(input, kept);
      if (head === undefined) {
        return kept.entries.length === 0 ? undefined : "part: some of what is no message was taken";
      }
      if (input.length > MAX_MESSAGE_BYTES) return "taken: it is too much";
      if (head.kind !== "update") return undefined;
      // Codes of later releases are read as one of this one's, and written as that.
      const again = new Kept();
      const same = updateOf(head, kept.entries);
      const headAgain = read(same, again);
      return difference("again", headAgain, head) ??
        difference("entries", updateOf(head, again.entries), same) ??
        (same.length > input.length ? "long: a number was not in its shortest form" : undefined);
    },
  });
}

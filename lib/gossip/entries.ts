/** What a message tells, entry by entry. @module */
import type { Side } from "../base/mod.ts";
import { isPeerId } from "./bus.ts";
import type { VerdictTold } from "./verdict.ts";
import { codeOfNumber, numberOfCode } from "./why.ts";
import type { WireReader, WireWriter } from "./wire.ts";

/** Longest name of an engine, key or address, in bytes. */
export const MAX_NAME_BYTES = 4_096;

/** Longest name of a peer, in bytes. */
export const MAX_PEER_BYTES = 16;

/** Names are given numbers from 0 on; there are no more at a time. */
export const MAX_NAMES = 65_536;

/** What one router has under way at an engine. */
export interface EngineLoad {
  /** Requests, all legs. */
  readonly inflight: number;
  /** Prompt tokens of those that it has to compute. */
  readonly promptTokens: number;
  readonly seats: number;
  /** Prompts whose KV is to be had of it. */
  readonly transfers: number;
  /** Bytes of its KV buffer. */
  readonly kvBytes: number;
  /** It gives no answer to the question for its models. */
  readonly silent: boolean;
  /** Requests of clients wait here for room at it, or at others of its models. */
  readonly waits: boolean;
  /** Which side it is on, where it can be on either. */
  readonly side?: Side | undefined;
}

/** What one router has let the owner of an API key have. */
export interface KeyUse {
  /** Requests whose answers have not ended. */
  readonly running: number;
  /** Requests and tokens since the router has begun. */
  readonly requests: number;
  readonly tokens: number;
  /** Until its shares are whole again, as the router knows, in milliseconds. */
  readonly requestsResetMs: number;
  readonly tokensResetMs: number;
}

/** Takes entries as they are read. Engines go by the number that a name was given. */
export interface EntrySink {
  /** From here on `engine` is the number of the one called `name`. */
  name(engine: number, name: string): void;
  /** The number is nobody's: the engine has gone, and with it what was told of it. */
  drop(engine: number): void;
  load(engine: number, load: EngineLoad): void;
  verdict(engine: number, told: VerdictTold): void;
  pair(prefill: number, decode: number, told: VerdictTold): void;
  /** The key called `name` has been used; nothing of it is left where all is 0. */
  key(name: string, use: KeyUse): void;
  /** `connections` are open from `address`. */
  address(address: string, connections: number): void;
  /** The engine has met a prompt that begins with `chunks`: hashes, integers below 2^53. */
  met(engine: number, chunks: Float64Array): void;
}

/** What an entry begins with: as the readers below are ordered. A number is never another entry's. */
const Tag = {
  name: 1,
  drop: 2,
  load: 3,
  verdict: 4,
  pair: 5,
  key: 6,
  address: 7,
  met: 8,
} as const;

/** Most hashes of one prompt. */
export const MAX_CHUNKS = 1_024;

/** What is told of an engine beside its load; it is on one side at most. */
const Is = { silent: 1, prefill: 2, decode: 4, waits: 8 } as const;
const BOTH_SIDES = Is.prefill | Is.decode;

/** What of a verdict there is. */
const Has = { shut: 1, trial: 2, answering: 4, unfit: 8 } as const;

/** Writes entries. */
export class EntryWriter implements EntrySink {
  readonly #to: WireWriter;

  constructor(to: WireWriter) {
    this.#to = to;
  }

  name(engine: number, name: string): void {
    this.#begin(Tag.name, engine);
    this.#to.text(name);
  }

  drop(engine: number): void {
    this.#begin(Tag.drop, engine);
  }

  load(engine: number, load: EngineLoad): void {
    const to = this.#to;
    this.#begin(Tag.load, engine);
    to.byte(
      (load.silent ? Is.silent : 0) | (load.side === undefined ? 0 : Is[load.side]) |
        (load.waits ? Is.waits : 0),
    );
    to.uint(load.inflight);
    to.uint(load.promptTokens);
    to.uint(load.seats);
    to.uint(load.transfers);
    to.uint(load.kvBytes);
  }

  verdict(engine: number, told: VerdictTold): void {
    this.#begin(Tag.verdict, engine);
    this.#told(told);
  }

  pair(prefill: number, decode: number, told: VerdictTold): void {
    this.#begin(Tag.pair, prefill);
    this.#to.uint(decode);
    this.#told(told);
  }

  key(name: string, use: KeyUse): void {
    const to = this.#to;
    to.byte(Tag.key);
    to.text(name);
    to.uint(use.running);
    to.uint(use.requests);
    to.uint(use.tokens);
    to.uint(use.requestsResetMs);
    to.uint(use.tokensResetMs);
  }

  address(address: string, connections: number): void {
    this.#to.byte(Tag.address);
    this.#to.text(address);
    this.#to.uint(connections);
  }

  met(engine: number, chunks: Float64Array): void {
    this.#begin(Tag.met, engine);
    this.#to.uint(chunks.length);
    for (const chunk of chunks) this.#to.uint(chunk);
  }

  #begin(tag: number, engine: number): void {
    this.#to.byte(tag);
    this.#to.uint(engine);
  }

  #told({ version, author, shut, unfit }: VerdictTold): void {
    const to = this.#to;
    const trial = shut?.trial;
    to.uint(version);
    to.text(author);
    to.byte(
      (shut === undefined ? 0 : Has.shut) | (trial === undefined ? 0 : Has.trial) |
        (trial?.answering === true ? Has.answering : 0) | (unfit === undefined ? 0 : Has.unfit),
    );
    if (shut !== undefined) {
      to.uint(numberOfCode(shut.why));
      to.uint(shut.pauseMs);
      to.uint(shut.agoMs);
      to.uint(shut.leftMs);
    }
    if (trial !== undefined) {
      to.text(trial.owner);
      to.uint(trial.leftMs);
    }
    if (unfit === undefined) return;
    to.uint(numberOfCode(unfit.why));
    to.uint(unfit.agoMs);
  }
}

/**
 * Has `sink`, where there is one, take the entries that are left in `from`. Where that fails, some have
 * been taken: whoever wants all or nothing reads twice.
 */
export function readEntries(from: WireReader, sink?: EntrySink): void {
  while (!from.ended) {
    const read = READERS[from.byte()];
    if (read === undefined) from.fail();
    else read(from, sink);
  }
}

type ReadEntry = (from: WireReader, sink: EntrySink | undefined) => void;

/** By tag. */
const READERS: readonly (ReadEntry | undefined)[] = [
  undefined,
  (from, sink) => {
    const [engine, name] = [numberIn(from), nameIn(from)];
    if (!from.failed) sink?.name(engine, name);
  },
  (from, sink) => {
    const engine = numberIn(from);
    if (!from.failed) sink?.drop(engine);
  },
  (from, sink) => {
    const engine = numberIn(from);
    const flags = flagsIn(from, Is.silent | Is.decode | Is.waits);
    if ((flags & BOTH_SIDES) === BOTH_SIDES) from.fail();
    const silent = (flags & Is.silent) !== 0;
    const waits = (flags & Is.waits) !== 0;
    const side = (flags & Is.prefill) !== 0
      ? "prefill"
      : (flags & Is.decode) !== 0
      ? "decode"
      : undefined;
    const inflight = from.uint();
    const promptTokens = from.uint();
    const seats = from.uint();
    const transfers = from.uint();
    const kvBytes = from.uint();
    if (from.failed) return;
    const load = { inflight, promptTokens, seats, transfers, kvBytes, silent, waits };
    sink?.load(engine, side === undefined ? load : { ...load, side });
  },
  (from, sink) => {
    const [engine, told] = [numberIn(from), verdictIn(from)];
    if (!from.failed) sink?.verdict(engine, told);
  },
  (from, sink) => {
    const [prefill, decode, told] = [numberIn(from), numberIn(from), verdictIn(from)];
    if (!from.failed) sink?.pair(prefill, decode, told);
  },
  (from, sink) => {
    const name = nameIn(from);
    const use = {
      running: from.uint(),
      requests: from.uint(),
      tokens: from.uint(),
      requestsResetMs: from.uint(),
      tokensResetMs: from.uint(),
    };
    if (!from.failed) sink?.key(name, use);
  },
  (from, sink) => {
    const [address, connections] = [nameIn(from), from.uint()];
    if (!from.failed) sink?.address(address, connections);
  },
  (from, sink) => {
    const [engine, count] = [numberIn(from), from.uint()];
    if (count === 0 || count > MAX_CHUNKS) from.fail();
    const chunks = new Float64Array(from.failed ? 0 : count);
    for (let at = 0; at < chunks.length; at++) chunks[at] = from.uint();
    if (!from.failed) sink?.met(engine, chunks);
  },
];

function numberIn(from: WireReader): number {
  const number = from.uint();
  if (number >= MAX_NAMES) from.fail();
  return number;
}

function nameIn(from: WireReader): string {
  const name = from.text(MAX_NAME_BYTES);
  if (name === "") from.fail();
  return name;
}

/** Flags none of which is above `most`. */
function flagsIn(from: WireReader, most: number): number {
  const flags = from.byte();
  if (flags > most) from.fail();
  return flags;
}

/** The name of a peer, as there is one in the middle of a message. */
export function peerIn(from: WireReader): string {
  const peer = from.text(MAX_PEER_BYTES);
  if (!isPeerId(peer)) from.fail();
  return peer;
}

function verdictIn(from: WireReader): VerdictTold {
  const [version, author] = [from.uint(), peerIn(from)];
  const flags = flagsIn(from, 15);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  // A trial is of something that is shut, and an answer of a trial.
  if ((has(Has.trial) && !has(Has.shut)) || (has(Has.answering) && !has(Has.trial))) from.fail();
  const shut = has(Has.shut)
    ? {
      why: codeOfNumber(from.uint()),
      pauseMs: from.uint(),
      agoMs: from.uint(),
      leftMs: from.uint(),
    }
    : undefined;
  const trial = has(Has.trial)
    ? { owner: peerIn(from), leftMs: from.uint(), answering: has(Has.answering) }
    : undefined;
  const unfit = has(Has.unfit) ? { why: codeOfNumber(from.uint()), agoMs: from.uint() } : undefined;
  return {
    version,
    author,
    ...(shut === undefined ? {} : { shut: trial === undefined ? shut : { ...shut, trial } }),
    ...(unfit === undefined ? {} : { unfit }),
  };
}

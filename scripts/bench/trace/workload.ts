/** Conversations that share beginnings: who asks for what, and when. @module */
import type { Random } from "../../../lib/base/mod.ts";

/** What a trace is made of. */
export interface WorkloadOptions {
  readonly requests: number;
  /** Requests per second, on average; they come by chance. */
  readonly rate: number;
  readonly sessions: number;
}

/** Tokens in the smallest piece that engines and router tell apart, and in a chunk of the router's. */
export const BLOCK_TOKENS = 16;
const CHUNK_BLOCKS = 2;

/** How often the second of sessions, and of shared beginnings, comes for each time of the first. */
const SESSION_ZIPF = 0.9;
const SHARED_ZIPF = 1;

/** Beginnings that conversations share, such as system prompts with their tools. */
const SHARED = 8;
const SHARED_TOKENS = [1_024, 4_096] as const;

/** Tokens of one question, of one answer, and of a conversation before another is begun. */
const ASKED = [32, 768] as const;
const ANSWERED = [32, 384] as const;
const LONGEST = 16_384;

/** Numbers of blocks of one text lie closer together than this. */
const SPAN = 2 ** 20;

/** One turn of a conversation. */
export interface Turn {
  /** Seconds from the start. */
  readonly at: number;
  readonly session: string;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Number of the block at `index` of the conversation: it tells all that is before it. */
  readonly block: (index: number) => number;
  /** The answer has ended: the session may go on. */
  readonly end: () => void;
}

interface Conversation {
  readonly id: number;
  readonly shared: number;
  readonly sharedTokens: number;
  tokens: number;
  busy: boolean;
}

/** Turns one after the other. Who comes next depends on whose answers have ended. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #random: Random;
  readonly #open: (Conversation | undefined)[] = [];
  readonly #sessionShares: readonly number[];
  readonly #sharedShares: readonly number[];
  #begun = 0;
  #at = 0;

  constructor(options: WorkloadOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#sessionShares = zipf(options.sessions, SESSION_ZIPF);
    this.#sharedShares = zipf(SHARED, SHARED_ZIPF);
  }

  /** When the next request comes. */
  nextAt(): number {
    this.#at -= Math.log(1 - this.#random.next()) / this.#options.rate;
    return this.#at;
  }

  /** The request that comes at this time. */
  next(): Turn {
    const session = this.#idleSession();
    const conversation = this.#conversationOf(session);
    const before = conversation.tokens;
    const promptTokens = before + this.#between(ASKED);
    const answerTokens = this.#between(ANSWERED);
    conversation.tokens = promptTokens + answerTokens;
    conversation.busy = true;
    const { id, shared, sharedTokens } = conversation;
    return {
      at: this.#at,
      session: `session-${session}`,
      promptTokens,
      answerTokens,
      block: (index) =>
        (index + 1) * BLOCK_TOKENS <= sharedTokens
          ? shared * SPAN + index
          : (id + SHARED) * SPAN + index,
      end: () => conversation.busy = false,
    };
  }

  /** A session that waits for no answer. */
  #idleSession(): number {
    for (;;) {
      const session = drawn(this.#sessionShares, this.#random.next());
      if (this.#open[session]?.busy !== true) return session;
    }
  }

  #conversationOf(session: number): Conversation {
    const open = this.#open[session];
    if (open !== undefined && open.tokens < LONGEST) return open;
    const shared = drawn(this.#sharedShares, this.#random.next());
    const [least, most] = SHARED_TOKENS;
    // The same for all conversations that share it.
    const blocks = Math.floor((least + (most - least) * shared / (SHARED - 1)) / 32) * 2;
    const sharedTokens = blocks * BLOCK_TOKENS;
    const begun = { id: this.#begun++, shared, sharedTokens, tokens: sharedTokens, busy: false };
    this.#open[session] = begun;
    return begun;
  }

  #between([least, most]: readonly [number, number]): number {
    return least + Math.floor(this.#random.next() * (most - least + 1));
  }
}

/** What the router makes of the text of `turn`: a hash for each whole chunk. */
export function chunksOf({ block, promptTokens }: Turn): Float64Array {
  const count = Math.floor(promptTokens / (CHUNK_BLOCKS * BLOCK_TOKENS));
  return Float64Array.from({ length: count }, (_, index) => block(CHUNK_BLOCKS * index + 1));
}

/** Shares that add up to 1, each with those before it. */
function zipf(count: number, exponent: number): readonly number[] {
  const weights = Array.from({ length: count }, (_, index) => (index + 1) ** -exponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.map((weight) => sum += weight / total);
}

function drawn(shares: readonly number[], chance: number): number {
  const found = shares.findIndex((share) => chance < share);
  return found < 0 ? shares.length - 1 : found;
}

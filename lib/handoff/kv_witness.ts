/** What of each handoff says whether its KV was found, gathered on the answer's way to the client. @module */
import {
  COLON,
  concatBytes,
  encodeUtf8,
  indexOfBytes,
  skipDigits,
  skipSpace,
} from "../base/mod.ts";
import type { Arrival, KvEvidence, KvPair, KvProof } from "../fleet/mod.ts";
import type { RawJson, Usage } from "../openai/mod.ts";
import { type ByteSource, sourceOf } from "../request/mod.ts";
import { cachedIn } from "./cached_tokens.ts";
import type { KvSampler, Sampled } from "./kv_sampler.ts";

/** Who is told of handoffs. */
export interface KvWitness {
  /** A handoff begins. */
  begin(pair: KvPair): HandoffWatch;
}

/** One handoff. Nothing need be called at its end where there was no answer. */
export interface HandoffWatch {
  /** The decode leg is sent, whose KV is there as far as the router knows. */
  sent(): void;
  /**
   * Its answer has ended: what its prompt was, and how many tokens of it the decode engine says it has
   * not computed; undefined where it does not say.
   */
  ended(promptTokens: number | undefined, cached: number | undefined): void;
}

/** What a witness works with. */
export interface WitnessDeps {
  readonly proof: Pick<KvProof, "judge">;
  readonly sampler: Pick<KvSampler, "begin" | "sent" | "ended" | "forget">;
}

/** Most decode engines of which it is known that their answers do not tell. */
const MAX_SILENT = 4_096;

/** Takes what answers tell, and has counters read of engines whose answers do not. */
export class UsageWitness implements KvWitness {
  readonly #deps: WitnessDeps;
  /** Decode engines whose last answer did not tell. */
  readonly #silent = new Set<string>();

  constructor(deps: WitnessDeps) {
    this.#deps = deps;
  }

  begin(pair: KvPair): HandoffWatch {
    const { sampler } = this.#deps;
    const { id } = pair.decode;
    if (this.#silent.has(id)) sampler.begin(pair.decode);
    let sampled: Sampled | undefined;
    return {
      sent: () => sampled = sampler.sent(pair),
      ended: (tokens, cached) => {
        if (sampled === undefined || tokens === undefined) return;
        if (this.#tells({ pair, prompt: { tokens }, found: cached ?? 0, by: "usage" }, cached)) {
          return;
        }
        sampler.ended(sampled, tokens);
        // The next handoff is compared with what the engine has counted by then.
        sampler.begin(pair.decode);
      },
    };
  }

  /** Nothing of the engine `id` is kept. */
  forget(id: string): void {
    this.#silent.delete(id);
    this.#deps.sampler.forget(id);
  }

  #tells(evidence: KvEvidence, cached: number | undefined): boolean {
    const { id } = evidence.pair.decode;
    const arrival: Arrival = cached === undefined ? "open" : this.#deps.proof.judge(evidence);
    if (arrival !== "open") this.#silent.delete(id);
    else if (this.#silent.size < MAX_SILENT) this.#silent.add(id);
    return arrival !== "open";
  }
}

/** What a P1 decode engine's `usage` says: its prompt has the first token behind that of the client. */
export function toldOfP1(usage: Usage | undefined): {
  readonly prompt: number | undefined;
  readonly cached: number | undefined;
} {
  return { prompt: usage && usage.prompt_tokens - 1, cached: cachedIn(usage) };
}

/** With it, NixlConnector tells the count of the prefill engine, whatever came. */
const REMOTE_COUNT = encodeUtf8('"remote_prefill_cached_tokens"');

/** Whether an answer to `params` tells what the decode engine itself has found. */
export function tellsItsOwn(params: RawJson | undefined): boolean {
  if (params === undefined) return true;
  const bytes = typeof params === "string"
    ? encodeUtf8(params)
    : params instanceof Uint8Array
    ? params
    : concatBytes(params);
  return indexOfBytes(bytes, REMOTE_COUNT) < 0;
}

/** The count's name as engines write it in `usage`: within a string, its quotes would be escaped. */
const NAME = encodeUtf8('"cached_tokens"');

/** A name, white space, a colon and a count, within reason. */
const MAX_COUNT_BYTES = 64;

/** `source` as it is; its last count of cached tokens is told at its end, and at no other. */
export function watchedCount(
  source: ByteSource,
  onEnd: (cached: number | undefined) => void,
): ByteSource {
  let tail: Uint8Array = new Uint8Array(0);
  let count: number | undefined;
  let ended = false;
  return sourceOf({
    async read() {
      const bytes = await source.read();
      if (bytes === undefined) {
        if (!ended) onEnd(count);
        ended = true;
        return undefined;
      }
      // A count may stand on the edge of two reads.
      const seam = concatBytes([tail, bytes.subarray(0, MAX_COUNT_BYTES)]);
      count = lastCountIn(bytes) ?? lastCountIn(seam) ?? count;
      tail = (bytes.length < MAX_COUNT_BYTES ? seam : bytes).slice(-MAX_COUNT_BYTES);
      return bytes;
    },
    cancel: () => source.cancel(),
    failure: () => source.failure,
  });
}

/** The last count of cached tokens in a whole answer, which ends behind it. */
export function lastCountIn(bytes: Uint8Array): number | undefined {
  let last: number | undefined;
  for (let at = indexOfBytes(bytes, NAME); at >= 0; at = indexOfBytes(bytes, NAME, at + 1)) {
    const colon = skipSpace(bytes, at + NAME.length);
    const start = skipSpace(bytes, colon + 1);
    const end = bytes[colon] === COLON ? skipDigits(bytes, start) : start;
    // Digits at the end may go on in the next read.
    if (end > start && end < bytes.length) {
      last = Number(new TextDecoder().decode(bytes.subarray(start, end)));
    }
  }
  return last;
}

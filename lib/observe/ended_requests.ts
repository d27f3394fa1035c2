/** Requests that have ended since looks began, of all routers that are looked at, for whoever was not told. @module */
import { type KnownCounts, MAX_TOLD, type NamedPart } from "./live_part.ts";

/** Routers that are remembered, those that have gone too. */
const MAX_ROUTERS = 1_024;

/** Keeps the last of them. */
export class EndedRequests {
  readonly #known = new Map<string, number>();
  /** Their numbers in the order of their ends, with their texts; not all numbers are there. */
  #latest: readonly { readonly no: number; readonly json: string }[] = [];
  #count = 0;

  /** How many have ended since the first look. */
  get count(): number {
    return this.#count;
  }

  /** How many are known of each router. */
  get known(): KnownCounts {
    return Object.fromEntries(this.#known);
  }

  /** Take what was told at one look. */
  take(parts: readonly NamedPart[]): void {
    const isFirst = this.#known.size === 0;
    for (const { of, part: { count } } of parts) {
      this.#count += isFirst ? 0 : Math.max(0, count - (this.#known.get(of) ?? 0));
      this.#known.delete(of);
      this.#known.set(of, count);
    }
    for (const of of this.#known.keys()) {
      if (this.#known.size <= MAX_ROUTERS) break;
      this.#known.delete(of);
    }
    const ended = parts.flatMap(({ part }) => part.ended);
    if (parts.length > 1) ended.sort((one, other) => endOf(one) - endOf(other));
    const fresh = ended.slice(-MAX_TOLD);
    const before = this.#count - fresh.length;
    this.#latest = [
      ...this.#latest,
      ...fresh.map((view, at) => ({ no: before + at + 1, json: JSON.stringify(view) })),
    ].slice(-MAX_TOLD);
  }

  /** Those behind number `told`, as JSON, the earliest first, and how many more there were. */
  since(told: number): { readonly ended: readonly string[]; readonly untold: number } {
    const ended = this.#latest.flatMap(({ no, json }) => no > told ? [json] : []);
    return { ended, untold: this.#count - told - ended.length };
  }
}

function endOf({ received, phases }: NamedPart["part"]["ended"][number]): number {
  return received + (phases.total ?? 0) / 1000;
}

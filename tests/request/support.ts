/** Answers and flights that say what is done to them, for the tests of this folder. @module */
import { concatBytes, encodeUtf8, type Engine, RouterError } from "../../lib/base/mod.ts";
import { type Flight, type Leg, type Outcome, takeOff } from "../../lib/fleet/mod.ts";
import type { HeaderField, UpstreamResponse } from "../../lib/upstream/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** An engine of no role in particular. */
export const ENGINE: Engine = {
  id: "e",
  url: "http://e:8000",
  role: "any",
  models: ["m"],
  kv: "none",
};

/** A piece of a body: text, an error at which it breaks, or a wait for what never comes. */
export type Piece = string | Error | "(nothing comes)";

/** A response of an engine. As the real one, it lends its bytes until the next read only. */
export class FakeResponse implements UpstreamResponse {
  readonly status: number;
  readonly headers: readonly HeaderField[];
  disposals = 0;
  /** What `readAll` was allowed, once per call. */
  readonly limits: number[] = [];
  readonly #pieces: Piece[];
  readonly #lent = new Uint8Array(64);
  readonly #gone = Promise.withResolvers<never>();

  constructor(
    pieces: readonly Piece[],
    { status = 200, headers = [] }: Partial<Pick<UpstreamResponse, "status" | "headers">> = {},
  ) {
    this.status = status;
    this.headers = headers;
    this.#pieces = [...pieces];
    this.#gone.promise.catch(() => {});
  }

  header(name: string): string | undefined {
    return this.headers.find(([field]) => field.toLowerCase() === name)?.[1];
  }

  read(): Promise<Uint8Array | undefined> {
    this.#lent.fill(0x3f);
    if (this.disposals > 0 && this.#pieces.length > 0) return this.#gone.promise;
    const piece = this.#pieces.shift();
    if (piece === undefined) return Promise.resolve(undefined);
    if (piece instanceof Error) return Promise.reject(piece);
    if (piece === "(nothing comes)") return this.#gone.promise;
    const { written } = new TextEncoder().encodeInto(piece, this.#lent);
    return Promise.resolve(this.#lent.subarray(0, written));
  }

  readAll(limitBytes: number): Promise<Uint8Array> {
    this.limits.push(limitBytes);
    const broken = this.#pieces.find((piece) => piece instanceof Error);
    if (broken !== undefined) return Promise.reject(broken);
    const texts = this.#pieces.splice(0).map((piece) => encodeUtf8(String(piece)));
    return Promise.resolve(concatBytes(texts));
  }

  [Symbol.dispose](): void {
    this.disposals++;
    this.#gone.reject(new RouterError("client-gone", "The response was disposed"));
  }
}

/** A flight that began at time 0 of `clock`, and how it ended: told once, if at all. */
export function flightTo(
  engine: Engine = ENGINE,
  leg: Leg = "direct",
): { readonly flight: Flight; readonly clock: FakeClock; readonly outcomes: readonly Outcome[] } {
  const clock = new FakeClock();
  const outcomes: Outcome[] = [];
  const onLanded = (outcome: Outcome): void => void outcomes.push(outcome);
  return { flight: takeOff({ clock, engine, leg, peer: undefined, onLanded }), clock, outcomes };
}

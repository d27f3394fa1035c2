/** What a protocol by which KV moves is to the rest of the router. @module */
import type { Engine, Logger, Mode } from "../base/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { RawJson } from "../openai/mod.ts";
import type { Pair } from "../selection/mod.ts";
import type { KvReadyBoard } from "../zmq/mod.ts";
import type { KvRequestIds } from "./kv_id.ts";
import type { Landing } from "./landing.ts";

/** What holds for all transfers of a protocol. */
export interface KvTraits {
  /** The way of a request whose whole answer comes from the decode engine, as a metric label. */
  readonly route: `handoff_${string}`;
  /** Modes that a decode engine can take. */
  readonly modes: (engine: Engine) => readonly Mode[];
  /** A decode engine can read the same KV more than once. */
  readonly rereads: boolean;
  /** KV stays at the decode engine, where other requests can find it, until a request reads it. */
  readonly holds: boolean;
  /** Whether the decode leg waits for the prefill's answer, or both legs are sent at once. */
  readonly order: "prefill-first" | "together";
}

/** What a prefill's answer says of its KV. */
export interface KvNews {
  /** `kv_transfer_params` as they stand in the answer; undefined when absent or `null`. */
  readonly kvParams: Uint8Array | undefined;
}

/** How a prefill leg ended, as far as its KV is concerned. */
export type PrefillFate =
  | { readonly kind: "ok"; readonly result: KvNews }
  /** The engine refused the request (4xx), and computed nothing. */
  | { readonly kind: "refused" }
  | {
    readonly kind: "failed";
    /** The engine may have worked on it, and its KV may have moved. */
    readonly sent: boolean;
    /** The engine said that it takes nothing on at the moment (503). */
    readonly told: boolean;
  };

/**
 * How KV that no decode will read is released: by a request that reads it. `none` where it ages by
 * itself. `params` are the `kv_transfer_params` of that request; "nothing" when no KV has moved.
 */
export type Reclaim = "none" | {
  /** What the decode engine is given is good for one request, so one sent is the only one. */
  readonly singleUse: boolean;
  readonly params: (news: KvNews | undefined) => RawJson | undefined | "nothing";
};

/** One transfer of KV, as its protocol arranges it before any leg is sent. Its landing is disposed. */
export interface Transfer {
  /** `kv_transfer_params` of the prefill leg; undefined for none. */
  readonly prefillParams: RawJson | undefined;
  /**
   * `kv_transfer_params` of the decode leg; undefined for none. Asked for once, with the prefill's
   * answer, or without where both legs are sent together.
   */
  readonly decodeParams: (news: KvNews | undefined) => RawJson | undefined;
  /**
   * Whether a decode leg may be sent a second time, where the first was not taken on.
   * @default where it has no params
   */
  readonly replayable?: boolean;
  readonly landed: Landing;
  readonly reclaim: Reclaim;
}

/** Whether the decode leg of a transfer, under `params`, may be sent a second time. */
export function isReplayable({ replayable }: Transfer, params: RawJson | undefined): boolean {
  return replayable ?? params === undefined;
}

/** What a transfer is for. */
export interface TransferAsk {
  readonly pair: Pair;
  readonly mode: Mode;
  /** The client's request, for logs. */
  readonly requestId: string;
}

/** What protocols work with. */
export interface KvDeps {
  readonly board: Pick<KvReadyBoard, "expect">;
  readonly ids: Pick<KvRequestIds, "next">;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "count">;
}

/** One way for KV from a prefill to a decode engine. */
export interface KvProtocol {
  readonly traits: KvTraits;
  /** Arrange a transfer. Throws `RouterError` `internal` for a pair that the protocol cannot serve. */
  begin(deps: KvDeps, ask: TransferAsk): Transfer;
}

/** What a flow is given: the request's circumstances, and the parts it works with. @module */
import type { Clock, Engine, KvProtocol, Logger, Random } from "../base/mod.ts";
import type { KvTimeoutPolicy, Timeouts } from "../config/mod.ts";
import type { EngineDirectory } from "../discovery/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { Inflight, Policies } from "../selection/mod.ts";
import type { PromptSource, Tokenizer } from "../tokenization/mod.ts";
import type { HeaderField, UpstreamClient } from "../upstream/mod.ts";
import type { KvReadyBoard } from "../zmq/mod.ts";
import type { Background } from "./background.ts";
import type { Drainer } from "./drain.ts";
import type { RequestTrace } from "./trace.ts";

/** The circumstances of one request. */
export interface RequestContext {
  /** The client's `X-Request-Id`, or one made for it. Not unique: clients may repeat theirs. */
  readonly id: string;
  readonly sessionId: string | undefined;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** The client's fields that engines shall see, `X-Request-Id` included. */
  readonly headers: readonly HeaderField[];
  readonly trace: RequestTrace;
}

/** What every flow works with. */
export interface FlowDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly directory: EngineDirectory;
  /** Something asked of this engine has failed: find out soon whether it still answers. */
  readonly doubt: (engine: Engine) => void;
  readonly upstream: UpstreamClient;
  readonly policies: Policies;
  readonly inflight: Inflight;
  readonly background: Background;
  readonly timeouts: Timeouts;
  /** Keep the KV transfer fields of clients, for routers in a chain. */
  readonly trustClientKvParams: boolean;
  /** Keep direct requests away from KV that waits on LMCache decode engines. */
  readonly lmcacheTagDirect: boolean;
}

/** What a handoff works with besides. */
export interface HandoffDeps extends FlowDeps {
  /** How KV moves where engines say nothing else. */
  readonly protocol: KvProtocol;
  readonly board: KvReadyBoard;
  readonly tokenizer: Tokenizer;
  readonly prompts: PromptSource;
  readonly drainer: Drainer;
  readonly kvReadyTimeoutMs: number;
  readonly kvTimeoutPolicy: KvTimeoutPolicy;
}

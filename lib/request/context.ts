/** What a story is given: the request's circumstances, and the parts it works with. @module */
import type {
  AbortWatch,
  Breather,
  ByteShare,
  Clock,
  Logger,
  Random,
  RouterError,
} from "../base/mod.ts";
import type { RankLeg, Timeouts } from "../config/mod.ts";
import type { EngineFleet, KeyRefusals } from "../fleet/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { PromptFacts, PromptPart } from "../selection/mod.ts";
import type { HeaderField, UpstreamClient } from "../upstream/mod.ts";
import type { Background } from "./background.ts";
import type { EarlyIds, KvLookup } from "./kv_lookup.ts";
import type { RetryBudget } from "./retry_budget.ts";
import type { RequestTrace } from "./trace.ts";

/** The circumstances of one request. */
export interface RequestContext {
  /** The client's `X-Request-Id`, or one made for it. Not unique: clients may repeat theirs. */
  readonly id: string;
  readonly sessionId: string | undefined;
  /** Aborts when the client has gone. */
  readonly signal: AbortWatch;
  /** The client's fields that engines shall see, `X-Request-Id` of an attempt (`attemptOf`) included. */
  readonly headers: readonly HeaderField[];
  /** Set where the client names a data-parallel rank: the leg of a handoff that it is meant for. */
  readonly rankLeg?: RankLeg | undefined;
  /** The name of the API key that it was let in with; absent for none. */
  readonly key?: string | undefined;
  /** What policies may know of its prompt. */
  readonly prompt?: PromptFacts | undefined;
  /** It goes behind all those that have not this: where others wait for room, it gets none. */
  readonly behind?: true | undefined;
  /** Ids of its prompt, where they were asked for before its engines were chosen. */
  readonly earlyIds?: EarlyIds | undefined;
  /** Told when it waits for room at the engines. */
  readonly onQueued?: (() => void) | undefined;
  readonly trace: RequestTrace;
  /**
   * An error as the client may be told of it, for those who tell it within an answer.
   * @default as it is
   */
  readonly told?: ((error: RouterError) => RouterError) | undefined;
  /**
   * What is held of the request's body, until its answer has ended. Whoever needs the body longer
   * holds it too.
   */
  readonly held?: ByteShare;
}

/** What every story works with. */
export interface FlowDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly fleet: EngineFleet;
  /** Absent where no engine can refuse. */
  readonly keyRefusals?: Pick<KeyRefusals, "has"> | undefined;
  readonly upstream: UpstreamClient;
  readonly background: Background;
  readonly retries: RetryBudget;
  readonly timeouts: Timeouts;
  /** Where work on large bodies rests. */
  readonly breather: Breather;
  /** Where prompts are looked up; absent where no policy goes by what engines have cached. */
  readonly kvLookup?: KvLookup | undefined;
  /** What of prompts policies look at; absent where they are told nothing of them. */
  readonly promptParts?: ReadonlySet<PromptPart> | undefined;
}

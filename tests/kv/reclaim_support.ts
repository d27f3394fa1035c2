/** A reclaimer among parts that do what a test says. @module */
import {
  type AbortWatch,
  type ByteParts,
  encodeUtf8,
  type Engine,
  RouterError,
} from "../../lib/base/mod.ts";
import {
  type AbandonedTransfer,
  type PrefillFate,
  type Reclaim,
  Reclaimer,
  type ReclaimRequest,
} from "../../lib/kv/mod.ts";
import { Background } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { engine, FakeLanding, keptLog, KeptMetrics } from "./support.ts";

/** How long notifications are watched for. */
export const GRACE_MS = 20_000;

/** What an `ok` prefill says of its KV. */
export const NEWS = { kvParams: encodeUtf8('{"remote_block_ids":[[1]]}') };

/** KV that may be read as often as it takes. */
export const AGAIN: Exclude<Reclaim, "none"> = { singleUse: false, params: () => undefined };

/** KV whose parameters are good for one request. */
export const ONCE: Exclude<Reclaim, "none"> = {
  singleUse: true,
  params: (news) => news?.kvParams ?? "nothing",
};

const BODY: ByteParts = [encodeUtf8('{"max_tokens":1}')];

/** One request that was sent, to be answered with a status or an error. */
export interface Sent {
  readonly engine: Engine;
  readonly request: ReclaimRequest;
  readonly answer: (end: number | Error) => void;
}

/** A transfer given to the reclaimer, and what became of it. */
export interface Adopted {
  readonly landed: FakeLanding;
  /** What `params` of the protocol was given, once per call. */
  readonly asked: (Parameters<Exclude<Reclaim, "none">["params"]>[0])[];
  /** What `body` was given, once per call. */
  readonly built: unknown[];
}

/** What a test says of a transfer; the rest is a prefill that is over and KV that has landed. */
export interface TransferParts extends Partial<Omit<AbandonedTransfer, "transfer">> {
  readonly reclaim?: Reclaim;
  readonly landed?: FakeLanding;
}

/** A landing that says `ready`. */
export function landedKv(): FakeLanding {
  const landed = new FakeLanding();
  landed.notified = 2;
  landed.end("ready");
  return landed;
}

/** A reclaimer, and all that it can be seen by. */
export class ReclaimFixture {
  readonly clock = new FakeClock();
  readonly metrics = new KeptMetrics();
  readonly sent: Sent[] = [];
  readonly lines: readonly string[];
  readonly background: Background;
  readonly reclaimer: Reclaimer;

  constructor() {
    const { log, lines } = keptLog(this.clock);
    this.lines = lines;
    this.background = new Background(log);
    const { clock, metrics, background } = this;
    const send = (to: Engine, request: ReclaimRequest, signal: AbortWatch): Promise<number> =>
      this.#send(to, request, signal);
    this.reclaimer = new Reclaimer({ clock, log, metrics, background, send, graceMs: GRACE_MS });
  }

  /** Results counted so far, in order. */
  get results(): readonly string[] {
    return this.metrics.counted.map((line) => line.replace("pd_router_drains_total ", ""));
  }

  /** Give the reclaimer a transfer, and let it come as far as it can. */
  async adopt(parts: TransferParts = {}): Promise<Adopted> {
    const { reclaim = AGAIN, landed = landedKv(), body, ...more } = parts;
    const asked: Adopted["asked"] = [];
    const built: unknown[] = [];
    const noted: Reclaim = reclaim === "none" ? reclaim : {
      ...reclaim,
      params(news) {
        asked.push(news);
        return reclaim.params(news);
      },
    };
    this.reclaimer.adopt({
      transfer: { landed, reclaim: noted },
      decode: engine("d"),
      prefill: { kind: "ok", result: NEWS } satisfies PrefillFate,
      path: "/v1/completions",
      headers: [["authorization", "secret"], ["x-request-id", "r-1"]],
      ...more,
      body(params) {
        built.push(params);
        return body === undefined ? BODY : body(params);
      },
    });
    await settle();
    return { landed, asked, built };
  }

  /** Answer the request that was sent as number `at`, and let the reclaimer come as far as it can. */
  async answer(at: number, end: number | Error): Promise<void> {
    const sent = this.sent[at];
    assert(sent, `${this.sent.length} were sent`);
    sent.answer(end);
    await settle();
  }

  /** Fail unless the reclaimer has nothing left to do and `landings` were disposed once each. */
  assertIdle(...landings: readonly FakeLanding[]): void {
    const { reclaimer, background, clock, metrics } = this;
    assertEquals([reclaimer.pending, reclaimer.gates], [0, 0]);
    assertEquals([background.size, clock.pending], [0, 0]);
    assertEquals(metrics.gauged.at(-1) ?? 0, 0);
    assertEquals(landings.map(({ disposals }) => disposals), landings.map(() => 1));
  }

  /** As an engine's client: an abort ends the exchange. */
  #send(to: Engine, request: ReclaimRequest, signal: AbortWatch): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    signal.addEventListener("abort", () => reject(new RouterError("client-gone", "Aborted")));
    this.sent.push({
      engine: to,
      request,
      answer: (end) => typeof end === "number" ? resolve(end) : reject(end),
    });
    return promise;
  }
}

/** What protocols are tried with: a real board, ids that can be foretold, and what was noted. @module */
import { concatBytes, decodeUtf8, encodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import { type KvDeps, type KvNews, KvRequestIds, type TransferAsk } from "../../lib/kv/mod.ts";
import type { RawJson } from "../../lib/openai/mod.ts";
import type { Pair } from "../../lib/selection/mod.ts";
import { KvReadyBoard } from "../../lib/zmq/mod.ts";
import { assert } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { keptLog, KeptMetrics } from "./support.ts";

/** The id of the client's request: engines are told another one. */
export const CLIENT_ID = "client-request-1";

/** What vLLM's NixlConnector says of its KV, as it stands in an answer: not as `JSON.stringify`. */
export const NIXL_PARAMS: Uint8Array = encodeUtf8(
  '{"do_remote_prefill": true, "do_remote_decode": false, "remote_block_ids": [[1, 2]],' +
    ' "remote_engine_id": "e", "remote_request_id": "r", "remote_host": "h", "remote_port": 5600,' +
    ' "tp_size": 1, "remote_num_tokens": 12345678901234567890}',
);

/** What answers of prefill engines say: with parameters, and without. */
export const NEWS: readonly KvNews[] = [{ kvParams: NIXL_PARAMS }, { kvParams: undefined }];

/** Parts to begin transfers with. The board is disposed with it. */
export class ProtocolFixture implements Disposable {
  readonly clock = new FakeClock();
  readonly board: KvReadyBoard;
  readonly metrics = new KeptMetrics();
  readonly lines: readonly string[];
  readonly deps: KvDeps;
  /** Ids that were made, and ranks that are awaited, in order. */
  readonly steps: string[] = [];
  /** The ids alone. */
  readonly ids: string[] = [];

  constructor() {
    const { clock, metrics, steps } = this;
    const ids = new KvRequestIds(seededRandom(5));
    const board = new KvReadyBoard({
      clock,
      finishedTtlMs: 60_000,
      sweepIntervalMs: 10_000,
      maxEntries: 100,
    });
    const { log, lines } = keptLog(clock);
    this.board = board;
    this.lines = lines;
    this.deps = {
      log,
      metrics,
      ids: {
        next: () => {
          const id = ids.next();
          this.ids.push(id);
          steps.push("id");
          return id;
        },
      },
      board: {
        expect: (id, options) => {
          steps.push(`expect ${options.ranks}`);
          return board.expect(id, options);
        },
      },
    };
  }

  /** Waits that are on the board. */
  get waiters(): number {
    return this.board.stats().waiters;
  }

  [Symbol.dispose](): void {
    this.board[Symbol.dispose]();
  }
}

/** A wish for a transfer between `pair`. */
export function askFor(pair: Pair, mode: TransferAsk["mode"] = "d1"): TransferAsk {
  return { pair, mode, requestId: CLIENT_ID };
}

/** The text of `raw`. */
export function textOf(raw: RawJson | undefined): string {
  assert(raw !== undefined, "there is no JSON");
  if (typeof raw === "string") return raw;
  return decodeUtf8(raw instanceof Uint8Array ? raw : concatBytes(raw));
}

/** One request of a batch: asked, and its result written, or given back. @module */
import {
  type Breather,
  describeError,
  encodeUtf8,
  inSlices,
  type Logger,
  type Random,
  RouterError,
} from "../base/mod.ts";
import { errorBodyOf, meaningOf } from "../openai/mod.ts";
import { type AskLine, bodyOfLine, type LineAnswer } from "./asking.ts";
import type { Disk } from "./disk.ts";
import { idOf } from "./file_store.ts";
import type { BatchLine } from "./lines.ts";
import { answeredLine, type AnsweredWith } from "./result_line.ts";
import type { ResultWriter } from "./result_writer.ts";
import type { RunningBatch } from "./running_batch.ts";

/** What becomes of a request, for metrics. */
export type LineEnd = "ok" | "failed" | "again";

/** What asking works with. */
export interface AnswerLineOptions {
  readonly ask: AskLine;
  readonly disk: Pick<Disk, "read">;
  readonly writer: Pick<ResultWriter, "write">;
  readonly random: Random;
  readonly log: Logger;
  readonly breather: Breather;
  readonly onLine: (end: LineEnd) => void;
}

/** Answers that say nothing of the request: there is no room for it at this moment. */
const NO_ROOM: ReadonlySet<number> = new Set([429, 503]);

/** How long engines may be away, e.g. as they start anew, in milliseconds. */
const AWAY_MS = 10 * 60_000;

/**
 * Answers that another try may better, and for how long it is tried: what the engines are away for is
 * nothing that a request can help.
 */
const MAYBE_BETTER: ReadonlyMap<number, number> = new Map([
  [408, 0],
  [500, 0],
  [502, AWAY_MS],
  [504, 0],
]);

/** Ask for `line`, which was taken of `running`, and give it back or settle it; never rejects. */
export async function answerLine(
  options: AnswerLineOptions,
  running: RunningBatch,
  line: BatchLine,
): Promise<void> {
  const { log, random } = options;
  const requestId = random.uuid();
  let answer: LineAnswer | undefined;
  try {
    answer = await asked(options, running, line, requestId);
    await take(options, running, line, { requestId, answer });
  } catch (error) {
    log.error("A request of a batch has no result", () => ({
      batch: running.batch.id,
      line: line.line,
      error: describeError(error),
    }));
    running.refused(line, undefined);
  } finally {
    answer?.release();
  }
}

/** Undefined where the answer broke off. */
async function asked(
  { ask, disk, log }: AnswerLineOptions,
  { batch, signal }: RunningBatch,
  line: BatchLine,
  requestId: string,
): Promise<LineAnswer | undefined> {
  const { owner, endpoint, inputFileId } = batch;
  const body = bodyOfLine(disk, inputFileId, line);
  try {
    return await ask({ owner, endpoint, requestId, ...body, signal });
  } catch (error) {
    log.debug("The answer to a request of a batch broke off", () => ({
      batch: batch.id,
      line: line.line,
      error: describeError(error),
    }));
    return undefined;
  }
}

interface Asked {
  readonly requestId: string;
  readonly answer: LineAnswer | undefined;
}

async function take(
  { writer, random, breather, onLine }: AnswerLineOptions,
  running: RunningBatch,
  line: BatchLine,
  { requestId, answer }: Asked,
): Promise<void> {
  // Whatever it says, it was broken off.
  if (running.signal.aborted) return running.returned(line);
  const status = answer?.status;
  const full = status !== undefined && NO_ROOM.has(status);
  const patienceMs = status === undefined ? AWAY_MS : MAYBE_BETTER.get(status);
  if (full || (patienceMs !== undefined && running.mayTry(line, patienceMs))) {
    onLine("again");
    return running.refused(line, answer?.retryAfterMs);
  }
  const head = { line: line.line, customId: line.customId, id: idOf("batch_req_", random) };
  const what = answer === undefined ? broken(requestId) : { ...answer, requestId };
  const result = await inSlices(answeredLine(head, what), breather);
  if (!await writer.write(running.batch.seq, result)) return running.returned(line);
  onLine(result.ok ? "ok" : "failed");
  running.settled(line);
}

/** What stands for an answer that has broken off each time. */
function broken(requestId: string): AnsweredWith {
  const error = new RouterError(
    "upstream-lost",
    "The answer broke off, each time it was asked for",
  );
  const body = encodeUtf8(JSON.stringify(errorBodyOf(error)));
  return { status: meaningOf(error).status, requestId, body };
}

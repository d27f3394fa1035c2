/** Batches as clients make, list and cancel them. @module */
import { type Clock, type Random, recordOf, RouterError } from "../base/mod.ts";
import type { BatchTable } from "./batch_table.ts";
import { type FileStore, idOf, noSuch } from "./file_store.ts";
import type { Page, PageAsk } from "./page.ts";
import { BATCH_ENDPOINTS, type StoredBatch } from "./stored_batch.ts";

/** What the service works with. */
export interface BatchServiceOptions {
  readonly batches: BatchTable;
  readonly files: Pick<FileStore, "get">;
  readonly clock: Pick<Clock, "unixMs">;
  readonly random: Pick<Random, "uuid">;
  /** Told of a batch that is there, or is not wanted any more. */
  readonly onChange: (seq: number) => void;
}

/** The one time in which a batch is to be answered, and its length in seconds. */
const WINDOW = "24h";
const WINDOW_S = 24 * 60 * 60;

/** Batches that are not over, and batches in all, at most. */
const MAX_OPEN = 200;
const MAX_BATCHES = 10_000;

/** Batches that are forgotten at a time. */
const ROWS = 64;

/** Bounds of `metadata`. */
const MAX_PAIRS = 16;
const MAX_KEY = 64;
const MAX_VALUE = 512;

/** What there is of each owner is nobody else's. */
export class BatchService {
  readonly #options: BatchServiceOptions;

  constructor(options: BatchServiceOptions) {
    this.#options = options;
  }

  /**
   * Begin what `body`, the fields of OpenAI's request, asks for; it goes on, whatever happens to this
   * process. Throws `bad-request`, `not-found` for the file, and `rate-limited` for too many.
   */
  create(owner: string, body: Readonly<Record<string, unknown>>): StoredBatch {
    const { batches, random, clock, onChange } = this.#options;
    const ask = this.#read(owner, body);
    if (batches.open >= MAX_OPEN) {
      const message = `${MAX_OPEN} batches are not over: wait for one of them, or cancel one`;
      throw new RouterError("rate-limited", message);
    }
    batches.forgetOld(MAX_BATCHES - 1, ROWS);
    const createdAt = Math.floor(clock.unixMs() / 1000);
    const batch = batches.add({
      ...ask,
      id: idOf("batch_", random),
      owner,
      completionWindow: WINDOW,
      outputName: idOf("file-", random),
      errorName: idOf("file-", random),
      createdAt,
      expiresAt: createdAt + WINDOW_S,
    });
    onChange(batch.seq);
    return batch;
  }

  /** The batch `id` of `owner`. Throws `not-found`. */
  get(owner: string, id: string): StoredBatch {
    const batch = this.#options.batches.find(owner, id);
    if (batch === undefined) throw noSuch("Batch", id);
    return batch;
  }

  /** The latest first. */
  list(owner: string, ask: PageAsk): Page<StoredBatch> {
    return this.#options.batches.list(owner, ask);
  }

  /** Ask no more of it. Throws `not-found`, and `bad-request` for one that cannot be cancelled. */
  cancel(owner: string, id: string): StoredBatch {
    const { batches, clock, onChange } = this.#options;
    const { seq, status: from } = this.get(owner, id);
    if (from === "cancelling" || from === "cancelled") return this.get(owner, id);
    if (from !== "validating" && from !== "in_progress") {
      throw refused(`Cannot cancel a batch with status '${from}'`, "batch_id");
    }
    const at = Math.floor(clock.unixMs() / 1000);
    batches.move(seq, { from, to: "cancelling", times: ["cancelling_at"], at });
    onChange(seq);
    return this.get(owner, id);
  }

  #read(
    owner: string,
    body: Readonly<Record<string, unknown>>,
  ): Pick<StoredBatch, "inputFileId" | "endpoint" | "metadata"> {
    const { input_file_id: fileId, endpoint: asked, completion_window: window } = body;
    if (typeof fileId !== "string") throw refused("Name a file", "input_file_id");
    const endpoint = BATCH_ENDPOINTS.find((known) => known === asked);
    if (endpoint === undefined) {
      throw refused(`'endpoint' must be one of ${BATCH_ENDPOINTS.join(", ")}`, "endpoint");
    }
    if (window !== WINDOW) {
      throw refused(`'completion_window' must be '${WINDOW}'`, "completion_window");
    }
    if ((body["output_expires_after"] ?? null) !== null) {
      throw refused("Files do not expire here: delete them", "output_expires_after");
    }
    const file = this.#options.files.get(owner, fileId);
    if (file.purpose !== "batch") {
      const message =
        `The file '${fileId}' was stored with the purpose '${file.purpose}', not 'batch'`;
      throw refused(message, "input_file_id");
    }
    return { inputFileId: fileId, endpoint, metadata: metadataOf(body["metadata"]) };
  }
}

function metadataOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const pairs = Object.entries(recordOf(value) ?? { "": undefined });
  const fits = !Array.isArray(value) && pairs.length <= MAX_PAIRS &&
    pairs.every(([key, text]) =>
      key.length <= MAX_KEY && typeof text === "string" && text.length <= MAX_VALUE
    );
  if (fits) return JSON.stringify(value);
  throw refused(
    `'metadata' must be an object of at most ${MAX_PAIRS} texts of ${MAX_VALUE} characters, with ` +
      `keys of ${MAX_KEY}`,
    "metadata",
  );
}

function refused(message: string, param: string): RouterError {
  return new RouterError("bad-request", message, { param });
}

/** How the requests of batches are answered: whoever starts them says it. @module */
import type { Disk, DiskReader } from "./disk.ts";
import type { BatchLine } from "./lines.ts";

/** One request, to be answered as a client's. */
export interface LineRequest {
  /** The name of the API key that it counts to; empty for none. */
  readonly owner: string;
  /** The path, without the root path. */
  readonly endpoint: string;
  /** Its own, and nobody else's. */
  readonly requestId: string;
  /** The size of its body. */
  readonly bytes: number;
  /** Opens its body. */
  readonly body: () => Promise<DiskReader>;
  /** Aborts when its answer is not wanted any more. */
  readonly signal: AbortSignal;
}

/** What it was answered. */
export interface LineAnswer {
  readonly status: number;
  /** Whole, and the receiver's to change. */
  readonly body: Uint8Array;
  /** When it may be asked again, in milliseconds, where the answer says so. */
  readonly retryAfterMs: number | undefined;
  /** The body is needed no more. */
  readonly release: () => void;
}

/** Answers a request; rejects where its answer breaks off. */
export type AskLine = (request: LineRequest) => Promise<LineAnswer>;

/** The body of `line`, in the file `name`. */
export function bodyOfLine(
  disk: Pick<Disk, "read">,
  name: string,
  { body }: BatchLine,
): Pick<LineRequest, "bytes" | "body"> {
  return { bytes: body.end - body.start, body: () => disk.read(name, body) };
}

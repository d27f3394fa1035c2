/** Requests that are refused before a handler sees them. @module */
import { WireError } from "../../http1/mod.ts";

/** Statuses that the server itself answers with. */
export type RefusalStatus = 400 | 408 | 413 | 414 | 417 | 431 | 501 | 503 | 505;

/** A request that is not taken: the connection is closed behind the answer. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: RefusalStatus;

  /** `message` is for the client, and repeats nothing it has sent. */
  constructor(status: RefusalStatus, message: string) {
    super(message);
    this.status = status;
  }
}

/** `error`, met while a head was read, as a refusal. What is none is thrown. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof WireError) return new Refusal(error.tooLarge ? 431 : 400, error.message);
  throw error;
}

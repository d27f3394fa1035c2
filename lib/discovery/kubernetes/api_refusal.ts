/** What an API server says in place of what it was asked for. @module */
import { recordOf } from "../../base/mod.ts";

/** Longest part of its message that is told, in characters. */
const MAX_MESSAGE = 300;

/** Longest wait that it may ask for, in milliseconds. */
const MAX_RETRY_AFTER_MS = 60_000;

/** An answer that is a `Status`, by HTTP or within a watch. */
export class ApiRefusal extends Error {
  override readonly name = "ApiRefusal";
  readonly status: number;
  /** A word of Kubernetes' own, e.g. `Forbidden`. */
  readonly reason: string;
  /** How long it wants not to be asked, in milliseconds; 0 where it does not say. */
  readonly retryAfterMs: number;

  constructor(status: number, reason: string, message: string, retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** What was asked for is too old to be had: all has to be listed anew. */
  get isExpired(): boolean {
    return this.status === 410 || this.reason === "Expired" || this.reason === "Gone";
  }
}

/** The refusal that `body`, a `Status`, tells of; what is there of it where it is none. */
export function refusalOf(
  body: unknown,
  httpStatus?: number,
  retryAfter?: string,
): ApiRefusal {
  const { code, reason, message, details } = recordOf(body) ?? {};
  const status = httpStatus ?? (typeof code === "number" ? code : 500);
  const seconds = Number(retryAfter ?? recordOf(details)?.["retryAfterSeconds"] ?? 0);
  const retryAfterMs = seconds > 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : 0;
  const word = typeof reason === "string" ? reason.slice(0, MAX_MESSAGE) : "";
  const said = typeof message === "string" ? message.slice(0, MAX_MESSAGE) : "";
  const text = `The API server answers ${[status, word].join(" ").trim()}` +
    (said === "" ? "" : `: ${said}`);
  return new ApiRefusal(status, word, text, retryAfterMs);
}

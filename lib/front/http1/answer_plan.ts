/** How an answer goes out: its framing, and whether its body does. @module */
import { RouterError } from "../../base/mod.ts";
import type { Answer } from "../../request/mod.ts";

/** How the client finds the end of an answer's body; a number is its length in bytes. */
export type AnswerFraming = number | "chunked" | "until-close" | "none";

/** What is sent of an answer. */
export interface AnswerPlan {
  readonly framing: AnswerFraming;
  /** The body goes out, too. */
  readonly sendsBody: boolean;
}

/** The request an answer is for. */
export interface AskedBy {
  readonly method: string;
  readonly minor: 0 | 1;
}

/** Refused requests are answered as if they were such: what they are is not known. */
export const UNKNOWN: AskedBy = { method: "GET", minor: 1 };

/** Statuses whose answers have no body (RFC 9110 section 6.4.1, and 205 by section 15.3.6). */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * How `answer` goes out. Its own `Content-Length` counts where the length of its body does not say
 * it: with a source, and with an answer that has no body to send.
 * Throws `RouterError` `internal` for a status or a `Content-Length` that no answer may have.
 */
export function planAnswer(answer: Answer, { method, minor }: AskedBy): AnswerPlan {
  const { status, body } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RouterError("internal", `Cannot answer with status ${status}`);
  }
  const isWhole = body instanceof Uint8Array;
  if (status === 204) return { framing: "none", sendsBody: false };
  if (status === 205) return { framing: 0, sendsBody: false };
  const sendsBody = method !== "HEAD" && !BODILESS.has(status);
  if (isWhole && (sendsBody || body.length > 0)) return { framing: body.length, sendsBody };
  const announced = announcedLength(answer.headers);
  if (announced !== undefined) return { framing: announced, sendsBody };
  if (isWhole) return { framing: status === 304 ? "none" : 0, sendsBody };
  if (minor === 1) return { framing: "chunked", sendsBody };
  return { framing: sendsBody ? "until-close" : "none", sendsBody };
}

function announcedLength(headers: Answer["headers"]): number | undefined {
  for (const [name, value] of headers) {
    if (name.length !== 14 || name.toLowerCase() !== "content-length") continue;
    if (/^\d{1,15}$/.test(value)) return Number(value);
    throw new RouterError("internal", "Cannot send an answer whose Content-Length is no length");
  }
  return undefined;
}

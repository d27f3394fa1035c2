/** What each worker tells of itself, and how it is asked. @module */
import { type Clock, concatBytes, sleep } from "../base/mod.ts";
import type { Call } from "./call.ts";
import { decodeJson, encodeJson } from "./codec.ts";

/** What workers can be asked to tell, each as the endpoint of that name does. */
export const TOLD = ["metrics", "engines", "health", "ready"] as const;
export type Told = (typeof TOLD)[number];

/** An answer that is there as a whole, to be told as one with others. */
export interface ToldAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** Largest of them, in bytes. */
export const MAX_TOLD_BYTES = 64 * 1024 * 1024;

/** Give `answer` over `call`, and end it. */
export async function giveTold(call: Call, answer: ToldAnswer): Promise<void> {
  const { status, contentType, body } = answer;
  call.answer(encodeJson({ status, contentType }));
  await call.send(body);
  call.end();
}

/** What comes over `call`, or undefined where it does not come in `limitMs`. */
export async function takeTold(
  call: Call,
  { clock, limitMs }: { readonly clock: Clock; readonly limitMs: number },
): Promise<ToldAnswer | undefined> {
  const inTime = new AbortController();
  const late = sleep(clock, limitMs, inTime.signal).then((end) => {
    if (end === "elapsed") call.cancel("It took too long");
  });
  try {
    call.end();
    const head = decodeJson<Pick<ToldAnswer, "status" | "contentType">>(await call.head);
    return { ...head, body: await wholeOf(call) };
  } catch (error) {
    // The other end has gone, has nothing to tell, or took too long: it is told without it.
    if (!call.signal.aborted) throw error;
    return undefined;
  } finally {
    inTime.abort();
    await late;
  }
}

async function wholeOf(call: Call): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await call.read(); piece !== undefined; piece = await call.read()) {
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_TOLD_BYTES) call.cancel("It is too large");
  }
  return concatBytes(pieces);
}

/** Loggers and transports that remember, for tests of tracing. @module */
import { concatBytes, type Logger, silentLogger } from "../../lib/base/mod.ts";
import type { Delivery, Transport } from "../../lib/tracing/mod.ts";

/** A logger, and what was said. */
export function notingLogger(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const note = (level: string): Logger["info"] => (message, fields) => {
    const known = typeof fields === "function" ? fields() : fields ?? {};
    lines.push(`${level} ${message} ${JSON.stringify(known)}`);
  };
  const log = { ...silentLogger(), warning: note("warning"), info: note("info") };
  return { log, lines };
}

/** A transport whose answers are in the test's hands. */
export class FakeTransport implements Transport {
  /** Each batch that was to be sent, as its bytes. */
  readonly sent: Uint8Array[] = [];
  /** What each attempt gets, by its number from 1 on; undefined: no answer until it is given up. */
  answer: (nth: number) => Delivery | undefined = () => ({ kind: "taken", refused: 0 });
  /** Attempts at a time, at most. */
  most = 0;
  closed = false;
  #running = 0;

  async send(batch: readonly Uint8Array[], signal: AbortSignal): Promise<Delivery> {
    this.most = Math.max(this.most, ++this.#running);
    this.sent.push(concatBytes(batch));
    const answer = this.answer(this.sent.length);
    if (answer === undefined && !signal.aborted) {
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    this.#running--;
    return answer ?? { kind: "later", why: "given up" };
  }

  [Symbol.dispose](): void {
    this.closed = true;
  }
}

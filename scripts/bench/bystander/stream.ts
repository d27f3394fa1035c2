/** The bystander: one stream whose events are waited for, and the times between them. @module */
import { ResponseCounter } from "../response_counter.ts";
import { PACE_FIELD } from "../fast_engine.ts";
import { FAST_MODEL } from "../fast_answers.ts";

/** Milliseconds between two tokens, as the engine says them. */
export const PACE_MS = 20;

/** A stream under way. */
export interface Bystander {
  /** End it; resolves to the times between its events, in milliseconds. Rejects when it broke. */
  end(): Promise<readonly number[]>;
  /** Resolves once `count` more events have come. */
  events(count: number): Promise<void>;
}

/** Tokens of one stream: more than anybody waits for. */
const TOKENS = 100_000;

/** Begin a stream from `port`; resolves at its first event. */
export async function beginBystander(port: number): Promise<Bystander> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  await connection.write(requestBytes());
  const counter = new ResponseCounter();
  const gaps: number[] = [];
  let failure: unknown;
  let ended = false;
  let lastAt: number | undefined;
  let wake = Promise.withResolvers<void>();
  const reading = (async (): Promise<void> => {
    const buffer = new Uint8Array(64 * 1024);
    for (;;) {
      const size = await connection.read(buffer);
      if (size === null) throw new Error("The bystander's stream was closed");
      const before = counter.events;
      if (counter.push(buffer.subarray(0, size))) throw new Error("The bystander's stream ended");
      if (counter.status !== 200 && counter.status !== 0) {
        throw new Error(`The bystander was answered ${counter.status}`);
      }
      if (counter.events === before) continue;
      const now = performance.now();
      if (lastAt !== undefined) gaps.push(now - lastAt);
      lastAt = now;
      wake.resolve();
      wake = Promise.withResolvers();
    }
  })().catch((error) => {
    if (!ended) failure = error;
    wake.resolve();
  });
  const events = async (count: number): Promise<void> => {
    const wanted = counter.events + count;
    while (counter.events < wanted) {
      if (failure !== undefined) throw failure;
      await wake.promise;
    }
  };
  await events(1);
  return {
    events,
    async end() {
      // What has not come yet is a gap too.
      if (lastAt !== undefined) gaps.push(performance.now() - lastAt);
      ended = true;
      connection.close();
      await reading;
      if (failure !== undefined) throw failure;
      return gaps;
    },
  };
}

function requestBytes(): Uint8Array {
  const body = JSON.stringify({
    model: FAST_MODEL,
    prompt: "a bystander",
    max_tokens: TOKENS,
    stream: true,
  });
  return new TextEncoder().encode(
    `POST /v1/completions HTTP/1.1\r\nhost: x\r\n${PACE_FIELD}: ${PACE_MS}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

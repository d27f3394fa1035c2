/** Ordinary requests before an attack, so that what it costs is not what any first requests do. @module */
import { FAST_MODEL } from "../fast_answers.ts";

/** Requests in all, and at a time: about what V8 compiles its hot code and sizes its heap by. */
const REQUESTS = 1_600;
const AT_A_TIME = 16;

/** Every so many requests one has a body of this size. */
const LARGE_EVERY = 20;
const LARGE_BYTES = 256 * 1024;

const TOKENS = 16;

/** Send ordinary requests to the router on `port`, streamed and whole. Rejects where one fails. */
export async function warmRouter(port: number): Promise<void> {
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun < REQUESTS) await ask(port, begun++);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, client));
}

async function ask(port: number, index: number): Promise<void> {
  const body = JSON.stringify({
    model: FAST_MODEL,
    prompt: index % LARGE_EVERY === 0 ? "x".repeat(LARGE_BYTES) : "hi",
    max_tokens: TOKENS,
    stream: index % 2 === 0,
  });
  const headers = { "content-type": "application/json" };
  const url = `http://127.0.0.1:${port}/v1/completions`;
  const answer = await fetch(url, { method: "POST", headers, body });
  await answer.body?.pipeTo(new WritableStream());
  if (!answer.ok) throw new Error(`An ordinary request was answered ${answer.status}`);
}

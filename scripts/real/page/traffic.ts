/** Clients of the router: a few at a time, each asking again when it has its answer. @module */
import { seededRandom } from "../../../lib/base/mod.ts";
import { MODEL } from "./fleet.ts";

const PROMPT = "The river runs under the bridge, past the mill and on to the sea. ";

/** Longest rest of a client, in milliseconds. */
const REST_MS = 120;

/** Ask `url` by so many clients at once, until it is disposed of; who is refused asks again. */
export function startTraffic(url: string, clients: number): AsyncDisposable {
  const stop = new AbortController();
  const all = Array.from({ length: clients }, (_, at) => client(url, at, stop.signal));
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(all);
    },
  };
}

async function client(url: string, at: number, signal: AbortSignal): Promise<void> {
  const random = seededRandom(1_000 + at);
  const upTo = (most: number): number => Math.floor(random.next() * most);
  for (let turn = 0; !signal.aborted; turn++) {
    const id = `chat-${String(at + 1).padStart(2, "0")}-${String(turn).padStart(4, "0")}`;
    try {
      await ask(url, {
        id,
        prompt: `${PROMPT.repeat(1 + upTo(24))}Turn ${turn} of ${at}.`,
        tokens: 8 + upTo(56),
        signal,
      });
    } catch {
      // The router is away, or this is the end.
    }
    await new Promise((resolve) => setTimeout(resolve, upTo(REST_MS)));
  }
}

/** One request, to the end of its answer. */
export async function ask(
  url: string,
  { id, prompt, tokens, signal }: {
    readonly id: string;
    readonly prompt: string;
    readonly tokens: number;
    readonly signal?: AbortSignal;
  },
): Promise<number> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": id },
    body: JSON.stringify({
      model: MODEL,
      stream: true,
      max_tokens: tokens,
      stream_options: { include_usage: true },
      messages: [{ role: "user", content: `${prompt} [[sim:len ${tokens}]]` }],
    }),
    ...(signal === undefined ? {} : { signal }),
  });
  await answer.text();
  return answer.status;
}

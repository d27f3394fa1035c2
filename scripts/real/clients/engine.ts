/** The engine of these runs: tells what it was sent, streams at a pace, and notices who leaves. @module */
import { pause, until } from "../process.ts";

/** Its model. */
export const MODEL = "clients";

/** Between two events of a stream. */
export const PACE_MS = 10;

/** How long an engine holds what it was asked to hold, unless the client leaves. */
const HOLD_MS = 20_000;

/** How long it may take until a departure has come through. */
const DEPARTURE_MS = 5_000;

/** A running engine. */
export interface ClientEngine extends AsyncDisposable {
  readonly url: string;
  /** Whether whoever asked under this name left before the end. */
  hasLeft(user: string): Promise<boolean>;
}

/** What clients ask for, as far as it counts here. */
interface Asked {
  readonly prompt: string;
  readonly stream?: boolean;
  /** Events of a stream. */
  readonly max_tokens?: number;
  /** Begins with `leave`: the answer is held, or goes on, until the client leaves. */
  readonly user?: string;
}

/** Start one on a free port of loopback. */
export function startClientEngine(): ClientEngine {
  const left = new Set<string>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      if (request.method === "GET") return Response.json({ object: "list", data: [CARD] });
      return await answer(await request.json(), request.signal, (user) => left.add(user));
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    hasLeft: (user) => until(() => left.has(user), DEPARTURE_MS),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const CARD = { id: MODEL, object: "model", created: 1, owned_by: "clients" };

async function answer(
  asked: Asked,
  signal: AbortSignal,
  onLeft: (user: string) => void,
): Promise<Response> {
  const { prompt, stream = false, max_tokens: events = 16, user = "" } = asked;
  const holds = user.startsWith("leave");
  if (stream) return streamed(holds ? HOLD_MS / PACE_MS : events, () => onLeft(user));
  if (holds && await heldUntilLeft(signal)) onLeft(user);
  return Response.json({
    id: "cmpl-1",
    object: "text_completion",
    created: 1,
    model: MODEL,
    choices: [{ index: 0, text: await digestOf(prompt), finish_reason: "stop" }],
  });
}

/** True when the client has left, false when it has waited for all of it. */
function heldUntilLeft(signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), HOLD_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** `events` events with the texts `t0`, `t1` and so on. */
function streamed(events: number, onLeft: () => void): Response {
  const encoder = new TextEncoder();
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (at === events) {
        controller.enqueue(encoder.encode("data: [DONE]\n\n"));
        return controller.close();
      }
      await pause(PACE_MS);
      const choices = [{
        index: 0,
        text: `t${at++} `,
        finish_reason: at === events ? "stop" : null,
      }];
      const event = { id: "cmpl-1", object: "text_completion", created: 1, model: MODEL, choices };
      controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
    },
    cancel: onLeft,
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** SHA-256 of `text`, lower-case hex, and its length: what tells that a prompt has come whole. */
export async function digestOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${digest.toHex()} ${bytes.length}`;
}

/** A server on clients without sockets, with time in the test's hands. @module */
import { encodeUtf8 } from "../../../../lib/base/mod.ts";
import type {
  Front,
  FrontEvent,
  FrontHandler,
  FrontLimits,
  FrontRequest,
} from "../../../../lib/front/contract/mod.ts";
import { startHttp1 } from "../../../../lib/front/http1/mod.ts";
import type { Answer } from "../../../../lib/request/mod.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { MemoryClient, MemoryListener, rest } from "./memory.ts";

/** Limits of the tests; the wheel looks every 100 ms. */
export const LIMITS: FrontLimits = {
  headMs: 1_000,
  bodyIdleMs: 2_000,
  writeIdleMs: 4_000,
  keepAliveMs: 800,
  maxConnections: 100,
  maxPerAddress: 50,
};

/** How much later than asked for a limit may pass. */
export const LATE_MS = 200;

/** What a test has in hand. */
export interface TestServer extends AsyncDisposable {
  readonly front: Front;
  readonly clock: FakeClock;
  readonly listener: MemoryListener;
  readonly events: readonly FrontEvent[];
  /** What the handler was given. */
  readonly requests: readonly FrontRequest[];
  /** What it, or its answers, failed with. */
  readonly faults: readonly unknown[];
  /** A client that has connected. */
  connect(client?: MemoryClient): Promise<MemoryClient>;
}

/** What a test may change. */
export interface TestServerOptions {
  readonly limits?: Partial<FrontLimits>;
  readonly takeDescriptor?: () => { close(): void };
  readonly clock?: FakeClock;
}

/** An answer with a whole body. */
export function answerOf(body: string, fields: Answer["headers"] = [], status = 200): Answer {
  return { status, headers: fields, body: encodeUtf8(body) };
}

/** Start a server whose requests `handler` answers; disposing it checks that nothing is left. */
export function startMemory(
  handler: FrontHandler,
  {
    limits = {},
    takeDescriptor = () => ({ close() {} }),
    clock = new FakeClock(),
  }: TestServerOptions = {},
): TestServer {
  const listener = new MemoryListener();
  const events: FrontEvent[] = [];
  const requests: FrontRequest[] = [];
  const faults: unknown[] = [];
  const clients: MemoryClient[] = [];
  const front = startHttp1({
    hostname: "10.0.0.254",
    port: 8000,
    limits: { ...LIMITS, ...limits },
    onFault(error) {
      faults.push(error);
      return answerOf("fault", [], 500);
    },
    onEvent: (event) => events.push(event),
  }, (request) => {
    requests.push(request);
    return handler(request);
  }, { clock, listen: () => listener, takeDescriptor });
  return {
    front,
    clock,
    listener,
    events,
    requests,
    faults,
    async connect(client = new MemoryClient()) {
      clients.push(client);
      listener.arrive(client);
      await rest();
      return client;
    },
    async [Symbol.asyncDispose]() {
      await front.close();
      await front.finished;
      const open = clients.filter(({ closed }) => !closed).length;
      if (open > 0 || front.connections > 0 || clock.pending > 0) {
        throw new Error(
          `left: ${open} open, ${front.connections} counted, ${clock.pending} timers`,
        );
      }
    },
  };
}

/** A request without a body, or with one of known length. */
export function request(target: string, body = "", ...fields: readonly string[]): string {
  const method = body === "" ? "GET" : "POST";
  const length = body === "" ? [] : [`content-length: ${encodeUtf8(body).length}`];
  return [`${method} ${target} HTTP/1.1`, "host: a", ...length, ...fields, "", body].join("\r\n");
}

/** An answer as it is written, its date left out. */
export function wire(
  body: string,
  { status = "200 OK", fields = [] }: { status?: string; fields?: readonly string[] } = {},
): string {
  return [
    `HTTP/1.1 ${status}`,
    ...fields,
    `content-length: ${encodeUtf8(body).length}`,
    "",
    body,
  ].join("\r\n");
}

/** What the client has received, dates left out. */
export function received({ received }: MemoryClient): string {
  return received.replaceAll(/date: [^\r]*\r\n/g, "");
}

/** The whole of a body. */
export async function readAll({ body }: FrontRequest): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

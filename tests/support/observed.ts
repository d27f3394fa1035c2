/** Simulated engines between which a router with an admin API hands off, and readers of its live stream. */
import type { RawEngine } from "../../lib/config/mod.ts";
import type { SimEngine, SimOptions } from "../../lib/sim/mod.ts";
import { type AdminRouter, startAdminRouter } from "./admin.ts";
import { freePort, startSim } from "./cluster.ts";
import { engineAt, type RouterChanges } from "./router.ts";

/** A running router and its engines. */
export interface ObservedFleet extends AsyncDisposable {
  readonly router: AdminRouter;
  readonly prefill: SimEngine;
  readonly decode: SimEngine;
  /** Ids of the engines. */
  readonly ids: { readonly prefill: string; readonly decode: string };
}

/** Start one pair over LMCache, and a router that was told of it by its configuration. */
export async function startObserved(
  changes: RouterChanges = {},
  sim: Partial<SimOptions> = {},
): Promise<ObservedFleet> {
  await using stack = new AsyncDisposableStack();
  const proxyPort = freePort();
  const decode = stack.use(await startSim({ role: "decode", ranks: 2, ...sim }, 1));
  const prefill = stack.use(
    await startSim({ role: "prefill", ranks: 2, proxyHost: "127.0.0.1", proxyPort, ...sim }, 2),
  );
  const raw: readonly RawEngine[] = [
    { url: prefill.url, role: "prefill", models: [] },
    {
      url: decode.url,
      role: "decode",
      models: [],
      nixl: {
        init_ports: decode.initPorts.map(String),
        alloc_ports: decode.allocPorts.map(String),
      },
    },
  ];
  const receivers = { initPorts: [], allocPorts: [], firstToken: "prefill" } as const;
  const router = stack.use(
    await startAdminRouter(raw, {
      handoff: { kind: "lmcache", proxy: { host: "127.0.0.1", port: proxyPort } },
      discovery: {
        rules: {
          usual: "lmcache",
          receivers,
          labels: { prefill: [], decode: [] },
          linkLocal: false,
        },
        listed: raw.map((engine) => ({ where: `test ${engine.url}`, raw: engine })),
      },
      ...changes,
    }, [engineAt(prefill.url, "prefill"), engineAt(decode.url, "decode")]),
  );
  await router.app.probed;
  const held = stack.move();
  return {
    router,
    prefill,
    decode,
    ids: { prefill: new URL(prefill.url).host, decode: new URL(decode.url).host },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** One event of a stream. */
export interface SeenEvent {
  readonly name: string;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

/** Reads the events of an answer, one by one; ends the stream when it is disposed. */
export class EventReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(answer: Response) {
    if (answer.body === null) throw new TypeError("The answer has no body");
    this.#reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next event; undefined at the end. */
  async next(): Promise<SeenEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const [name = "", data = ""] = this.#text.slice(0, end).split("\n");
        this.#text = this.#text.slice(end + 2);
        return {
          name: name.slice("event: ".length),
          data: JSON.parse(data.slice("data: ".length)),
        };
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#text += value;
    }
  }

  /** The next event of that name. Throws where the stream ends before. */
  async until(name: string): Promise<SeenEvent["data"]> {
    for (;;) {
      const event = await this.next();
      if (event === undefined) throw new Error(`The stream ended before '${name}'`);
      if (event.name === name) return event.data;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}

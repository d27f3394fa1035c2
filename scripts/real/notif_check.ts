/** Notifications of LMCache's own code, before a router and scripted engines. @module */
import { bindPull } from "../../lib/zmq/mod.ts";
import { eventually } from "../../tests/support/eventually.ts";
import { post } from "../../tests/support/router.ts";
import {
  data,
  event,
  type ScriptedPair,
  sse,
  startPair,
  usageEvent,
} from "../../tests/support/scripted_pair.ts";
import { must } from "./check.ts";
import { sumOf } from "./engine.ts";

const SENDER = new URL("./lmcache/proxy_notif.py", import.meta.url).pathname;

/** How long the program may live. */
const SENDER_MS = 120_000;

/** LMCache's `ProxyNotif`, pushed by its own code in a process of its own. */
class Sender implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #limit: ReturnType<typeof setTimeout>;
  #unread = "";

  constructor(python: string, port: number, mode: "sync" | "async") {
    this.#process = new Deno.Command(python, {
      args: [SENDER, "--host", "127.0.0.1", "--port", String(port), "--mode", mode],
      env: { LMCACHE_TRACK_USAGE: "false" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#limit = setTimeout(() => this.#process.kill("SIGKILL"), SENDER_MS);
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Resolves when its socket is there. */
  async ready(): Promise<void> {
    // The library logs on the same output before that.
    while (await this.#line() !== "ready") { /* another line */ }
  }

  /** Push one; gives its bytes in hex. */
  async push(reqId: string): Promise<string> {
    await this.#writer.write(new TextEncoder().encode(`${reqId}\n`));
    const [word, hex = ""] = (await this.#line()).split(" ");
    must(word === "sent", `the sender says ${word} ${hex}`);
    return hex;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    while (!(await this.#reader.read()).done) { /* until it ends */ }
    await this.#process.status;
    clearTimeout(this.#limit);
  }

  async #line(): Promise<string> {
    while (!this.#unread.includes("\n")) {
      const { value } = await this.#reader.read();
      must(value !== undefined, "LMCache's sender ended");
      this.#unread += value;
    }
    const end = this.#unread.indexOf("\n");
    const line = this.#unread.slice(0, end);
    this.#unread = this.#unread.slice(end + 1);
    return line;
  }
}

/** One sender a rank: LMCache's blocking backend and its asynchronous one. */
export async function checkProxyNotif(python: string): Promise<string> {
  const rest = [event(" two", { finish_reason: "stop" }), usageEvent(4, 1), data("[DONE]")];
  await using pair = await startPair({
    prefill: { notifications: 0 },
    decode: () => sse(rest),
    ranks: 2,
    router: { handoff: { kvReadyTimeoutMs: 60_000 }, ports: { bindPull } },
  });
  await using sync = new Sender(python, pair.router.notifyPort, "sync");
  await using async_ = new Sender(python, pair.router.notifyPort, "async");
  await Promise.all([sync.ready(), async_.ready()]);
  const answer = post(`${pair.router.url}/v1/completions`, {
    model: "m",
    prompt: "Hello",
    max_tokens: 4,
  });
  await eventually(() => kvIdOf(pair) !== undefined, () => "no prefill leg");
  const kvId = kvIdOf(pair) ?? "";
  await sync.push("cmpl-somebody-else");
  const hex = await sync.push(kvId);
  await eventually(() => matchedOf(pair.router.url, 1), () => "the first rank was not counted");
  must(pair.decodeLegs().length === 0, "the decode leg began before the second rank was ready");
  const other = await async_.push(kvId);
  must(hex === other, `the backends differ: ${hex} and ${other}`);
  const body = await (await answer).json();
  must(body.choices?.[0]?.text === " one two", JSON.stringify(body));
  const legs = pair.decodeLegs().length;
  must(legs === 1, `${legs} decode legs`);
  return `${hex.length / 2} bytes each, from pd_backend and pd_backend_async: ` +
    `the decode leg left with the second rank's`;
}

/** Whether the router has counted `count` notifications of a request it waits for. */
async function matchedOf(url: string, count: number): Promise<boolean> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return sumOf(text, "pd_router_kv_notifications_total", 'result="counted"') === count;
}

function kvIdOf({ prefill }: ScriptedPair): string | undefined {
  const leg = prefill.asked.findLast(({ path }) => path === "/v1/completions");
  return leg && JSON.parse(leg.text).kv_transfer_params?.disagg_spec?.req_id;
}

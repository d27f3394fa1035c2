/** A router that serves TLS with few file descriptors: it lives, and its certificate is renewed. */
import { assertEquals } from "../support/assert.ts";
import { type Authority, makeAuthority } from "../support/authority.ts";
import { eventually } from "../support/eventually.ts";
import {
  complete,
  completeInTheEnd,
  DEADLINE_MS,
  direct,
  Engine,
  health,
  metric,
  rest,
  Silent,
  start,
  TOLD,
} from "./scarce_router.ts";

/** Connections that say nothing after their handshake. */
class SilentTls implements Disposable {
  readonly #open: Deno.TlsConn[] = [];

  async connect(port: number, ca: string, count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      try {
        const hostname = "localhost";
        const conn = await Deno.connectTls({ hostname, port, caCerts: [ca] });
        this.#open.push(conn);
        // Turned away, or not answered yet: either is as good.
        conn.handshake().catch(() => {});
      } catch (error) {
        const turnedAway = error instanceof Deno.errors.ConnectionRefused ||
          error instanceof Deno.errors.ConnectionReset;
        if (!turnedAway) throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    for (const conn of this.#open.splice(0)) conn.close();
  }
}

/** The name in the certificate that is shown; empty where there is no answer. */
async function shownBy(port: number): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `timeout 5 openssl s_client -connect 127.0.0.1:${port} </dev/null 2>/dev/null`],
  }).output();
  return /^subject=CN ?= ?(.*)$/m.exec(new TextDecoder().decode(stdout))?.[1] ?? "";
}

/** Two servers' certificates, the second in force when a test says so, and a router with the first. */
class Renewable implements AsyncDisposable {
  readonly engine = new Engine();
  readonly client: Deno.HttpClient;
  readonly #authority: Authority;
  readonly #folder: string;

  private constructor(authority: Authority, folder: string) {
    this.#authority = authority;
    this.#folder = folder;
    this.client = Deno.createHttpClient({ caCerts: [authority.ca] });
  }

  static async make(): Promise<Renewable> {
    const made = new Renewable(await makeAuthority(), await Deno.makeTempDir());
    await made.renew("first");
    return made;
  }

  get ca(): string {
    return this.#authority.ca;
  }

  async renew(commonName: string): Promise<void> {
    const { cert, key } = await this.#authority.issue({ commonName });
    await Deno.writeTextFile(`${this.#folder}/cert.pem`, cert);
    await Deno.writeTextFile(`${this.#folder}/key.pem`, key);
  }

  start(limit: number): ReturnType<typeof start> {
    const files = [`--tls-cert=${this.#folder}/cert.pem`, `--tls-key=${this.#folder}/key.pem`];
    return start(limit, TOLD, [...direct(this.engine), ...files], this.client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.engine[Symbol.asyncDispose]();
    await this.#authority[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("the router renews its certificate, and serves it, although silent clients take all descriptors", async () => {
  await using made = await Renewable.make();
  await using router = await made.start(64);
  const running = await complete(router);
  using silent = new SilentTls();
  await silent.connect(router.port, made.ca, 100);
  await made.renew("second");
  await eventually(
    async () => await shownBy(router.port) === "second",
    router.text,
    DEADLINE_MS,
  );
  const second = await completeInTheEnd(router);
  made.engine.go("{}");
  made.engine.end();
  for (const response of [running, second]) {
    const events = await rest(response);
    assertEquals([events.length, events.at(-1)], [3, "data: [DONE]"]);
  }
});

Deno.test("the router outlives connections to its TLS port on which no handshake begins", async () => {
  await using made = await Renewable.make();
  await using router = await made.start(64);
  const running = await complete(router);
  const silent = new Silent();
  try {
    await silent.connect(router.port, 100);
    await eventually(() => /Cannot accept clients/.test(router.text()), router.text, DEADLINE_MS);
    await made.renew("second");
    made.engine.go("{}");
  } finally {
    silent[Symbol.dispose]();
  }
  const second = await completeInTheEnd(router);
  made.engine.end();
  const events = [await rest(running), await rest(second)];
  assertEquals(events.map((told) => [told.length, told.at(-1)]), [
    [3, "data: [DONE]"],
    [2, "data: [DONE]"],
  ]);
  await eventually(
    async () => await shownBy(router.port) === "second",
    router.text,
    DEADLINE_MS,
  );
  await eventually(async () => await health(router) === true, router.text, DEADLINE_MS);
  assertEquals(await metric(router, "pd_router_accepting"), 1);
  assertEquals(await metric(router, "pd_router_engine_up"), 1);
});

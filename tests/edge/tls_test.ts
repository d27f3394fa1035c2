/** Certificates in files through the whole router, towards clients and engines. */
import { createServer } from "node:https";
import { createLogger, systemClock } from "../../lib/base/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import type { Issued } from "../support/authority.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, type RouterChanges, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";
import { type Chains, chains } from "../tls/support.ts";

/** A folder of files, gone with the test. */
class Folder implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async make(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir());
  }

  path(name: string): string {
    return `${this.#path}/${name}`;
  }

  /** Write a pair, the certificate first, as tools that renew it do. */
  async write(name: string, { cert, key }: Issued): Promise<{ cert: string; key: string }> {
    const files = { cert: this.path(`${name}.pem`), key: this.path(`${name}.key`) };
    await Deno.writeTextFile(files.cert, cert);
    await Deno.writeTextFile(files.key, key);
    return files;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.#path, { recursive: true });
  }
}

async function shownBy(url: string): Promise<string> {
  const { host } = new URL(url);
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `openssl s_client -connect ${host} </dev/null 2>/dev/null`],
  }).output();
  return /^subject=CN ?= ?(.*)$/m.exec(new TextDecoder().decode(stdout))?.[1] ?? "";
}

Deno.test("a renewed certificate serves the next connection, and a bad one is told of and not served", async () => {
  const made = await chains();
  await using folder = await Folder.make();
  const tls = await folder.write("server", made.server);
  const lines: string[] = [];
  const log_ = createLogger(systemClock(), (line) => lines.push(line), {
    level: "info",
    format: "text",
  });
  await using engine = startScripted(() => Response.json({ ok: true }));
  await using router = await startRouter([engineAt(engine.url, "any")], { doors: { tls }, log_ });
  const url = router.url.replace("http:", "https:");
  using client = Deno.createHttpClient({ caCerts: [made.ca] });
  const health = async (): Promise<unknown> => {
    using fresh = Deno.createHttpClient({ caCerts: [made.ca] });
    return await (await fetch(`${url}/health`, { client: fresh })).json();
  };
  assertEquals([await shownBy(router.url), await health()], ["first", { status: "healthy" }]);
  const kept = await fetch(`${url}/version`, { client });
  await kept.body?.cancel();
  await folder.write("server", made.renewed);
  await eventually(async () => await shownBy(router.url) === "second");
  assertEquals(await health(), { status: "healthy" });
  const answer = await fetch(`${url}/v1/completions`, {
    client,
    method: "POST",
    body: JSON.stringify({ model: "m", prompt: "x" }),
  });
  assertEquals([answer.status, await answer.json()], [200, { ok: true }]);
  assertEquals(engine.asked[0]?.headers.get("x-forwarded-proto"), "https");
  await folder.write("server", { cert: made.server.cert, key: made.renewed.key });
  const problem = { status: "healthy", tls: "is not the private key of the certificate" };
  await eventually(async () => JSON.stringify(await health()) === JSON.stringify(problem));
  assertEquals(await shownBy(router.url), "second");
  await folder.write("server", made.server);
  await eventually(async () => await shownBy(router.url) === "first");
  assertEquals(await health(), { status: "healthy" });
  assertEquals(lines.filter((line) => line.includes("Cannot renew the certificate")).length, 1);
});

Deno.test("a router does not start with certificates that cannot be used", async () => {
  const made = await chains();
  await using folder = await Folder.make();
  const mixed = await folder.write("mixed", { cert: made.server.cert, key: made.renewed.key });
  const gone = { cert: folder.path("none.pem"), key: folder.path("none.key") };
  const rows: readonly (readonly [doors: RouterChanges["doors"], message: string])[] = [
    [{ tls: mixed }, "Cannot use --tls-cert: is not the private key of the certificate"],
    [{ tls: gone }, `Cannot use --tls-cert: ${gone.cert}: there is none`],
    [{ engineTls: { client: mixed } }, "Cannot use --engine-tls-cert: is not the private key"],
  ];
  for (const [doors = {}, message] of rows) {
    const error = await assertRejects(
      () => startRouter([engineAt("http://127.0.0.1:1", "any")], { doors }),
      Error,
    );
    assertStringIncludes(error.message, message);
  }
});

Deno.test("a router with --tls-client-ca serves clients with a certificate, and no others", async () => {
  const made = await chains();
  await using folder = await Folder.make();
  const clientCa = folder.path("ca.pem");
  await Deno.writeTextFile(clientCa, made.ca);
  const tls = { ...await folder.write("server", made.server), clientCa };
  await using engine = startScripted(() => Response.json({ ok: true }));
  await using router = await startRouter([engineAt(engine.url, "any")], { doors: { tls } });
  const ask = async (shown: Partial<Issued>): Promise<unknown> => {
    using client = Deno.createHttpClient({ caCerts: [made.ca], ...shown } as never);
    const url = router.url.replace("http:", "https:");
    const body = JSON.stringify({ model: "m", prompt: "x" });
    const answer = await fetch(`${url}/v1/completions`, { client, method: "POST", body });
    return await answer.json();
  };
  assertEquals(await ask(made.client), { ok: true });
  for (const shown of [{}, made.strangers.cert, made.expiredClient]) {
    await assertRejects(() => ask(shown), TypeError);
  }
  assertEquals(engine.asked.length, 1);
});

interface TlsEngine extends AsyncDisposable {
  readonly url: string;
  /** Names in the certificates that it was shown. */
  readonly shown: Set<string>;
}

/** An engine that asks for a certificate, and answers so many requests together. */
async function startEngine(pair: Issued, { ca }: Chains, together = 1): Promise<TlsEngine> {
  const shown = new Set<string>();
  const waiting: (() => void)[] = [];
  const server = createServer({ ...pair, ca, requestCert: true }, (request, response) => {
    const { socket } = request;
    const peer = "getPeerCertificate" in socket && typeof socket.getPeerCertificate === "function"
      ? socket.getPeerCertificate()
      : undefined;
    shown.add(String(peer?.subject?.CN));
    const models = { object: "list", data: [{ id: "m", object: "model" }] };
    response.setHeader("content-type", "application/json");
    if (request.url === "/health") return void response.end();
    if (request.url === "/v1/models") return void response.end(JSON.stringify(models));
    waiting.push(() => response.end(JSON.stringify({ ok: true })));
    if (waiting.length === together) { for (const answer of waiting.splice(0)) answer(); }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    url: `https://127.0.0.1:${port}`,
    shown,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

Deno.test("engines are shown the router's certificate, and asked for the name that was said", async () => {
  const made = await chains();
  await using folder = await Folder.make();
  const client = await folder.write("router", made.client);
  await Deno.writeTextFile(folder.path("ca.pem"), made.ca);
  await using engine = await startEngine(made.wrongName, made);
  const changes = (serverName: string): RouterChanges => ({
    tlsCaFile: folder.path("ca.pem"),
    doors: { engineTls: { client, serverName } },
  });
  await using router = await startRouter(
    [engineAt(engine.url, "any")],
    changes("elsewhere.example"),
  );
  const answer = await post(`${router.url}/v1/completions`, { model: "m", prompt: "x" });
  assertEquals([answer.status, await answer.json()], [200, { ok: true }]);
  assertEquals([...engine.shown], ["client"]);
  await using other = await startRouter([engineAt(engine.url, "any")], changes("other.example"));
  const refused = await post(`${other.url}/v1/completions`, { model: "m", prompt: "x" });
  assertEquals(refused.status, 503);
  assertMatch((await refused.json()).error.message, /not heard from yet/);
});

Deno.test("engines are shown a renewed certificate on later connections", async () => {
  const made = await chains();
  await using folder = await Folder.make();
  const client = await folder.write("router", made.client);
  await Deno.writeTextFile(folder.path("ca.pem"), made.ca);
  const lines: string[] = [];
  const log_ = createLogger(systemClock(), (line) => lines.push(line), {
    level: "info",
    format: "text",
  });
  await using engine = await startEngine(made.server, made, 2);
  await using router = await startRouter([engineAt(engine.url, "any")], {
    log_,
    tlsCaFile: folder.path("ca.pem"),
    doors: { engineTls: { client } },
  });
  assertEquals([...engine.shown], ["client"]);
  await folder.write("router", made.renewed);
  await eventually(() => lines.some((line) => line.includes("--engine-tls-cert has been renewed")));
  // One of the two needs a connection of its own.
  const asks = ["a", "b"].map((prompt) =>
    post(`${router.url}/v1/completions`, { model: "m", prompt })
  );
  for (const answer of await Promise.all(asks)) {
    assert(answer.ok);
    await answer.body?.cancel();
  }
  assertEquals(engine.shown.has("second"), true);
});

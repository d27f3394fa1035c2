/**
 * What holds for every front, on real sockets. A new one has this run over it, beside the tests of what
 * it alone does.
 * @module
 */
import { type AbortWatch, decodeUtf8, encodeUtf8, Lease, RouterError } from "../../lib/base/mod.ts";
import type {
  Front,
  FrontEvent,
  FrontHandler,
  FrontOptions,
  FrontRequest,
  StartFront,
} from "../../lib/front/mod.ts";
import type { Answer } from "../../lib/request/mod.ts";
import type { TlsPair } from "../../lib/tls/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { chains } from "../tls/support.ts";
import { answerOf, readAll, request } from "./http1/support/server.ts";
import { RawClient } from "./http1/support/sockets.ts";
import { ScriptedSource, sourceOf } from "./http1/support/sources.ts";

/** Limits that no test reaches unless it sets its own. */
const LIMITS = {
  headMs: 60_000,
  bodyIdleMs: 60_000,
  writeIdleMs: 60_000,
  keepAliveMs: 60_000,
  maxConnections: 1_000,
  maxPerAddress: 1_000,
};

interface Running extends AsyncDisposable {
  readonly front: Front;
  readonly url: string;
  readonly events: readonly FrontEvent[];
  readonly faults: readonly unknown[];
}

type Changes = Partial<Omit<FrontOptions, "limits">> & {
  readonly limits?: Partial<FrontOptions["limits"]>;
};

function run(start: StartFront, handler: FrontHandler, changes: Changes = {}): Running {
  const events: FrontEvent[] = [];
  const faults: unknown[] = [];
  const { limits = {}, ...more } = changes;
  const front = start({
    hostname: "127.0.0.1",
    port: 0,
    limits: { ...LIMITS, ...limits },
    onFault(error) {
      faults.push(error);
      return answerOf("fault", [], 500);
    },
    onEvent: (event) => events.push(event),
    ...more,
  }, handler);
  return {
    front,
    url: `http://127.0.0.1:${front.addr.port}`,
    events,
    faults,
    async [Symbol.asyncDispose]() {
      await front.close();
      await front.finished;
    },
  };
}

const echo: FrontHandler = async (asked) =>
  answerOf(`${asked.method} ${asked.target} ${await readAll(asked)}`);

function streaming(source: ScriptedSource): FrontHandler {
  return () =>
    Promise.resolve({ status: 200, headers: [["content-type", "text/plain"]], body: source });
}

/** The whole of it, over `start`, whose tests bear `name`. */
export function testFront(name: string, start: StartFront): void {
  const test = (what: string, body: () => Promise<void>): void =>
    Deno.test(`${name} ${what}`, body);

  test("hands a request on as it was sent, and its answer as it was given", async () => {
    let seen: FrontRequest | undefined;
    await using server = run(start, async (asked) => {
      seen = asked;
      return answerOf(await readAll(asked), [["x-own", "1"], ["x-own", "2"]], 202);
    });
    using client = await RawClient.connect(server.front.addr.port);
    await client.send(request("/a%2fb/../c?d=%20", "body", "X-Two: 1", "x-two: 2"));
    const text = await client.until("body");
    assert(text.startsWith("HTTP/1.1 202 Accepted\r\n"), text);
    assert(text.includes("x-own: 1\r\nx-own: 2\r\n") && text.includes("content-length: 4\r\n"));
    const { method, target, headers, body, remote } = seen ?? {};
    assertEquals([method, target, body?.length], ["POST", "/a%2fb/../c?d=%20", 4]);
    assertEquals([headers?.get("x-two"), headers?.get("x-none")], ["1, 2", undefined]);
    assertEquals([...headers ?? []].filter(([field]) => field === "host"), [["host", "a"]]);
    assertEquals(remote?.hostname, "127.0.0.1");
  });

  test("takes the target alone for it, in whatever form", async () => {
    await using server = run(start, echo);
    for (
      const [sent, target] of [
        ["http://elsewhere/x?y", "/x?y"],
        ["//x", "//x"],
        ["/?", "/?"],
      ] as const
    ) {
      using client = await RawClient.connect(server.front.addr.port);
      await client.send(request(sent, "b"));
      await client.until(`POST ${target} b`);
    }
  });

  test("answers HEAD without a body, dates answers, and keeps connections", async () => {
    await using server = run(start, echo);
    const head = await fetch(server.url, { method: "HEAD" });
    assertEquals([head.status, head.headers.get("content-length"), await head.text()], [
      200,
      "7",
      "",
    ]);
    assert(Math.abs(Date.parse(head.headers.get("date") ?? "") - Date.now()) < 60_000);
    using client = await RawClient.connect(server.front.addr.port);
    await client.send(request("/1") + request("/2", "b"), request("/3"));
    for (const body of ["GET /1 ", "POST /2 b", "GET /3 "]) await client.until(body);
    await client.send("GET /4 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    await client.until("GET /4 ");
    await client.send("GET /5 HTTP/1.0\r\n\r\n");
    assert((await client.all()).endsWith("GET /5 "));
  });

  test("takes large bodies, chunked ones and trailers", async () => {
    await using server = run(start, async (asked) => {
      const { length } = asked.body;
      return answerOf(`${length} ${(await readAll(asked)).length}`);
    });
    const ask = async (body: BodyInit): Promise<string> =>
      await (await fetch(server.url, { method: "POST", body })).text();
    assertEquals(await ask("x".repeat(3_000_000)), "3000000 3000000");
    assertEquals(await ask(new Blob(["x".repeat(70_000)]).stream()), "undefined 70000");
    using client = await RawClient.connect(server.front.addr.port);
    await client.send(
      "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n",
    );
    await client.until("undefined 5");
  });

  test("passes over offers of other protocols on requests without a body", async () => {
    await using server = run(start, echo);
    using client = await RawClient.connect(server.front.addr.port);
    await client.send(
      request("/", "", "connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AA"),
    );
    await client.until("GET / ");
  });

  test("asks for a body that waits to be asked for, and answers where it is not wanted", async () => {
    await using server = run(
      start,
      async (asked) => asked.target === "/read" ? await echo(asked) : answerOf("no", [], 413),
    );
    const head = (target: string): string =>
      `POST ${target} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n`;
    using client = await RawClient.connect(server.front.addr.port);
    await client.send(head("/read"));
    assertEquals(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    await client.send("body");
    await client.until("POST /read body");
    using other = await RawClient.connect(server.front.addr.port);
    await other.send(head("/refuse"));
    assert((await other.until("\r\n\r\nno")).includes("HTTP/1.1 413 "));
  });

  test("has a body fail that is malformed, breaks off, or does not come", async () => {
    const chunked = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n" +
      "transfer-encoding: chunked\r\n\r\n";
    for (
      const [sent, code] of [["zz\r\n", "bad-request"], ["", "client-gone"], [
        "5\r\na",
        "client-timeout",
      ]]
    ) {
      const failed = Promise.withResolvers<unknown>();
      await using server = run(start, async (asked) => {
        await readAll(asked).catch(failed.resolve);
        const again = await assertRejects(() => asked.body.read(), RouterError);
        assertEquals(again, await failed.promise);
        return answerOf("");
      }, { limits: code === "client-timeout" ? { bodyIdleMs: 200 } : {} });
      using client = await RawClient.connect(server.front.addr.port);
      await client.send(chunked);
      await client.until("100 Continue\r\n\r\n");
      if (sent !== undefined && sent !== "") await client.send(sent);
      else client[Symbol.dispose]();
      const error = await failed.promise;
      assert(error instanceof RouterError, `${error}`);
      assertEquals(error.code, code);
    }
  });

  test("answers although nobody has read the body", async () => {
    await using server = run(start, () => Promise.resolve(answerOf("early", [], 401)));
    for (const size of [1, 100_000, 3_000_000]) {
      const answer = await fetch(server.url, { method: "POST", body: new Uint8Array(size) });
      assertEquals([answer.status, await answer.text()], [401, "early"]);
    }
  });

  test("answers a fault, and an answer that cannot be sent, as it is told to", async () => {
    const source = new ScriptedSource();
    await using server = run(start, ({ target }) => {
      if (target === "/rejects") return Promise.reject(new Error("broken"));
      return Promise.resolve({ status: 200, headers: [["x", "a\nb"]], body: source });
    });
    for (const target of ["/rejects", "/unsendable"]) {
      const answer = await fetch(server.url + target);
      assertEquals([answer.status, await answer.text()], [500, "fault"]);
    }
    assertEquals([server.faults.length, source.cancelled], [2, 1]);
  });

  test("streams an answer as it comes, and breaks the connection where its source breaks", async () => {
    const source = new ScriptedSource();
    await using server = run(start, streaming(source));
    for (const last of [undefined, new Error("broken")]) {
      source.give("one");
      const answer = await fetch(server.url);
      const reader = answer.body?.getReader();
      assertEquals(decodeUtf8((await reader?.read())?.value ?? new Uint8Array()), "one");
      source.give("two");
      assertEquals(decodeUtf8((await reader?.read())?.value ?? new Uint8Array()), "two");
      source.give(last);
      if (last === undefined) assertEquals((await reader?.read())?.done, true);
      else await assertRejects(async () => await reader?.read(), TypeError);
    }
  });

  test("reads a source only as fast as its client does, and cuts off one that takes nothing", async () => {
    const piece = new Uint8Array(256 * 1024);
    let reads = 0;
    let cancelled = 0;
    await using server = run(start, () =>
      Promise.resolve({
        status: 200,
        headers: [],
        body: {
          read: () => Promise.resolve(reads++ < 400 ? piece : undefined),
          cancel: () => void cancelled++,
        },
      }), { limits: { writeIdleMs: 300 } });
    using slow = await RawClient.connect(server.front.addr.port);
    await slow.send(request("/"));
    await eventually(() => cancelled === 1);
    assert(reads < 200, `${reads} pieces were read`);
    assertEquals(server.events, [{ kind: "timed-out", why: "write" }]);
  });

  test("notices a client that leaves its stream, and one that waits for its whole answer", async () => {
    const source = new ScriptedSource();
    const signals: AbortWatch[] = [];
    await using server = run(start, (asked) => {
      signals.push(asked.signal);
      if (asked.target === "/stream") return streaming(source)(asked);
      return new Promise<Answer>((resolve) =>
        asked.signal.addEventListener("abort", () => resolve(answerOf("")))
      );
    });
    const stream = await RawClient.connect(server.front.addr.port);
    await stream.send(request("/stream"));
    source.give("one");
    await stream.until("one");
    stream[Symbol.dispose]();
    await eventually(() => source.cancelled === 1);
    const whole = await RawClient.connect(server.front.addr.port);
    await whole.send(request("/whole"));
    await eventually(() => signals.length === 2);
    whole[Symbol.dispose]();
    await eventually(() => signals.every(({ aborted }) => aborted));
    await eventually(() => server.front.connections === 0);
  });

  test("has limits in all and for each address, as proxies tell it, and says so as it is told to", async () => {
    for (
      const [limits, why] of [
        [{ maxPerAddress: 1 }, "address"],
        [{ maxConnections: 1 }, "connections"],
      ] as const
    ) {
      const running = Promise.withResolvers<void>();
      let arrived = 0;
      await using server = run(start, async ({ target }) => {
        arrived++;
        if (target === "/wait") await running.promise;
        return answerOf("done");
      }, {
        limits,
        addressOf: ({ headers }) => headers.get("x-client") ?? "",
        onRefusal: (status, text) => ({
          status,
          headers: [],
          body: encodeUtf8(`refused: ${text}`),
        }),
      });
      const from = (client: string, path = ""): Promise<Response> =>
        fetch(server.url + path, { headers: { "x-client": client } });
      const first = from("a", "/wait");
      await eventually(() => arrived === 1);
      const second = await from("a");
      const text = await second.text();
      assertEquals([second.status, second.headers.get("retry-after")], [503, "1"]);
      assert(text.startsWith("refused: "), text);
      assertEquals(server.events, [{ kind: "refused", why }]);
      if (why === "address") assertEquals(await (await from("b")).text(), "done");
      running.resolve();
      assertEquals(await (await first).text(), "done");
      if (why === "address") assertEquals(await (await from("a")).text(), "done");
    }
  });

  test("ends what is under way when it shuts down, closes what is idle, and takes no more", async () => {
    const release = Promise.withResolvers<void>();
    let asked = 0;
    const server = run(start, async ({ target }) => {
      asked++;
      if (target === "/busy") await release.promise;
      return answerOf("done");
    });
    const { port } = server.front.addr;
    using idle = await RawClient.connect(port);
    await idle.send(request("/"));
    await idle.until("done");
    using busy = await RawClient.connect(port);
    await busy.send(request("/busy"));
    await eventually(() => asked === 2);
    const ending = server.front.shutdown();
    assertEquals(await idle.all(), "");
    await assertRejects(() => RawClient.connect(port), Deno.errors.ConnectionRefused);
    release.resolve();
    await busy.until("done");
    assertEquals(await busy.all(), "");
    await ending;
    await server.front.finished;
    assertEquals(server.front.connections, 0);
  });

  test("cuts everything off when it is closed", async () => {
    const source = new ScriptedSource();
    const server = run(start, streaming(source));
    using client = await RawClient.connect(server.front.addr.port);
    await client.send(request("/"));
    source.give("one");
    await client.until("one");
    await server.front.close();
    await server.front.finished;
    await client.all();
    assertEquals([source.cancelled, server.front.connections], [1, 0]);
  });

  test("throws where the address is taken", async () => {
    await using server = run(start, echo);
    let failure: unknown;
    try {
      run(start, echo, { port: server.front.addr.port });
    } catch (error) {
      failure = error;
    }
    assert(failure instanceof Deno.errors.AddrInUse, `${failure}`);
  });

  test("serves TLS with a renewed certificate, and running answers go on", async () => {
    const made = await chains();
    const listeners = new Set<(pair: TlsPair) => void>();
    const onRenewed = (listener: (pair: TlsPair) => void): Lease => {
      listeners.add(listener);
      return new Lease(() => listeners.delete(listener));
    };
    const source = new ScriptedSource();
    const server = run(
      start,
      (asked) => asked.target === "/stream" ? streaming(source)(asked) : echo(asked),
      { tls: { ...made.server, onRenewed } },
    );
    try {
      const { port } = server.front.addr;
      const ask = async (path: string): Promise<Response> => {
        using client = Deno.createHttpClient({ caCerts: [made.ca], poolMaxIdlePerHost: 0 });
        return await fetch(`https://localhost:${port}${path}`, { client });
      };
      source.give("one ");
      const running = await ask("/stream");
      assertEquals(await (await ask("/a")).text(), "GET /a ");
      for (const listener of listeners) listener(made.renewed);
      await eventually(async () => await shownBy(port) === "second");
      assertEquals(await (await ask("/b")).text(), "GET /b ");
      source.give("two", undefined);
      assertEquals(await running.text(), "one two");
    } finally {
      await server.front.shutdown();
    }
    assertEquals(listeners.size, 0);
  });

  test("gives a source up that nobody may have a body of", async () => {
    const source = sourceOf("body");
    await using server = run(
      start,
      ({ target }) =>
        Promise.resolve({ status: target === "/204" ? 204 : 200, headers: [], body: source }),
    );
    const answer = await fetch(`${server.url}/head`, { method: "HEAD" });
    assertEquals([answer.status, await answer.text()], [200, ""]);
    await eventually(() => source.cancelled === 1);
  });
}

/** The name in the certificate that is shown. */
async function shownBy(port: number): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `openssl s_client -connect 127.0.0.1:${port} </dev/null 2>/dev/null`],
  }).output();
  return /^subject=CN ?= ?(.*)$/m.exec(decodeUtf8(stdout))?.[1] ?? "";
}

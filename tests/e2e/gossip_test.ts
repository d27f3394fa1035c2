import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post } from "../support/router.ts";
import { metricOf, type Routers, rowsOf, startRouters } from "../support/routers.ts";
import { type ScriptedEngine, startScripted } from "../support/scripted_engine.ts";

const BODY = { model: "m", prompt: "Hello", max_tokens: 1 };

/** An engine whose answers are held back until they are let go, one by one. */
interface HeldEngine extends AsyncDisposable {
  readonly engine: ScriptedEngine;
  /** Answers that are held back. */
  readonly held: (() => void)[];
}

function startHeld(): HeldEngine {
  const held: (() => void)[] = [];
  const engine = startScripted(() =>
    new Promise((resolve) =>
      held.push(() => resolve(Response.json({ choices: [{ text: "a" }], usage: {} })))
    )
  );
  return {
    engine,
    held,
    [Symbol.asyncDispose]() {
      for (const answer of held) answer();
      return engine[Symbol.asyncDispose]();
    },
  };
}

/** Requests at the engine at `index`, as the router `at` knows. */
async function inflightAt(url: string, index = 0): Promise<number> {
  const rows = [...(await rowsOf(url)).values()];
  return Number(rows[index]?.["inflight"]);
}

/** Ask for a completion, and read its answer. */
async function ask(url: string): Promise<number> {
  const answer = await post(`${url}/v1/completions`, BODY);
  await answer.text();
  return answer.status;
}

Deno.test("seats of an engine hold across routers, and one that is given back is anybody's", async () => {
  await using busy = startHeld();
  await using routers = await startRouters(2, [engineAt(busy.engine.url, "any")], {
    admission: { maxInflight: 2, queueSize: 10, queueTimeoutMs: 20_000 },
  });
  await routers.met();
  const [one, other] = [routers.at(0), routers.at(1)];
  const asking = [ask(one.url)];
  await eventually(() => busy.held.length === 1);
  await eventually(async () => await inflightAt(other.url) === 1);
  asking.push(ask(other.url));
  await eventually(() => busy.held.length === 2);
  await eventually(async () => await inflightAt(one.url) === 2);
  asking.push(ask(one.url), ask(other.url));
  await eventually(() => one.app.admission().queued === 1 && other.app.admission().queued === 1);
  assertEquals(busy.held.length, 2);
  // What one gives back is given to whoever waits, be it with the other.
  while (busy.held.length > 0) {
    const before = busy.engine.asked.length;
    busy.held.shift()?.();
    if (before < 4) await eventually(() => busy.engine.asked.length > before);
    assert(busy.held.length <= 2, "no more than two at a time");
  }
  assertEquals(await Promise.all(asking), [200, 200, 200, 200]);
  await eventually(async () =>
    await inflightAt(one.url) === 0 && await inflightAt(other.url) === 0
  );
});

Deno.test("a router goes by what others have under way when it chooses", async () => {
  await using stack = new AsyncDisposableStack();
  const [left, right] = [stack.use(startHeld()), stack.use(startHeld())];
  const engines = [engineAt(left.engine.url, "any"), engineAt(right.engine.url, "any")];
  const routers = stack.use(
    await startRouters(2, engines, { routing: { kind: "least_loaded" } }),
  );
  await routers.met();
  const first = ask(routers.at(0).url);
  await eventually(() => left.held.length + right.held.length === 1);
  const [busy, idle] = left.held.length === 1 ? [left, right] : [right, left];
  await eventually(async () => {
    const rows = await rowsOf(routers.at(1).url);
    return [...rows.values()].some((row) => row["inflight"] === 1);
  });
  const second = ask(routers.at(1).url);
  await eventually(() => idle.held.length + busy.held.length === 2);
  assertEquals([busy.held.length, idle.held.length], [1, 1]);
  for (const { held } of [left, right]) held.shift()?.();
  assertEquals(await Promise.all([first, second]), [200, 200]);
});

Deno.test("what a router had under way that has died is forgotten, and its seats are free", async () => {
  await using busy = startHeld();
  await using routers = await startRouters(2, [engineAt(busy.engine.url, "any")], {
    admission: { maxInflight: 1, queueSize: 10, queueTimeoutMs: 20_000 },
  });
  await routers.met();
  const lost = ask(routers.at(0).url);
  await eventually(() => busy.held.length === 1);
  await eventually(async () => await inflightAt(routers.at(1).url) === 1);
  const waiting = ask(routers.at(1).url);
  await eventually(() => routers.at(1).app.admission().queued === 1);
  await eventually(() => routers.at(0).app.admission().elsewhere === 1);
  assertEquals(routers.at(1).app.admission().elsewhere, 0);
  // It takes no leave: its bus says that it has gone, as a worker's does whose process has ended.
  routers.hub.leave("0");
  await eventually(() => busy.held.length === 2);
  assertEquals(await metricOf(routers.at(1).url, "pd_router_gossip_peers"), 0);
  while (busy.held.length > 0) busy.held.shift()?.();
  assertEquals(await Promise.all([lost, waiting]), [200, 200]);
});

Deno.test("a router that comes later knows at once what is under way", async () => {
  await using busy = startHeld();
  await using routers = await startRouters(1, [engineAt(busy.engine.url, "any")]);
  const asking = ask(routers.at(0).url);
  await eventually(() => busy.held.length === 1);
  const late = await routers.add("late");
  await eventually(async () => await inflightAt(late.url) === 1);
  busy.held.shift()?.();
  assertEquals(await asking, 200);
  await eventually(async () => await inflightAt(late.url) === 0);
});

/** Who each of `routers` says is shut, of all engines. */
async function verdictsOf(routers: Routers): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  for (const { url } of routers.all) {
    for (const row of (await rowsOf(url)).values()) told.push(row["verdict"]);
  }
  return told;
}

Deno.test("an engine shut by one router is shut for all at once, and one of them tries it again", async () => {
  const good = (): Response => Response.json({ choices: [{ text: "a" }], usage: {} });
  const held: (() => void)[] = [];
  let fails = true;
  await using engine = startScripted(() =>
    fails
      ? Response.json({ error: {} }, { status: 500 })
      : new Promise((resolve) => held.push(() => resolve(good())))
  );
  await using spare = startScripted(good);
  const health = { engineFailures: 1, pauseMs: 400, maxPauseMs: 60_000, reroutes: 1 };
  await using routers = await startRouters(3, [
    engineAt(engine.url, "any"),
    engineAt(spare.url, "any"),
  ], { health });
  await routers.met();
  // Turns meet both engines.
  for (let turn = 0; turn < 2 && engine.asked.length === 0; turn++) await ask(routers.at(0).url);
  await eventually(async () =>
    (await verdictsOf(routers)).filter((verdict) => verdict === "shut").length === 3
  );
  fails = false;
  const asking: Promise<number>[] = [];
  await eventually(() => {
    if (held.length === 0) asking.push(...routers.all.map(({ url }) => ask(url)));
    return held.length > 0;
  });
  // While it is tried, everybody goes around it, the one that tries it too.
  for (let turn = 0; turn < 5; turn++) {
    await Promise.all(routers.all.map(({ url }) => ask(url)));
  }
  assertEquals(held.length, 1);
  held.shift()?.();
  await eventually(async () =>
    (await verdictsOf(routers)).every((verdict) => verdict === undefined)
  );
  for (const answer of held) answer();
  assertEquals(new Set(await Promise.all(asking)), new Set([200]));
});

Deno.test("a pair shut by one router is shut for all, and comes back for all", async () => {
  await using stack = new AsyncDisposableStack();
  const prefills = [
    stack.use(await startSim({ role: "prefill", kvConnector: "nixl" }, 1)),
    stack.use(await startSim({ role: "prefill", kvConnector: "nixl" }, 2)),
  ];
  const decode = stack.use(await startSim({ role: "decode", kvConnector: "nixl" }, 3));
  const engines = [
    ...prefills.map(({ url }) => engineAt(url, "prefill")),
    engineAt(decode.url, "decode"),
  ];
  const routers = stack.use(
    await startRouters(2, engines, {
      handoff: { kind: "nixl" },
      health: { pairFailures: 1, engineFailures: 50, pauseMs: 500, maxPauseMs: 500 },
    }),
  );
  await routers.met();
  const generate = async (url: string): Promise<number> => {
    const answer = await post(`${url}/v1/completions`, { ...BODY, model: MODEL, max_tokens: 3 });
    await answer.text();
    return answer.status;
  };
  decode.faults.errorAnswer = 1;
  await generate(routers.at(0).url);
  const pairsOf = async (url: string): Promise<number> =>
    [...(await rowsOf(url)).values()].filter((row) => row["shut_pairs"] !== undefined).length;
  await eventually(async () => await pairsOf(routers.at(1).url) === 1);
  assertEquals(await pairsOf(routers.at(0).url), 1);
  await eventually(async () => {
    for (const { url } of routers.all) assertEquals(await generate(url), 200);
    return await pairsOf(routers.at(0).url) + await pairsOf(routers.at(1).url) === 0;
  });
});

Deno.test("sessions meet one engine whichever router they come by", async () => {
  await using stack = new AsyncDisposableStack();
  const engines: ScriptedEngine[] = [];
  for (let index = 0; index < 4; index++) {
    engines.push(
      stack.use(startScripted(() => Response.json({ choices: [{ text: "a" }], usage: {} }))),
    );
  }
  const records = engines.map(({ url }) => engineAt(url, "any"));
  const routers = stack.use(
    await startRouters(3, records, { routing: { kind: "session", sessionKey: "x-user-id" } }),
  );
  for (let session = 0; session < 12; session++) {
    const before = engines.map(({ asked }) => asked.length);
    for (const { url } of routers.all) {
      const headers = { "x-user-id": `user-${session}` };
      await (await post(`${url}/v1/completions`, BODY, { headers })).text();
    }
    const more = engines.map(({ asked }, at) => asked.length - (before[at] ?? 0));
    assertEquals(more.toSorted(), [0, 0, 0, 3], `session ${session}`);
  }
});

/** A request whose body does not come. */
const BEGUN = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer su\r\n" +
  "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n";

Deno.test("limits of a key and of an address hold across routers", async () => {
  await using busy = startHeld();
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(
      file,
      JSON.stringify([{ name: "t", key: "sk", concurrent_requests: 1 }, { name: "u", key: "su" }]),
    );
    await using routers = await startRouters(2, [engineAt(busy.engine.url, "any")], {
      doors: { keys: { given: [], file, open: ["/metrics", "/engines"] } },
      clients: {
        headMs: 15_000,
        bodyIdleMs: 30_000,
        writeIdleMs: 60_000,
        keepAliveMs: 75_000,
        maxConnections: 16_384,
        maxPerAddress: 12,
      },
    });
    await routers.met();
    const [one, other] = [routers.at(0), routers.at(1)];
    const headers = { authorization: "Bearer sk" };
    const first = post(`${one.url}/v1/completions`, BODY, { headers });
    await eventually(() => busy.held.length === 1);
    await eventually(async () => await inflightAt(other.url) === 1);
    const refused = await post(`${other.url}/v1/completions`, BODY, { headers });
    assertEquals(refused.status, 429);
    assertMatch(await refused.text(), /concurrent requests/);
    busy.held.shift()?.();
    assertEquals((await first).status, 200);
    await (await first).text();
    // As many connections as there may be, all to one: the other lets nobody in. Each has begun a request, as
    // the front on the platform's server sees no others.
    const { hostname, port } = one.app.address;
    const sockets: Deno.Conn[] = [];
    try {
      for (let count = 0; count < 12; count++) {
        const socket = await Deno.connect({ hostname, port });
        sockets.push(socket);
        await socket.write(new TextEncoder().encode(BEGUN));
      }
      const turnedAway = async (): Promise<boolean> => {
        using socket = await Deno.connect({ hostname, port: other.app.address.port });
        await socket.write(new TextEncoder().encode("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"));
        const answer = new Uint8Array(1_024);
        const read = await socket.read(answer);
        return new TextDecoder().decode(answer.subarray(0, read ?? 0)).includes(" 503 ");
      };
      await eventually(turnedAway);
    } finally {
      for (const socket of sockets) socket.close();
    }
  } finally {
    await Deno.remove(file);
  }
});

/**
 * The router as a process of its own that may have few file descriptors: whatever takes them, it lives,
 * what runs goes on, and others are served when there is room again.
 */
import { encodeUtf8 } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import {
  complete,
  completeInTheEnd,
  DEADLINE_MS,
  direct,
  Engine,
  freePort,
  health,
  metric,
  rest,
  Silent,
  start,
  TOLD,
  UNTOLD,
} from "./scarce_router.ts";

const SILENCES: readonly (readonly [limit: number, connections: number, command: typeof TOLD])[] = [
  [64, 120, TOLD],
  [64, 120, UNTOLD],
  [1024, 1_200, TOLD],
  [1024, 1_200, UNTOLD],
];

for (const [limit, connections, command] of SILENCES) {
  const name = `${limit} descriptors, ${command === TOLD ? "told" : "not told"}`;
  Deno.test(`the router outlives ${connections} silent connections: ${name}`, async () => {
    await using engine = new Engine();
    await using router = await start(limit, command, direct(engine));
    const running = await complete(router);
    using silent = new Silent();
    await silent.connect(router.port, connections);
    const second = await completeInTheEnd(router);
    engine.go("{}");
    engine.end();
    for (const response of [running, second]) {
      const events = await rest(response);
      assertEquals([events.length, events.at(-1)], [3, "data: [DONE]"]);
    }
    silent[Symbol.dispose]();
    await eventually(async () => await health(router) === true, router.text, DEADLINE_MS);
    assertEquals(await metric(router, "pd_router_accepting"), 1);
    assertEquals(await metric(router, "pd_router_engine_up"), 1);
  });
}

Deno.test("the router reaches engines although clients keep their connections", async () => {
  await using engine = new Engine();
  await using router = await start(64, UNTOLD, direct(engine));
  const kept: Deno.Conn[] = [];
  try {
    const get = encodeUtf8("GET /version HTTP/1.1\r\nHost: x\r\n\r\n");
    for (let index = 0; index < 100; index++) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: router.port }).catch(() => {});
      if (conn === undefined) continue;
      kept.push(conn);
      await conn.write(get).then(() => conn.read(new Uint8Array(4096))).catch(() => {});
    }
    const response = await completeInTheEnd(router);
    engine.end();
    assertEquals((await rest(response)).at(-1), "data: [DONE]");
  } finally {
    for (const conn of kept) conn.close();
  }
});

Deno.test("the router answers 503, and blames no engine, for more streams than descriptors", async () => {
  await using engine = new Engine();
  await using router = await start(64, UNTOLD, direct(engine));
  const ends = await Promise.all(Array.from({ length: 60 }, async () => {
    const response = await complete(router).catch(() => undefined);
    if (response === undefined || response.status === 200) return { response, status: 200 };
    const again = response.headers.get("retry-after");
    await response.body?.cancel();
    return { response: undefined, status: response.status, again };
  }));
  for (const { status, again } of ends) {
    if (status !== 200) assertEquals([status, again], [503, "1"], router.text());
  }
  const streams = ends.flatMap(({ response }) => response ?? []);
  assert(streams.length > 5, `${streams.length}`);
  engine.end();
  for (const stream of streams) assertEquals((await rest(stream)).at(-1), "data: [DONE]");
  const later = await completeInTheEnd(router);
  engine.end();
  assertEquals((await rest(later)).at(-1), "data: [DONE]");
  assertEquals(await metric(router, "pd_router_engine_up"), 1);
});

Deno.test("the router outlives silent connections to its port for notifications", async () => {
  await using engine = new Engine();
  await using router = await start(64, TOLD, [
    `--prefill=http://127.0.0.1:${engine.port}`,
    `--decode=http://127.0.0.1:${engine.port}/d`,
    ...["--nixl-proxy-host=127.0.0.1", `--nixl-proxy-port=${freePort()}`],
  ]);
  using silent = new Silent();
  await silent.connect(router.notifications, 100);
  assertEquals(await health(router), true);
  const told = /Rejected a KV-ready peer.*4 connections are open/;
  await eventually(() => told.test(router.text()), router.text, DEADLINE_MS);
});

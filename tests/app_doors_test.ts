import { openDoors } from "../lib/app_doors.ts";
import { RouterError, seededRandom, silentLogger } from "../lib/base/mod.ts";
import type { RouterConfig } from "../lib/config/mod.ts";
import { Metrics } from "../lib/metrics/mod.ts";
import { configOf, FLEET } from "./config/support.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { chains } from "./tls/support.ts";

type DoorOptions = RouterConfig["doors"];

/** Opens the doors of a router without any, but for `doors`. */
function open(
  doors: Partial<DoorOptions> = {},
  clock = new FakeClock(),
): ReturnType<typeof openDoors> {
  const config = configOf({ flags: FLEET });
  return openDoors({ ...config, doors: { ...config.doors, ...doors } }, {
    clock,
    random: seededRandom(1),
    log: silentLogger(),
    metrics: new Metrics(),
  });
}

/** Runs `test` with files of these texts. */
async function withFiles(
  texts: readonly string[],
  test: (...paths: readonly string[]) => Promise<void> | void,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const paths = texts.map((_, index) => `${folder}/${index}`);
    for (const [index, path] of paths.entries()) await Deno.writeTextFile(path, texts[index] ?? "");
    await test(...paths);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function keysIn(file: string): Pick<DoorOptions, "keys"> {
  return { keys: { given: [], open: [], file } };
}

Deno.test("openDoors() without keys and certificates has no timer, and nothing to remark", () => {
  const clock = new FakeClock();
  const doors = open({}, clock);
  assertEquals([clock.pending, doors.remarks(), doors.front.tls], [0, {}, undefined]);
  assertEquals(doors.upstream, { refuseLinkLocal: true });
  doors[Symbol.dispose]();
});

Deno.test("openDoors() hands the upstream client what is said of engines", () => {
  const engineTls = { serverName: "engine.example" } as DoorOptions["engineTls"];
  using doors = open({ allowLinkLocalEngines: true, engineTls });
  assertEquals(doors.upstream, { refuseLinkLocal: false, serverName: "engine.example" });
});

Deno.test("openDoors() looks at its file of keys until it is disposed, and tells what is in force", async () => {
  await withFiles(["- {name: a, key: sk-a}"], async (path = "") => {
    const clock = new FakeClock();
    const doors = open(keysIn(path), clock);
    assertEquals([doors.remarks(), clock.pending], [{}, 1]);
    await Deno.writeTextFile(path, "- {name: a, key: }, and no more");
    await clock.advance(1_000);
    const { api_keys: told = "", ...others } = doors.remarks();
    assert(told !== "" && !told.includes("sk-a"), told);
    assertEquals(others, {});
    await Deno.writeTextFile(path, "- {name: b, key: sk-b}");
    await clock.advance(1_000);
    assertEquals(doors.remarks(), {});
    doors[Symbol.dispose]();
    assertEquals(clock.pending, 0);
  });
});

Deno.test("openDoors() opens nothing with a file of keys that is not there", () => {
  const clock = new FakeClock();
  const error = assertThrows(() => open(keysIn("/nowhere/keys"), clock), RouterError);
  assertEquals(error.code, "internal");
  assertStringIncludes(error.message, "Cannot use --api-keys-file /nowhere/keys: ");
  assertEquals(clock.pending, 0);
});

Deno.test("openDoors() gives back what it has begun where a certificate cannot be used", async () => {
  const { server } = await chains();
  const texts = ["- {name: a, key: sk-a}", server.cert, server.key, "no key"];
  await withFiles(texts, (keys = "", cert = "", key = "", bad = "") => {
    const clock = new FakeClock();
    const wrong: readonly Partial<DoorOptions>[] = [
      { tls: { cert, key: bad } },
      { tls: { cert, key, clientCa: "/nowhere/ca" } },
      { tls: { cert, key }, engineTls: { client: { cert: bad, key } } as DoorOptions["engineTls"] },
    ];
    for (const doors of wrong) {
      assertThrows(() => open({ ...keysIn(keys), ...doors }, clock), RouterError);
      assertEquals(clock.pending, 0, JSON.stringify(doors));
    }
  });
});

Deno.test("openDoors() serves with its certificate, shows the other, and reads the authority", async () => {
  const { server, client, ca } = await chains();
  const texts = [server.cert, server.key, client.cert, client.key, ca];
  await withFiles(texts, (cert = "", key = "", shownCert = "", shownKey = "", clientCa = "") => {
    const clock = new FakeClock();
    const engineTls = { client: { cert: shownCert, key: shownKey } } as DoorOptions["engineTls"];
    const doors = open({ tls: { cert, key, clientCa }, engineTls }, clock);
    const { tls } = doors.front;
    assertEquals([tls?.cert, tls?.key, tls?.clientCa], [server.cert, server.key, ca]);
    assertEquals(doors.upstream.clientPair?.(), { cert: client.cert, key: client.key });
    doors[Symbol.dispose]();
    assertEquals(clock.pending, 0);
  });
});

import {
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  RECOVERED_MS,
  Relay,
} from "../../lib/front/deno_relay.ts";
import { HANDOVER_MS } from "../../lib/tls/mod.ts";
import type { FrontEvent } from "../../lib/front/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { wantOfDescriptors } from "../support/scarce.ts";
import { FakePlatform } from "./fake_platform.ts";

const IN_USE = new Deno.errors.AddrInUse("Address already in use");

interface Run {
  readonly clock: FakeClock;
  readonly platform: FakePlatform;
  readonly relay: Relay;
  readonly kinds: string[];
}

function run(platform = new FakePlatform(), spare?: () => boolean): Run {
  const clock = new FakeClock();
  const kinds: string[] = [];
  const relay = new Relay({
    clock,
    port: 0,
    spare,
    begin: (port, signal) =>
      platform.serve({ hostname: "127.0.0.1", port, signal }, () => Promise.reject(new Error())),
    onEvent: (event: FrontEvent) => void kinds.push(event.kind),
  });
  return { clock, platform, relay, kinds };
}

/** Whether `promise` has settled. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.finally(() => settled = true);
  await settle();
  return settled;
}

Deno.test("Relay begins anew on its port after a pause, while the old server answers", async () => {
  const { clock, platform, relay, kinds } = run();
  assertEquals([relay.addr.port, relay.ailment], [4000, undefined]);
  platform.server(0).fail(wantOfDescriptors());
  await settle();
  assertEquals(
    relay.ailment,
    "no more connections can be accepted: " + wantOfDescriptors().message,
  );
  await clock.advance(FIRST_PAUSE_MS - 1);
  assertEquals([platform.servers.length, platform.server(0).shutdowns, kinds], [1, 0, [
    "not-accepting",
  ]]);
  await clock.advance(1);
  assertEquals([platform.server(0).shutdowns, platform.ports], [1, [0, 4000]]);
  assertEquals(await isSettled(relay.finished), false);
});

Deno.test("Relay has recovered when accepting has gone on for a while", async () => {
  const { clock, platform, relay, kinds } = run();
  platform.server(0).fail(wantOfDescriptors());
  await clock.advance(FIRST_PAUSE_MS + RECOVERED_MS - 1);
  assertEquals([kinds.length, relay.ailment === undefined], [1, false]);
  await clock.advance(1);
  assertEquals([kinds, relay.ailment, clock.pending], [
    ["not-accepting", "accepting"],
    undefined,
    0,
  ]);
});

Deno.test("Relay waits longer from one failure to the next, tells of them once, and starts over", async () => {
  const { clock, platform, kinds } = run();
  const pauses: number[] = [];
  for (let index = 0; index < 8; index++) {
    platform.server(index).fail(wantOfDescriptors());
    const since = clock.now();
    while (platform.servers.length === index + 1) await clock.advance(1);
    pauses.push(clock.now() - since);
  }
  assertEquals(pauses, [50, 100, 200, 400, 800, 1000, 1000, 1000]);
  assertEquals(kinds, ["not-accepting"]);
  await clock.advance(RECOVERED_MS);
  platform.server(8).fail(wantOfDescriptors());
  await clock.advance(FIRST_PAUSE_MS);
  assertEquals([platform.servers.length, kinds], [10, [
    "not-accepting",
    "accepting",
    "not-accepting",
  ]]);
});

Deno.test("Relay tries again as long as its port cannot be had", async () => {
  const { clock, platform, relay } = run();
  platform.failures.push(IN_USE, IN_USE, IN_USE);
  platform.server(0).fail(wantOfDescriptors());
  await clock.advance(FIRST_PAUSE_MS * (1 + 0 + 1 + 2 + 4) - 1);
  assertEquals(platform.servers.length, 1);
  await clock.advance(1);
  assertEquals([platform.ports.length, platform.servers.length], [5, 2]);
  assertEquals(relay.ailment === undefined, false);
});

Deno.test("Relay.shutdown() waits for the answers of every server, and begins none", async () => {
  const { clock, platform, relay } = run();
  platform.server(0).fail(wantOfDescriptors());
  await clock.advance(FIRST_PAUSE_MS);
  const stopped = relay.shutdown();
  assertEquals([await isSettled(stopped), platform.server(1).shutdowns], [false, 1]);
  platform.server(1).answered();
  assertEquals(await isSettled(stopped), false);
  platform.server(0).answered();
  assertEquals([await isSettled(stopped), await isSettled(relay.finished)], [true, true]);
  await clock.advance(60_000);
  assertEquals([platform.servers.length, clock.pending], [2, 0]);
});

Deno.test("Relay.shutdown() ends a pause", async () => {
  const { clock, platform, relay } = run();
  platform.server(0).fail(wantOfDescriptors());
  await settle();
  platform.server(0).answered();
  assertEquals(await isSettled(relay.shutdown()), true);
  assertEquals([platform.servers.length, clock.pending], [1, 0]);
});

Deno.test("Relay.cut() cuts off the answers of every server", async () => {
  const { clock, platform, relay } = run();
  platform.server(0).fail(wantOfDescriptors());
  await clock.advance(FIRST_PAUSE_MS);
  relay.cut();
  assertEquals(await isSettled(relay.shutdown()), true);
});

Deno.test("Relay takes what a retired server fails with for its own end", async () => {
  const { clock, platform, relay, kinds } = run();
  assertEquals(await advanced(clock, relay.renew()), true);
  platform.server(0).fail(new Error("reset"));
  await clock.advance(RECOVERED_MS);
  assertEquals([platform.servers.length, kinds, relay.ailment], [2, [], undefined]);
});

Deno.test("Relay.renew() ends the server and begins the next, but not again at once", async () => {
  const { clock, platform, relay, kinds } = run();
  assertEquals(await advanced(clock, relay.renew()), true);
  assertEquals([platform.server(0).shutdowns, platform.ports, kinds], [1, [0, 4000], []]);
  assertEquals(await advanced(clock, relay.renew()), false);
  await clock.advance(LONGEST_PAUSE_MS);
  assertEquals(await advanced(clock, relay.renew()), true);
  assertEquals([platform.servers.length, kinds], [3, []]);
  await clock.advance(RECOVERED_MS);
  assertEquals(clock.pending, 0);
});

Deno.test("Relay.renew() waits for a change under way, no longer than a moment", async () => {
  const { clock, platform, relay } = run();
  platform.failures.push(...Array.from({ length: 9 }, () => IN_USE));
  platform.server(0).fail(wantOfDescriptors());
  await settle();
  const renewed = relay.renew();
  assertEquals(await isSettled(renewed), false);
  await clock.advance(200);
  assertEquals([await isSettled(renewed), await renewed], [true, true]);
});

Deno.test("Relay.renew() gives the last server a moment to let go of the port", async () => {
  const { clock, platform, relay, kinds } = run();
  platform.failures.push(IN_USE);
  const renewed = relay.renew();
  await clock.advance(FIRST_PAUSE_MS);
  assertEquals([await renewed, platform.servers.length, kinds], [true, 2, []]);
});

Deno.test("Relay.renew() does nothing once it is shut down", async () => {
  const { platform, relay } = run();
  platform.server(0).answered();
  await relay.shutdown();
  assertEquals([await relay.renew(), platform.servers.length], [false, 1]);
});

Deno.test("Relay.replace() begins a server beside the one that is, and ends that a moment later", async () => {
  const { clock, platform, relay, kinds } = run();
  relay.replace();
  assertEquals([platform.ports, platform.server(0).shutdowns], [[0, 4000], 0]);
  relay.replace();
  await clock.advance(HANDOVER_MS - 1);
  assertEquals([0, 1, 2].map((index) => platform.server(index).shutdowns), [0, 0, 0]);
  await clock.advance(1);
  assertEquals([0, 1, 2].map((index) => platform.server(index).shutdowns), [1, 1, 0]);
  platform.server(0).fail(new Error("reset"));
  await clock.advance(RECOVERED_MS);
  assertEquals([platform.servers.length, kinds, clock.pending], [3, [], 0]);
});

Deno.test("Relay.replace() stands in for a server that can accept no more", async () => {
  const { clock, platform, relay, kinds } = run();
  platform.server(0).fail(wantOfDescriptors());
  await settle();
  relay.replace();
  await clock.advance(FIRST_PAUSE_MS);
  assertEquals([platform.servers.length, platform.server(0).shutdowns], [2, 1]);
  await clock.advance(RECOVERED_MS);
  assertEquals([relay.ailment, kinds], [undefined, ["not-accepting", "accepting"]]);
});

Deno.test("Relay.replace() in a pause leaves a server that is followed when it fails too", async () => {
  const { clock, platform, relay } = run();
  platform.server(0).fail(wantOfDescriptors());
  await settle();
  relay.replace();
  platform.server(1).fail(wantOfDescriptors());
  await clock.advance(2 * FIRST_PAUSE_MS);
  assertEquals([platform.servers.length, platform.server(1).shutdowns], [3, 1]);
});

Deno.test("Relay.replace() takes the place of a server that is being renewed", async () => {
  const { clock, platform, relay } = run();
  platform.failures.push(IN_USE);
  const renewed = relay.renew();
  await clock.advance(0);
  assertEquals([platform.ports.length, platform.server(0).shutdowns], [2, 1]);
  relay.replace();
  assertEquals(await renewed, true);
  await clock.advance(LONGEST_PAUSE_MS);
  assertEquals([platform.servers.length, platform.server(0).shutdowns], [2, 1]);
  await clock.advance(RECOVERED_MS);
  assertEquals(clock.pending, 0);
});

Deno.test("Relay.replace() throws, and changes nothing, where there can be no other", async () => {
  const { clock, platform, relay, kinds } = run();
  platform.failures.push(IN_USE);
  assertThrows(() => relay.replace(), Deno.errors.AddrInUse);
  await clock.advance(RECOVERED_MS);
  assertEquals([platform.server(0).shutdowns, kinds, relay.ailment], [0, [], undefined]);
  platform.server(0).fail(wantOfDescriptors());
  await clock.advance(FIRST_PAUSE_MS);
  assertEquals(platform.servers.length, 2);
});

Deno.test("Relay has descriptors given up where there are none to listen with", async () => {
  const platform = new FakePlatform();
  let spares = 2;
  const { clock, relay } = run(platform, () => spares-- > 0);
  platform.failures.push(wantOfDescriptors());
  relay.replace();
  assertEquals([platform.servers.length, spares], [2, 1]);
  platform.server(1).fail(wantOfDescriptors());
  platform.failures.push(wantOfDescriptors());
  await clock.advance(FIRST_PAUSE_MS);
  assertEquals([platform.servers.length, spares], [3, 0]);
  platform.failures.push(wantOfDescriptors());
  assertThrows(() => relay.replace(), Error, "Too many open files");
});

Deno.test("Relay.shutdown() ends the servers whose place others have taken, and replaces none", async () => {
  const { clock, platform, relay } = run();
  relay.replace();
  for (const server of platform.servers) server.answered();
  await relay.shutdown();
  relay.replace();
  assertEquals(platform.servers.map(({ shutdowns }) => shutdowns), [1, 1]);
  assertEquals(clock.pending, 0);
});

Deno.test("Relay throws when the address cannot be had at first", () => {
  const platform = new FakePlatform();
  platform.failures.push(IN_USE);
  assertThrows(() => run(platform), Deno.errors.AddrInUse);
});

async function advanced<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  await clock.advance(0);
  return await promise;
}

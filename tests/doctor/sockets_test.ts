import {
  nixlPortFindings,
  notificationFinding,
  type SocketParts,
  tried,
  tryBind,
} from "../../lib/doctor/sockets.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { lines } from "./support.ts";

const SOCKET = { host: "0.0.0.0", port: 7500 };

/** Ports that can be connected to; the others refuse. */
function socketsOf(clock: FakeClock, open: readonly number[]): SocketParts {
  return {
    clock,
    timeoutMs: 1_000,
    connect: (host, port) =>
      open.includes(port)
        ? Promise.resolve()
        : Promise.reject(new Error(`${host} refuses ${port}`)),
  };
}

Deno.test("nixlPortFindings() tries every port of engines that receive KV", async () => {
  const receiver = engineOf("d", "decode", "lmcache", ["p1"]);
  const engines = [engineOf("p", "prefill", "lmcache"), receiver];
  const all = await nixlPortFindings(engines, socketsOf(new FakeClock(), [7300, 7400]));
  assertEquals(lines(all), ["ok decode http://d:8000: 2 NIXL ports of d are open"]);
  const one = await nixlPortFindings(engines, socketsOf(new FakeClock(), [7300]));
  assertEquals(lines(one), [
    "failed decode http://d:8000: of the NIXL ports of d 1 cannot be reached: " +
    "alloc 7400: d refuses 7400",
  ]);
  const none = await nixlPortFindings(engines.slice(0, 1), socketsOf(new FakeClock(), []));
  assertEquals(none.map(({ outcome }) => outcome), ["skipped"]);
});

Deno.test("tried() gives up a connection that takes too long, and has it ended", async () => {
  const clock = new FakeClock();
  let ended = false;
  const connect: SocketParts["connect"] = (_host, _port, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        ended = true;
        reject(new Error("aborted"));
      });
    });
  const trying = tried("d", 1, { clock, timeoutMs: 3_000, connect });
  await clock.advance(2_999);
  assertEquals(ended, false);
  await clock.advance(1);
  assertEquals([await trying, ended], ["no answer within 3 s", true]);
});

Deno.test("tryBind() gives back what it has bound, and tells why it cannot", async () => {
  const clock = new FakeClock();
  let closed = 0;
  const free = await tryBind(clock, () =>
    Promise.resolve({
      [Symbol.asyncDispose]: () => {
        closed++;
        return Promise.resolve();
      },
    }));
  assertEquals([free, closed], [{ kind: "free" }, 1]);
  const taken = await tryBind(clock, () => Promise.reject(new Error("in use")));
  assertEquals(taken, { kind: "taken", error: "in use" });
});

Deno.test("tryBind() waits no longer than 2 s for a socket to close", async () => {
  const clock = new FakeClock();
  const never = { [Symbol.asyncDispose]: () => Promise.withResolvers<void>().promise };
  const trying = tryBind(clock, () => Promise.resolve(never));
  await settle();
  await clock.advance(2_000);
  assertEquals(await trying, { kind: "free" });
});

Deno.test("notificationFinding() takes a port that a running router has for right", () => {
  const taken = { kind: "taken", error: "in use" } as const;
  assertEquals(notificationFinding(SOCKET, { kind: "free" }, false).outcome, "ok");
  assertEquals(notificationFinding(SOCKET, taken, true).outcome, "ok");
  const other = notificationFinding(SOCKET, taken, false);
  assertEquals(other.outcome, "failed");
  assertStringIncludes(other.said, "in use");
  assertEquals(notificationFinding(undefined, undefined, false).outcome, "skipped");
});

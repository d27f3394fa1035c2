import {
  DOUBLED_MS,
  noteSignals,
  openSignals,
  type SignalPort,
  type StopSignal,
} from "../../lib/cli/signals.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

class FakePort implements SignalPort {
  readonly listeners = new Map<StopSignal, Set<() => void>>();

  addSignalListener(signal: StopSignal, listener: () => void): void {
    const known = this.listeners.get(signal) ?? new Set();
    this.listeners.set(signal, known.add(listener));
  }

  removeSignalListener(signal: StopSignal, listener: () => void): void {
    this.listeners.get(signal)?.delete(listener);
  }

  send(signal: StopSignal): void {
    for (const listener of this.listeners.get(signal) ?? []) listener();
  }
}

Deno.test("openSignals() hands out signals once, in order, early or late", async () => {
  const port = new FakePort();
  using signals = openSignals(port);
  port.send("SIGINT");
  assertEquals(await signals.next(), "SIGINT");
  const seen: string[] = [];
  signals.next().then((signal) => seen.push(signal));
  signals.next().then((signal) => seen.push(signal));
  await settle();
  assertEquals(seen, []);
  port.send("SIGTERM");
  port.send("SIGINT");
  await settle();
  assertEquals(seen, ["SIGTERM", "SIGINT"]);
});

Deno.test("openSignals() removes its listeners when it is disposed", () => {
  const port = new FakePort();
  const signals = openSignals(port);
  assertEquals([...port.listeners.values()].map((set) => set.size), [1, 1]);
  signals[Symbol.dispose]();
  assertEquals([...port.listeners.values()].map((set) => set.size), [0, 0]);
});

Deno.test("openSignals() listens to those signals that it is given", async () => {
  const port = new FakePort();
  using signals = openSignals(port, ["SIGTERM", "SIGQUIT"]);
  assertEquals([...port.listeners.keys()], ["SIGTERM", "SIGQUIT"]);
  port.send("SIGQUIT");
  assertEquals(await signals.next(), "SIGQUIT");
});

Deno.test("openSignals() takes a key press that comes twice for one, and a second one for two", async () => {
  const port = new FakePort();
  const clock = new FakeClock();
  using signals = openSignals(port, ["SIGINT", "SIGTERM"], clock);
  port.send("SIGINT");
  await clock.advance(DOUBLED_MS - 1);
  port.send("SIGINT");
  port.send("SIGTERM");
  port.send("SIGTERM");
  await clock.advance(DOUBLED_MS);
  port.send("SIGINT");
  const seen = [];
  for (let index = 0; index < 4; index++) seen.push(await signals.next());
  assertEquals(seen, ["SIGINT", "SIGTERM", "SIGTERM", "SIGINT"]);
});

Deno.test("openSignals() counts key presses that follow each other as quickly as can be", async () => {
  const port = new FakePort();
  const clock = new FakeClock();
  using signals = openSignals(port, ["SIGINT"], clock);
  let ended = false;
  signals.next().then(() => signals.next()).then(() => ended = true);
  for (let pressedMs = 0; pressedMs < DOUBLED_MS; pressedMs += DOUBLED_MS / 5) {
    port.send("SIGINT");
    await clock.advance(DOUBLED_MS / 5);
  }
  assertEquals(ended, false);
  port.send("SIGINT");
  await settle();
  assertEquals(ended, true);
});

/** Signals of every kind. */
class WidePort implements SignalPort {
  readonly listeners: (readonly [name: string, listener: () => void])[] = [];

  addSignalListener(signal: string, listener: () => void): void {
    this.listeners.push([signal, listener]);
  }

  removeSignalListener(signal: string, listener: () => void): void {
    const index = this.listeners.findIndex(([name, one]) => name === signal && one === listener);
    assertEquals(index >= 0, true);
    this.listeners.splice(index, 1);
  }
}

Deno.test("noteSignals() tells each signal, and listens to none when it is disposed", () => {
  const port = new WidePort();
  const seen: string[] = [];
  const noted = noteSignals(port, ["SIGHUP", "SIGUSR1"], (signal) => void seen.push(signal));
  for (const [, listener] of port.listeners) listener();
  for (const [, listener] of port.listeners) listener();
  assertEquals(seen, ["SIGHUP", "SIGUSR1", "SIGHUP", "SIGUSR1"]);
  noted[Symbol.dispose]();
  assertEquals(port.listeners, []);
});

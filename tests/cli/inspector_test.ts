import {
  BLOCKED_VARIABLE,
  guardInspector,
  type INSPECTOR_ADDRESS,
  RETRY_MS,
} from "../../lib/cli/inspector.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A port that another process may have. */
class FakePort {
  failure: Error | undefined;
  asked = 0;
  open = 0;

  readonly listen = (address: typeof INSPECTOR_ADDRESS): { close(): void } => {
    assertEquals(address, { hostname: "127.0.0.1", port: 9229 });
    this.asked++;
    if (this.failure !== undefined) throw this.failure;
    this.open++;
    return { close: () => void this.open-- };
  };
}

function guard(port: FakePort, env: Readonly<Record<string, string>> = {}): {
  readonly clock: FakeClock;
  readonly lines: string[];
  readonly held: Disposable;
} {
  const clock = new FakeClock();
  const lines: string[] = [];
  const held = guardInspector({
    clock,
    listen: port.listen,
    env: (name) => env[name],
    complain: (line) => void lines.push(line),
  });
  return { clock, lines, held };
}

Deno.test("guardInspector() holds the port until it is disposed", () => {
  const port = new FakePort();
  const { clock, lines, held } = guard(port);
  assertEquals([port.open, clock.pending, lines], [1, 0, []]);
  held[Symbol.dispose]();
  assertEquals(port.open, 0);
});

Deno.test("guardInspector() leaves the port where SIGUSR1 cannot arrive", () => {
  for (const [blocked, asked] of [["USR1", 0], ["HUP,USR1", 0], ["USR2", 1], ["", 1]] as const) {
    const port = new FakePort();
    using _held = guard(port, { [BLOCKED_VARIABLE]: blocked }).held;
    assertEquals([blocked, port.asked], [blocked, asked]);
  }
});

Deno.test("guardInspector() takes the port when the process that has it ends", async () => {
  const port = new FakePort();
  port.failure = new Deno.errors.AddrInUse("Address already in use");
  const { clock, lines, held } = guard(port);
  await clock.advance(3 * RETRY_MS);
  assertEquals([port.asked, port.open, clock.pending], [4, 0, 1]);
  port.failure = undefined;
  await clock.advance(RETRY_MS);
  assertEquals([port.open, clock.pending, lines], [1, 0, []]);
  held[Symbol.dispose]();
  assertEquals(port.open, 0);
});

Deno.test("guardInspector() stops trying when it is disposed", () => {
  const port = new FakePort();
  port.failure = new Deno.errors.AddrInUse("Address already in use");
  const { clock, held } = guard(port);
  held[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("guardInspector() says once that it may not hold the port", () => {
  const port = new FakePort();
  port.failure = new Deno.errors.NotCapable("Requires net access");
  const { clock, lines, held } = guard(port);
  assertEquals([lines.length, clock.pending], [1, 0]);
  assertStringIncludes(lines[0] ?? "", "SIGUSR1 can open V8's inspector");
  held[Symbol.dispose]();
});

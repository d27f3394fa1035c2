import { ConfigWatch, SETTLE_MS } from "../../lib/reload/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const EVERY_MS = 5_000;

interface Files {
  text: string;
  everyMs: number | undefined;
}

interface Watched extends Disposable {
  readonly clock: FakeClock;
  readonly watch: ConfigWatch;
  readonly files: Files;
  readonly changes: string[];
}

function watched(): Watched {
  const clock = new FakeClock();
  const files: Files = { text: "a", everyMs: EVERY_MS };
  const changes: string[] = [];
  const watch: ConfigWatch = new ConfigWatch("a", {
    clock,
    look: () => Promise.resolve(files.text),
    everyMs: () => files.everyMs,
    onChange: () => {
      changes.push(files.text);
      watch.seen(files.text);
      return Promise.resolve();
    },
  });
  return { clock, watch, files, changes, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}

Deno.test("ConfigWatch tells of what has changed once it has stayed, and once", async () => {
  using all = watched();
  all.files.text = "b";
  await all.clock.advance(EVERY_MS);
  assertEquals(all.changes, []);
  await all.clock.advance(SETTLE_MS);
  assertEquals(all.changes, ["b"]);
  await all.clock.advance(10 * EVERY_MS);
  assertEquals(all.changes, ["b"]);
});

Deno.test("ConfigWatch waits while a file is written, and never tells of the parts", async () => {
  using all = watched();
  all.files.text = "";
  await all.clock.advance(EVERY_MS);
  for (const part of ["b", "bb", "bbb"]) {
    all.files.text = part;
    await all.clock.advance(SETTLE_MS);
  }
  assertEquals(all.changes, []);
  await all.clock.advance(SETTLE_MS);
  assertEquals(all.changes, ["bbb"]);
});

Deno.test("ConfigWatch says nothing of what is as it was by the time that it is looked at again", async () => {
  using all = watched();
  all.files.text = "";
  await all.clock.advance(EVERY_MS);
  all.files.text = "a";
  await all.clock.advance(4 * EVERY_MS);
  assertEquals(all.changes, []);
});

Deno.test("ConfigWatch leaves a file that never stays for later", async () => {
  using all = watched();
  let count = 0;
  const { clock } = all;
  Object.defineProperty(all.files, "text", { get: () => `${count++}`, configurable: true });
  await clock.advance(EVERY_MS + 30 * SETTLE_MS);
  assertEquals(all.changes, []);
  Object.defineProperty(all.files, "text", { value: "z" });
  await clock.advance(EVERY_MS + SETTLE_MS);
  assertEquals(all.changes, ["z"]);
});

Deno.test("ConfigWatch looks as often as it is told to, and not at all", async () => {
  using all = watched();
  all.files.everyMs = undefined;
  all.watch.arm();
  assertEquals(all.clock.pending, 0);
  all.files.text = "b";
  all.files.everyMs = 1_000;
  all.watch.arm();
  await all.clock.advance(1_000 + SETTLE_MS);
  assertEquals(all.changes, ["b"]);
});

Deno.test("ConfigWatch leaves no timer, be it disposed while it waits for a file to stay", async () => {
  const all = watched();
  all.files.text = "b";
  await all.clock.advance(EVERY_MS);
  all.watch[Symbol.dispose]();
  await all.clock.advance(EVERY_MS);
  assertEquals([all.clock.pending, all.changes], [0, []]);
});

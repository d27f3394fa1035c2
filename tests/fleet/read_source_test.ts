import { createLogger, type Engine } from "../../lib/base/mod.ts";
import type { EngineSource, SourceChange } from "../../lib/fleet/mod.ts";
import { readSource } from "../../lib/fleet/read_source.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const ENGINE: Engine = { id: "e", url: "http://e", role: "any", models: ["m"], kv: "none" };
const ADDED: SourceChange = { kind: "upsert", engine: ENGINE };
const REMOVED: SourceChange = { kind: "remove", id: "e" };

/** What is told of a source that gives `changes` in turn, and fails with an error among them. */
async function toldOf(
  changes: readonly (SourceChange | Error)[],
  stop = new AbortController(),
  onChange: () => void = () => {},
): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  const line = (text: string): unknown => told.push(text.slice(text.indexOf(" ") + 1));
  const log = createLogger(new FakeClock(), line, { level: "error", format: "text" });
  const source: EngineSource = {
    async *changes(signal: AbortSignal) {
      assertEquals(signal, stop.signal);
      for (const change of changes) {
        if (change instanceof Error) throw change;
        yield await Promise.resolve(change);
      }
    },
  };
  await readSource(source, {
    signal: stop.signal,
    log,
    onSynced: () => told.push("synced"),
    onChange: (change) => {
      told.push(change);
      onChange();
    },
  });
  return told;
}

Deno.test("readSource() tells of changes in order, and of when the first are there", async () => {
  assertEquals(await toldOf([ADDED, { kind: "synced" }, REMOVED]), [ADDED, "synced", REMOVED]);
});

Deno.test("readSource() tells the log of a source that fails, and what it told before", async () => {
  assertEquals(await toldOf([ADDED, new Error("gone"), REMOVED]), [
    ADDED,
    "ERROR Engines are not followed any more: their source has failed error=gone",
  ]);
});

Deno.test("readSource() says nothing more once it is stopped, not even of a failure", async () => {
  const stop = new AbortController();
  const told = await toldOf([ADDED, REMOVED], stop, () => stop.abort());
  assertEquals(told, [ADDED]);
  const failing = new AbortController();
  const failed = await toldOf([ADDED, new Error("aborted")], failing, () => failing.abort());
  assertEquals(failed, [ADDED]);
});

import { staticSource } from "../../lib/fleet/mod.ts";
import type { Engine } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { sourceConformance, type SourceScene } from "./source_conformance.ts";
import { engine } from "./support.ts";

sourceConformance({
  name: "staticSource()",
  make: (engines) => ({
    source: staticSource(engines),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
});

// What other tests have in place of a source is one, too; and the script is run by somebody.
sourceConformance({ name: "ScriptedSource", make: scriptedScene });

function scriptedScene(first: readonly Engine[]): SourceScene {
  const source = ScriptedSource.of(first);
  let there = first;
  return {
    source,
    become(engines) {
      for (const { id } of there) {
        if (engines.some((other) => other.id === id)) continue;
        source.leaving(id);
        source.remove(id);
      }
      for (const one of engines) if (!there.includes(one)) source.upsert(one);
      there = engines;
      return Promise.resolve();
    },
    [Symbol.asyncDispose]() {
      assertEquals(source.following, 0);
      return Promise.resolve();
    },
  };
}

Deno.test("staticSource() tells its engines in their order, and ends", async () => {
  const engines = [engine("b"), engine("a", ["m"])];
  const told: unknown[] = [];
  const { signal } = new AbortController();
  for await (const change of staticSource(engines).changes(signal)) told.push(change);
  assertEquals(told, [
    { kind: "upsert", engine: engines[0] },
    { kind: "upsert", engine: engines[1] },
    { kind: "synced" },
  ]);
});

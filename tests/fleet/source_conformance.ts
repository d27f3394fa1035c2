/**
 * What holds for every `EngineSource`. A new one has this run over it, beside the tests of what it
 * alone does: of where it reads, and of what it makes of what it finds there.
 * @module
 */
import type { Engine } from "../../lib/base/mod.ts";
import type { EngineSource, SourceChange } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { engine } from "./support.ts";

/** A source in surroundings that a test can change. */
export interface SourceScene extends AsyncDisposable {
  readonly source: EngineSource;
  /**
   * Make `engines` all that there are; resolves when the source can have noticed. Absent where a
   * source never changes.
   */
  readonly become?: (engines: readonly Engine[]) => Promise<void>;
}

/** Makes a scene in which `engines` are there. */
export type MakeSource = (engines: readonly Engine[]) => SourceScene | Promise<SourceScene>;

/** What one of the fleet's records may look like. */
export interface SourceConformance {
  readonly name: string;
  readonly make: MakeSource;
  /**
   * What is there at one time after the other, each a change of the one before.
   * @default engines that come, go, come again, move and get other roles and models
   */
  readonly script?: readonly (readonly Engine[])[];
}

const A = engine("a", ["m"]);
const B = engine("b");
const C = engine("c", ["m", "n"], { role: "prefill", kv: "nixl" });

const SCRIPT: readonly (readonly Engine[])[] = [
  [A, B],
  [A, B, C],
  [B, C],
  [A, B, C],
  [{ ...A, role: "decode" }, { ...B, models: ["m"] }, C],
  [{ ...A, url: "http://elsewhere:8000" }, C],
  [],
  [A, B, C],
];

/** What the changes that a source has told come to. */
class Told {
  readonly engines = new Map<string, Engine>();
  readonly changes: SourceChange[] = [];
  ended = false;

  get synced(): number {
    return this.changes.filter(({ kind }) => kind === "synced").length;
  }

  /** Read `source` until it ends. */
  async read(source: EngineSource, stop: AbortSignal): Promise<void> {
    try {
      for await (const change of source.changes(stop)) this.#add(change);
    } finally {
      this.ended = true;
    }
  }

  #add(change: SourceChange): void {
    this.changes.push(change);
    switch (change.kind) {
      case "upsert":
        return void this.engines.set(change.engine.id, change.engine);
      case "remove":
        return void this.engines.delete(change.id);
      case "leaving":
      case "synced":
        return;
      default:
        change satisfies never;
    }
  }

  /** Whether it comes to `engines`. */
  is(engines: readonly Engine[]): boolean {
    return this.text === textOf(engines);
  }

  get text(): string {
    return textOf([...this.engines.values()]);
  }
}

function textOf(engines: readonly Engine[]): string {
  const records = engines.map((one) => JSON.stringify(Object.entries(one).sort()));
  return records.sort().join("\n");
}

/** Read a scene's source while `run` runs, which must leave nothing running. */
async function reading(
  scene: SourceScene,
  run: (told: Told, stop: AbortController) => Promise<void>,
): Promise<void> {
  const told = new Told();
  const stop = new AbortController();
  const read = told.read(scene.source, stop.signal);
  try {
    await run(told, stop);
  } finally {
    stop.abort();
    await read;
  }
}

function synced(told: Told): Promise<void> {
  return eventually(() => told.synced > 0, () => `synced, after ${told.changes.length} changes`);
}

/** Define the tests for one source. */
export function sourceConformance(
  { name, make, script: [first = [], ...later] = SCRIPT }: SourceConformance,
): void {
  for (const [what, engines] of [["engines", first], ["none", []]] as const) {
    Deno.test(`${name} tells what is there when it begins, then that it has told: ${what}`, async () => {
      await using scene = await make(engines);
      await reading(scene, async (told) => {
        await synced(told);
        assertEquals(told.text, textOf(engines));
        const at = told.changes.findIndex(({ kind }) => kind === "synced");
        assertEquals(
          told.changes.slice(0, at).map(({ kind }) => kind),
          engines.map(() => "upsert"),
        );
      });
    });
  }

  Deno.test(`${name} tells everything from the beginning to each that asks`, async () => {
    await using scene = await make(first);
    for (let round = 0; round < 2; round++) {
      await reading(scene, async (told) => {
        await synced(told);
        assertEquals(told.text, textOf(first));
      });
    }
    await reading(scene, (one) =>
      reading(scene, async (other) => {
        await Promise.all([synced(one), synced(other)]);
        assertEquals([one.text, other.text], [textOf(first), textOf(first)]);
      }));
  });

  Deno.test(`${name} tells records that a fleet can use`, async () => {
    await using scene = await make(first);
    await reading(scene, async (told) => {
      await synced(told);
      for (const { id, url, models } of told.engines.values()) {
        assert(id !== "" && Array.isArray(models), id);
        assertEquals(new URL(url).href.replace(/\/$/, ""), url);
      }
    });
  });

  Deno.test(`${name} follows what there is, and tells "synced" once`, async () => {
    await using scene = await make(first);
    const { become } = scene;
    await reading(scene, async (told) => {
      await synced(told);
      // One that never changes stays as it is, to its end.
      for (const engines of become === undefined ? [] : later) {
        await become?.(engines);
        await eventually(() => told.is(engines), () => `${told.text}\nis not\n${textOf(engines)}`);
      }
      assertEquals(told.text, textOf(become === undefined ? first : later.at(-1) ?? first));
      assertEquals(told.synced, 1);
    });
  });

  Deno.test(`${name} ends when it is stopped while it waits, and tells no more`, async () => {
    await using scene = await make(first);
    await reading(scene, async (told, stop) => {
      await synced(told);
      stop.abort();
      await eventually(() => told.ended, () => "the end");
      const { length } = told.changes;
      await scene.become?.(later[0] ?? []);
      assertEquals(told.changes.length, length);
    });
  });

  Deno.test(`${name} ends when it is stopped in the middle of what it has to tell`, async () => {
    await using scene = await make(first);
    const stop = new AbortController();
    let count = 0;
    for await (const _change of scene.source.changes(stop.signal)) {
      count++;
      stop.abort();
    }
    // It may have had the next at hand; more would not be an end.
    assert(count <= first.length + 1, `${count} changes`);
  });

  Deno.test(`${name} ends at once when it was stopped before it began`, async () => {
    await using scene = await make(first);
    const told = new Told();
    await told.read(scene.source, AbortSignal.abort());
    assertEquals(told.ended, true);
  });

  Deno.test(`${name} gives everything back to a reader that wants no more`, async () => {
    await using scene = await make(first);
    const { signal } = new AbortController();
    // The runner fails what leaves a timer or a socket behind.
    for await (const _change of scene.source.changes(signal)) break;
    await reading(scene, async (told) => {
      await synced(told);
      assertEquals(told.text, textOf(first));
    });
  });
}

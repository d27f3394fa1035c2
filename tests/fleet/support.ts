/** Engines and cards for the tests of this folder. @module */
import type { Engine } from "../../lib/base/mod.ts";
import type { EngineEntry } from "../../lib/discovery/mod.ts";
import type { ModelCard } from "../../lib/openai/mod.ts";

/** An engine named by `id` that serves `models`. */
export function engine(id: string, models: readonly string[] = []): Engine {
  return { id, url: `http://${id}:8000`, role: "any", models };
}

/** A directory entry of an engine, with a card per model. */
export function entry(id: string, models: readonly string[], maxModelLen?: number): EngineEntry {
  const cards = models.map((model): ModelCard => ({
    id: model,
    ...(maxModelLen === undefined ? {} : { max_model_len: maxModelLen }),
  }));
  return { engine: engine(id, models), cards, created: 17 };
}

/** In what the engines of one model differ between the roles that share its KV. Pure. @module */
import type { Engine } from "../base/mod.ts";
import type { EngineEntry } from "./view.ts";

/** What must be alike, or had better be. */
export type Property = "max_model_len" | "root" | "dtype" | "version";

/** A property of which the two roles have not the same values. */
export interface RoleDifference {
  readonly model: string;
  readonly kv: Engine["kv"];
  readonly property: Property;
  /** In order, each once. */
  readonly prefill: readonly string[];
  readonly decode: readonly string[];
}

const OF_CARDS = ["max_model_len", "root", "dtype"] as const;

/** All of them, by model; `versionOf` an engine's id is undefined where it has told none. */
export function differencesIn(
  entries: readonly EngineEntry[],
  versionOf: (id: string) => string | undefined,
): readonly RoleDifference[] {
  const values = new Map<string, Values>();
  for (const { engine, cards } of entries) {
    const { role, kv } = engine;
    if (role === "any" || role === "both" || kv === "none") continue;
    for (const card of cards) {
      if (!engine.models.includes(card.id)) continue;
      const told: Readonly<Record<string, unknown>> = { ...card, version: versionOf(engine.id) };
      for (const property of [...OF_CARDS, "version"] as const) {
        const value = told[property];
        if (value === undefined || value === null) continue;
        const key = JSON.stringify([card.id, kv, property]);
        const known = values.get(key) ??
          { model: card.id, kv, property, prefill: new Set(), decode: new Set() };
        values.set(key, known);
        known[role].add(String(value));
      }
    }
  }
  return [...values.values()].filter(differs).map(({ prefill, decode, ...rest }) => ({
    ...rest,
    prefill: [...prefill].sort(),
    decode: [...decode].sort(),
  }));
}

interface Values {
  readonly model: string;
  readonly kv: Engine["kv"];
  readonly property: Property;
  readonly prefill: Set<string>;
  readonly decode: Set<string>;
}

function differs({ prefill, decode }: Values): boolean {
  return prefill.size > 0 && decode.size > 0 && prefill.symmetricDifference(decode).size > 0;
}

/** Engines for the tests of this folder. @module */
import type { Engine, Role } from "../../lib/base/mod.ts";

/** At least one engine, as policies take them. */
export type Engines = readonly [Engine, ...Engine[]];

/** An engine of `role` named by `id`; decode engines can receive KV. */
export function engine(id: string, role: Role = "any", models: readonly string[] = ["m"]): Engine {
  const nixl = {
    host: id,
    initPorts: [7300],
    allocPorts: [7400],
    firstToken: "prefill",
  } as const;
  return {
    id,
    url: `http://${id}:8000`,
    role,
    models,
    ...(role === "decode" ? { nixl } : {}),
  };
}

/** `count` engines, ordered by URL. */
export function engines(count: number): Engines {
  const [first, ...rest] = Array.from({ length: count }, (_, index) => engine(`e${index}`));
  if (first === undefined) throw new RangeError(`"count" must be at least 1, received ${count}`);
  return [first, ...rest];
}

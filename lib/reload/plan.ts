/** What becomes of a configuration that is another than the one in force. Pure. @module */
import type { RouterConfig, Setting } from "../config/mod.ts";
import { type FateOf, FIELDS } from "./fields.ts";
import { isSame } from "./same.ts";

/** A configuration, with what was said for it. */
export interface Resolved {
  readonly config: RouterConfig;
  /** Of every flag. */
  readonly settings: readonly Setting[];
}

/** What is to be done. */
export interface ReloadPlan extends Resolved {
  /** The names of what is another from then on: flags without dashes, and `engines`. */
  readonly applied: readonly string[];
  /** The same of what stays as it was until another start. */
  readonly restart: readonly string[];
}

/**
 * The configuration in force after `next` has been taken as far as that goes without a start. Where a
 * setting needs one, it is named, and all that it says stays as in `running`.
 */
export function planReload(running: Resolved, next: Resolved): ReloadPlan {
  const before = new Map(running.settings.map((setting) => [setting.flag.name, setting]));
  const changed = new Set(
    next.settings.filter(({ flag: { name, status }, value }) =>
      status !== "without-effect" && !isSame(before.get(name)?.value, value)
    ).map(({ flag }) => flag.name),
  );
  const kept = new Set<string>();
  const config = merged(FIELDS as Fate, running.config, next.config, (names) => {
    // What follows from other settings alone is not what anybody has asked for.
    for (const name of names) if (changed.has(name)) kept.add(name);
  }) as RouterConfig;
  const applied = [...changed].filter((name) => !kept.has(name));
  const { discovery, external, engines } = running.config;
  if (!isSame([discovery, engines], [config.discovery, config.engines])) applied.push("engines");
  if (!isSame(external, config.external)) applied.push("external providers");
  const settings = next.settings.map((setting) =>
    kept.has(setting.flag.name) ? before.get(setting.flag.name) ?? setting : setting
  );
  return { config, settings, applied, restart: [...kept] };
}

type Fate = FateOf<unknown> | { readonly [field: string]: Fate };
type Fields = Readonly<Record<string, unknown>>;

/** `next` where `fate` is live, `running` where not; `onKept` is told what says that which differs. */
function merged(
  fate: Fate,
  running: unknown,
  next: unknown,
  onKept: (names: readonly string[]) => void,
): unknown {
  if (isSame(running, next)) return running;
  const known = typeof fate === "function" ? fate(running, next) : fate;
  if (known === "live") return next;
  if (isNames(known)) {
    onKept(known);
    return running;
  }
  const [old, other] = [running as Fields, next as Fields];
  const fields = Object.entries(known).flatMap(([name, inner]) => {
    const value = merged(inner as Fate, old[name], other[name], onKept);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(fields);
}

function isNames(fate: unknown): fate is readonly string[] {
  return Array.isArray(fate);
}

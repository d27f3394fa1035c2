/**
 * A configuration that is read again while the router serves: when, what becomes of each field, and what
 * is told of it.
 *
 * Reads no file itself, and knows nothing of the parts that go by a configuration.
 * @module
 */
export { ConfigWatch, type ConfigWatchDeps, SETTLE_MS } from "./config_watch.ts";
export { type Fate, type FateOf, FIELDS } from "./fields.ts";
export type { ConfigOrigin, ConfigRead, Loaded, ReloadReport } from "./origin.ts";
export { planReload, type ReloadPlan, type Resolved } from "./plan.ts";
export { Reloader, type ReloaderDeps } from "./reloader.ts";
export { isSame } from "./same.ts";

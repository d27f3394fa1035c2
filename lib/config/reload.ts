/** How changed files are found, from settings. @module */
import type { RouterConfig } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** Absent where they are not looked for. */
export function reloadOptions(settings: Settings): Pick<RouterConfig, "reload"> {
  const everyMs = settings.ms("reload-interval");
  return everyMs === 0 ? {} : { reload: { everyMs } };
}

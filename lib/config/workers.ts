/** How many processes serve, from settings that are known to be right. @module */
import type { RouterConfig } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** What `--workers` says; nothing for one. */
export function workerOptions(settings: Settings): Pick<RouterConfig, "workers"> {
  const { value } = settings.get("workers");
  if (value === "auto") return { workers: "auto" };
  return value === 1 ? {} : { workers: Number(value) };
}

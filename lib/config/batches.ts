/** Files and batches, from settings. @module */
import type { Problem } from "./problem.ts";
import type { BatchOptions } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** The options of files and batches; none where they are off. */
export function batchOptions(settings: Settings): { readonly batches?: BatchOptions } {
  if (!settings.on("enable-batch-api")) return {};
  return {
    batches: {
      folder: settings.text("file-storage-path"),
      concurrency: settings.number("batch-concurrency"),
      maxFileBytes: settings.number("max-file-bytes"),
      maxStorageBytes: settings.number("max-storage-bytes"),
    },
  };
}

/** What does not fit together. */
export function batchProblems(settings: Settings): readonly Problem[] {
  const { valid, where, value } = settings.get("file-storage-path");
  if (!settings.on("enable-batch-api") || !valid || !String(value).includes(",")) return [];
  // Deno has no way to name it.
  return [{ key: where, value: String(value), message: "must not have a comma in it" }];
}

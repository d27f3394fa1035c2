/** How prompts are handed over, from settings. @module */
import { kvNameOf } from "../base/mod.ts";
import type { Handoff } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** How KV moves between prefill and decode engines; `none` when prompts are not handed over. */
export function protocolOf(settings: Settings): Handoff["kind"] {
  const logic = settings.optional("routing-logic");
  const said = settings.optional("kv-protocol");
  if (logic !== "disaggregated_prefill" && logic !== "disaggregated_prefill_orchestrated") {
    return "none";
  }
  const chosen = kvNameOf(said);
  if (chosen !== undefined) return chosen;
  if (logic === "disaggregated_prefill_orchestrated") return "nixl";
  return settings.optional("nixl-proxy-host") === undefined ? "shared_storage" : "lmcache";
}

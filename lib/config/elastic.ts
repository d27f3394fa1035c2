/** Engines that can be on either side of handoffs, from settings. @module */
import { type Engine, KV_NAMES, KV_PROTOCOLS, type KvName } from "../base/mod.ts";
import type { EngineDraft } from "./draft.ts";
import type { Problem } from "./problem.ts";
import type { ElasticOptions, Handoff } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** How they are moved; nothing where there are none, and none may be `found` later. */
export function elasticOptions(
  settings: Settings,
  engines: readonly Pick<Engine, "role">[],
  found: boolean,
): { readonly elastic?: ElasticOptions } {
  if (!found && !engines.some(({ role }) => role === "both")) return {};
  return {
    elastic: {
      intervalMs: settings.ms("elastic-interval"),
      minPrefill: settings.number("elastic-min-prefill"),
      minDecode: settings.number("elastic-min-decode"),
    },
  };
}

/** What keeps engines from being on either side; `usual` is how KV moves where they do not say. */
export function elasticProblems(
  drafts: readonly EngineDraft[],
  usual: Handoff["kind"],
): readonly Problem[] {
  return drafts.flatMap(({ where, at, role, kvProtocol = usual }): Problem[] => {
    if (role !== "both") return [];
    const message = whyFixed(kvProtocol);
    return message === undefined ? [] : [{ key: where, value: at.url, message }];
  });
}

/** LMCache's PD backend is set up as a sender or as a receiver. */
function whyFixed(kv: KvName | "none"): string | undefined {
  if (kv === "none") return "role both needs --routing-logic disaggregated_prefill";
  if (KV_PROTOCOLS[kv].eitherSide) return undefined;
  const able = KV_NAMES.filter((name) => KV_PROTOCOLS[name].eitherSide).join(" or ");
  return `role both needs kv_protocol ${able}: with ${kv} an engine has one side`;
}

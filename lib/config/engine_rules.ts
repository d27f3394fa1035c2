/** What engines are checked by that are found one by one, while the router serves. @module */
import { engineAddressProblem, type Role } from "../base/mod.ts";
import { draftEngine, type EngineDraft } from "./draft.ts";
import { elasticProblems } from "./elastic.ts";
import { engineRecord, protocolProblems, receiverFaults } from "./engines.ts";
import { endpointProblem } from "./kv_events.ts";
import type { EngineRules, RawEngine } from "./raw_engine.ts";
import { maskUrls } from "./value.ts";

/** An engine that is right in itself, or what is wrong with it. */
export type CheckedEngine =
  | { readonly ok: true; readonly draft: EngineDraft }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The role that the label of an engine gives it; `any` for every other, and without handoffs. */
export function roleOfLabel(label: string | undefined, { labels, usual }: EngineRules): Role {
  if (label === undefined || usual === "none") return "any";
  if (labels.prefill.includes(label)) return "prefill";
  return labels.decode.includes(label) ? "decode" : "any";
}

/** Check an engine in itself, whatever others there are. */
export function checkEngine(raw: RawEngine, rules: EngineRules): CheckedEngine {
  const shown = maskUrls(raw.url);
  const { drafts: [draft], problems } = draftEngine(shown, shown, raw);
  if (draft === undefined) return { ok: false, problems: problems.map(({ message }) => message) };
  const { at: { url, id }, kvEvents, role } = draft;
  const wrong = [
    ...protocolProblems([draft], rules.usual),
    ...elasticProblems([draft], rules.usual),
  ].map(({ message }) => message);
  if (!rules.linkLocal) {
    const problem = engineAddressProblem(url) ?? (kvEvents && endpointProblem(kvEvents));
    if (problem !== undefined) wrong.push(problem);
  }
  // Plain requests crash a prefill engine: its LMCache expects a receiver with each.
  if (rules.usual === "none" && role === "prefill") {
    wrong.push("a prefill engine needs --routing-logic disaggregated_prefill");
  }
  wrong.push(...receiverFaults(engineRecord(draft, id, rules)));
  return wrong.length === 0 ? { ok: true, draft } : { ok: false, problems: wrong };
}

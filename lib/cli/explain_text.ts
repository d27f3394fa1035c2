/** What becomes of a request, in words, and the whole table it is decided by. @module */
import type { FirstToken } from "../base/mod.ts";
import type { Handoff } from "../config/mod.ts";
import {
  decide,
  type Decision,
  type Feature,
  FEATURES,
  type GenerationForm,
  type GenerationRequest,
  promptsOf,
  withPrompt,
} from "../disagg/mod.ts";

/** How KV moves. */
export type KvProtocol = Exclude<Handoff["kind"], "none">;

/** What the router is set up for. */
export interface Setup {
  /** How KV moves; more than one where engines differ. */
  readonly protocols: ReadonlySet<KvProtocol>;
  /** Modes that some decode engine takes. */
  readonly modes: ReadonlySet<FirstToken>;
  /** Whether there is a prefill engine for the model. */
  readonly prefills: boolean;
  /** Whether engines tell the ids of their prompts (`--tokenize`). */
  readonly exactPrompts: boolean;
}

/** Where a request of each form goes. */
export const PATHS: Readonly<Record<GenerationForm, string>> = {
  completions: "/v1/completions",
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  messages: "/v1/messages",
};

/** Both modes, in the order in which they are tried. */
const ALL_MODES = ["prefill", "decode"] as const;

const PROTOCOL_NAMES: Readonly<Record<KvProtocol, string>> = {
  lmcache: "LMCache",
  nixl: "NixlConnector",
  shared_storage: "a store both engines share",
};

/**
 * The decision for one request; without a setup, there are no handoffs. Throws `bad-request` for
 * what the router refuses itself.
 */
export function explainRequest(request: GenerationRequest, setup: Setup | undefined): string {
  const several = request.prompt.kind === "several";
  const singles = several
    ? promptsOf(request).map((prompt) => withPrompt(request, prompt))
    : [request];
  const facts = [
    `POST ${PATHS[request.form]}`,
    `model ${JSON.stringify(request.model)}`,
    ...(request.stream ? ["streamed"] : []),
    ...(several ? [`${singles.length} prompts, each answered by itself`] : []),
  ];
  const decided = setup === undefined
    ? [row("Decision", "one engine serves it: no handoffs are configured")]
    : explainAll(singles, setup);
  return [row("Request", facts.join(", ")), ...decided].join("\n");
}

/** What is decided for each of `requests`; what is alike is told once. */
function explainAll(requests: readonly GenerationRequest[], setup: Setup): readonly string[] {
  const told = new Map<string, number[]>();
  for (const [index, request] of requests.entries()) {
    const text = explainOne(request, setup).join("\n");
    const alike = told.get(text);
    if (alike === undefined) told.set(text, [index]);
    else alike.push(index);
  }
  if (told.size === 1) return [...told.keys()];
  return [...told].flatMap(([text, indexes]) => [
    "",
    row(indexes.length === 1 ? "Prompt" : "Prompts", indexes.join(", ")),
    text,
  ]);
}

function explainOne(request: GenerationRequest, setup: Setup): readonly string[] {
  const present = FEATURES.filter((feature) => feature.present(request));
  const wish = decide(request, setup.modes, {
    exactPrompts: setup.exactPrompts,
    rereads: rereads(setup),
  });
  const decision: Decision = wish.kind === "handoff" && !setup.prefills
    ? { kind: "direct", reason: "no_prefill_engine" }
    : wish;
  return [
    ...rows("Features", present.length === 0 ? ["none"] : present.map(featureText)),
    row("Decision", decisionText(decision, request, setup)),
    ...(decision.kind === "direct" ? rows("Remedy", remedies(request, setup)) : []),
  ];
}

function featureText(feature: Feature): string {
  const { reason, what } = feature;
  return `${reason} (${what}): P1 ${wayP1(feature)}, D1 ${wayD1(feature)}`;
}

function decisionText(decision: Decision, request: GenerationRequest, setup: Setup): string {
  if (decision.kind === "direct") {
    return `direct, reason ${decision.reason}: one engine of role decode or any serves it`;
  }
  const names = [...setup.protocols].map((protocol) => PROTOCOL_NAMES[protocol]);
  const by = names.join(" or ");
  return decision.mode === "prefill"
    ? `handoff in mode P1, KV by ${PROTOCOL_NAMES.lmcache}: the first token comes from the prefill engine; both legs ` +
      `go to ${PATHS.completions}`
    : `handoff in mode D1, KV by ${by}: all tokens come from the decode engine; both legs go to ` +
      PATHS[request.form];
}

/** What another setup would do with a request that this one serves directly. */
function remedies(request: GenerationRequest, setup: Setup): readonly string[] {
  const { modes } = setup;
  if (!setup.prefills) {
    return ["a prefill engine of that model, with a decode engine's kv_protocol"];
  }
  const found = ALL_MODES.filter((mode) => !modes.has(mode)).flatMap((mode) =>
    decide(request, new Set([mode])).kind === "direct" ? [] : [REMEDIES[mode]]
  );
  const exact = decide(request, new Set(["prefill"]), { exactPrompts: true, rereads: false });
  if (modes.has("prefill") && !setup.exactPrompts && exact.kind === "handoff") {
    found.push("mode P1 carries it with prompt ids of the engine's own making (--tokenize)");
  }
  const relayed = decide(request, new Set(["decode"]), { exactPrompts: false, rereads: true });
  if (!rereads(setup) && relayed.kind === "handoff" && relayed.readsAgain === true) {
    found.push("other protocols carry it: --kv-protocol nixl or shared_storage");
  }
  return found.length === 0 ? ["none: no mode carries it"] : found;
}

/** Whether some decode engine can read the same KV more than once. */
function rereads({ protocols }: Setup): boolean {
  return [...protocols].some((protocol) => protocol !== "lmcache");
}

const REMEDIES: Readonly<Record<FirstToken, string>> = {
  prefill: "mode P1 carries it: decode engines with --nixl-first-token prefill or both",
  decode: "mode D1 carries it: decode engines with --nixl-first-token decode or both, or " +
    "--kv-protocol nixl or shared_storage",
};

/** Every feature that is looked for, in order of precedence, and what each mode does with it. */
export function featureTable(): string {
  const cells = FEATURES.map((feature) => [
    feature.reason,
    wayP1(feature),
    wayD1(feature),
    feature.what,
  ]);
  const all = [["reason", "P1", "D1", "what the request asks for"], ...cells];
  const widths = [0, 1, 2].map((at) => Math.max(...all.map((line) => line[at]?.length ?? 0)));
  const lines = all.map((line) =>
    line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ").trimEnd()
  );
  return [
    "The first feature that a mode does not carry gives the reason. P1: the first token comes from",
    "the prefill engine; D1, NixlConnector and shared storage: all come from the decode engine.",
    "Exact ids: handoff where the engine itself tells the prompt's ids (--tokenize), else direct.",
    "Not LMCache: handoff by NixlConnector and shared storage, else direct.",
    "",
    ...lines,
    "",
    "A request without any is handed off, in mode P1 where a decode engine takes it. Several prompts",
    "are answered each by itself.",
  ].join("\n");
}

function way(carried: boolean): string {
  return carried ? "handoff" : "direct";
}

function wayD1({ d1, readsAgain }: Feature): string {
  return readsAgain === true ? "not LMCache" : way(d1);
}

function wayP1({ p1, exactP1 }: Feature): string {
  return !p1 && exactP1 === true ? "exact ids" : way(p1);
}

const NAME_WIDTH = 10;

function row(name: string, text: string): string {
  return `${name.padEnd(NAME_WIDTH)}${text}`;
}

function rows(name: string, texts: readonly string[]): readonly string[] {
  return texts.map((text, at) => row(at === 0 ? name : "", text));
}

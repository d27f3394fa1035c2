/** What becomes of a request, in words, and the whole table it is decided by. @module */
import { KV_PROTOCOLS, type Mode, MODES } from "../base/mod.ts";
import {
  decide,
  type Feature,
  FEATURES,
  type GenerationForm,
  type GenerationRequest,
  promptsOf,
  withPrompt,
} from "../disagg/mod.ts";
import { decideWay, lackOf, type Way, type WayOptions } from "../flow/mod.ts";
import { choosePair, type ModelGroup, policiesFor } from "../selection/mod.ts";
import { paidWay, unpaidRemedy, worthNotes, type WorthSetup } from "./explain_worth.ts";

/** What the router is set up for. */
export interface Setup extends WayOptions {
  /** The engines that serve the request's model, or may. */
  readonly group: ModelGroup;
  /** Absent where a handoff always pays. */
  readonly worth?: WorthSetup;
}

/** Where a request of each form goes. */
export const PATHS: Readonly<Record<GenerationForm, string>> = {
  completions: "/v1/completions",
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  messages: "/v1/messages",
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
  const way = wayOf(request, setup);
  return [
    ...rows("Features", present.length === 0 ? ["none"] : present.map(featureText)),
    row("Decision", decisionText(way, request, setup)),
    ...(way.kind === "direct" ? rows("Remedy", remedies(way.reason, request, setup)) : []),
    ...(setup.worth === undefined ? [] : rows("But", worthNotes(way, setup.group, setup.worth))),
  ];
}

/** What the router itself would decide, and choose first. */
function wayOf(request: GenerationRequest, setup: Setup): Way {
  const { group } = setup;
  const possible = decideWay(request, group, setup);
  const way = setup.worth === undefined ? possible : paidWay(possible, request, group, setup.worth);
  if (way.kind === "direct") return way;
  const { mode, takes } = way;
  const { model } = request;
  const universe = group.decode.map(({ engine }) => engine);
  const policies = policiesFor({ kind: "roundrobin" });
  const choice = choosePair(group, policies, { model, mode, takes, attempt: 1, universe });
  return choice.kind === "pair" ? way : { kind: "direct", reason: lackOf(choice.lacks) };
}

function featureText(feature: Feature): string {
  const { reason, what } = feature;
  return `${reason} (${what}): P1 ${wayP1(feature)}, D1 ${wayD1(feature)}`;
}

function decisionText(way: Way, request: GenerationRequest, { group }: Setup): string {
  if (way.kind === "direct") {
    return `direct, reason ${way.reason}: one engine of role decode or any serves it`;
  }
  const protocols = group.taking(way.takes).map(({ engine: { kv } }) => kv);
  const by = [...new Set(protocols)]
    .map((kv) => kv === "none" ? kv : KV_PROTOCOLS[kv].title).join(" or ");
  return way.mode === "p1"
    ? `handoff in mode P1, KV by ${by}: the first token comes from the prefill engine; both legs ` +
      `go to ${PATHS.completions}`
    : `handoff in mode D1, KV by ${by}: all tokens come from the decode engine; both legs go to ` +
      PATHS[request.form];
}

/** What another setup would do with a request that this one serves directly. */
function remedies(
  reason: string,
  request: GenerationRequest,
  setup: Setup,
): readonly string[] {
  const unpaid = setup.worth && unpaidRemedy(reason, request, setup.worth);
  if (unpaid !== undefined) return [unpaid];
  const { group, kv } = setup;
  const { decode, paired } = group;
  const modes = kv.modesOf(paired);
  if (decode.length > 0 && !group.hasPair) {
    return ["a prefill engine of that model, with a decode engine's kv_protocol"];
  }
  const found = MODES.filter((mode) => !modes.has(mode)).flatMap((mode) =>
    decide(request, new Set([mode])).kind === "direct" ? [] : [REMEDIES[mode]]
  );
  const exact = decide(request, new Set(["p1"]), { exactPrompts: true, rereads: false });
  if (modes.has("p1") && !setup.exactPrompts && exact.kind === "handoff") {
    found.push("mode P1 carries it with prompt ids of the engine's own making (--tokenize)");
  }
  const relayed = decide(request, new Set(["d1"]), { exactPrompts: false, rereads: true });
  if (!kv.rereads(paired) && relayed.kind === "handoff" && relayed.readsAgain === true) {
    found.push("other protocols carry it: --kv-protocol nixl or shared_storage");
  }
  return found.length === 0 ? ["none: no mode carries it"] : found;
}

const REMEDIES: Readonly<Record<Mode, string>> = {
  p1: "mode P1 carries it: decode engines with --nixl-first-token prefill or both",
  d1: "mode D1 carries it: decode engines with --nixl-first-token decode or both, or " +
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

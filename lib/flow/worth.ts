/** Whether a handoff that is possible pays, or whether one engine had better serve the request. @module */
import type { HandoffWorth } from "../config/mod.ts";
import { type DirectReason, type GenerationRequest, promptTokensOf } from "../disagg/mod.ts";
import type { FlowDeps, RequestContext } from "../request/mod.ts";
import {
  type Candidate,
  type ModelGroup,
  type PromptFacts,
  requestsAt,
  type Takes,
} from "../selection/mod.ts";
import { promptIn } from "./prompt_facts.ts";

/** The ways that a client may ask for. */
export const ROUTE_WISHES = ["direct", "handoff"] as const;

/** One of `ROUTE_WISHES`. */
export type RouteWish = (typeof ROUTE_WISHES)[number];

/** Why one engine serves what could be handed off. */
export type UnpaidReason = Extract<DirectReason, "asked" | "short_prompt" | "prefill_busy">;

/** By what rules, and what engines have of prompts. */
export interface Worth {
  readonly rules: HandoffWorth;
  /** Tokens of a prompt that the engine `id` is thought to have; absent where nobody remembers. */
  readonly heldAt?: ((id: string, prompt: PromptFacts) => number) | undefined;
}

/** One request that could be handed off. What costs something is asked for where it decides. */
export interface WorthAsk {
  readonly wish: RouteWish | undefined;
  /** Tokens of its prompt, about; undefined where its length says nothing, as with images. */
  readonly tokens: () => number | undefined;
  /** Those of them that the engine which would serve it alone has computed already. */
  readonly held: () => number;
}

/**
 * Why `group` had better serve a request by one engine, which decode engines that `takes` could be
 * handed; undefined where a handoff pays, or where there is no engine that could serve it alone.
 */
export function whyUnpaid(
  { minPromptTokens, maxPrefillQueue }: HandoffWorth,
  group: ModelGroup,
  takes: Takes,
  { wish, tokens, held }: WorthAsk,
): UnpaidReason | undefined {
  if (wish === "handoff" || !group.direct.some(isThere)) return undefined;
  if (wish === "direct") return "asked";
  if (minPromptTokens > 0) {
    const count = tokens();
    const isShort = count !== undefined &&
      (count < minPromptTokens || count - held() < minPromptTokens);
    if (isShort) return "short_prompt";
  }
  return maxPrefillQueue > 0 && isBusy(group, takes, maxPrefillQueue) ? "prefill_busy" : undefined;
}

/** Whether each prefill engine that could be asked has more than `most` requests. */
function isBusy(group: ModelGroup, takes: Takes, most: number): boolean {
  const able = group.kin(takes).flatMap(({ prefill }) => prefill).filter(isThere);
  return able.length > 0 && able.every((candidate) => requestsAt(candidate) > most);
}

function isThere({ verdict: { kind } }: Candidate): boolean {
  return kind !== "shut" && kind !== "leaving";
}

/** Whose way is looked for. */
interface UnpaidAsk {
  readonly request: GenerationRequest;
  readonly sessionKey: string | undefined;
  readonly wish?: RouteWish | undefined;
}

/** A handoff always pays. */
export const NO_RULES: HandoffWorth = { minPromptTokens: 0, maxPrefillQueue: 0 };

/** The same for a request before the engines there are. */
export function whyServeAlone(
  { worth, fleet }: Pick<FlowDeps, "fleet"> & { readonly worth?: Worth },
  context: RequestContext,
  { request, sessionKey, wish }: UnpaidAsk,
  takes: Takes,
): UnpaidReason | undefined {
  if (worth === undefined && wish === undefined) return undefined;
  const { model } = request;
  return whyUnpaid(worth?.rules ?? NO_RULES, fleet.snapshot().group(model), takes, {
    wish,
    tokens: () => shownTokens(request, context.prompt),
    held() {
      const { prompt } = context;
      if (prompt === undefined) return 0;
      // A later attempt takes no turn: it tells who would serve.
      const engine = fleet.chooseDirect({
        model,
        session: sessionKey,
        ...promptIn(context),
        attempt: 2,
      });
      if (engine === undefined) return 0;
      return prompt.cachedAt(engine.id) ?? worth?.heldAt?.(engine.id, prompt) ?? 0;
    },
  });
}

/** Tokens that the text of a prompt tells of; of pictures and sound it tells nothing. */
export function shownTokens(
  request: GenerationRequest,
  facts?: Pick<PromptFacts, "tokens">,
): number | undefined {
  if (request.media || request.body.has("prompt_embeds")) return undefined;
  return facts?.tokens ?? promptTokensOf(request);
}

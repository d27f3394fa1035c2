/** Whether a handoff that is possible pays, in words. @module */
import type { HandoffWorth } from "../config/mod.ts";
import type { GenerationRequest } from "../disagg/mod.ts";
import {
  type RouteWish,
  shownTokens,
  type UnpaidReason,
  type Way,
  whyUnpaid,
} from "../flow/mod.ts";
import type { ModelGroup } from "../selection/mod.ts";

/** By what rules, and what the client asks for. */
export interface WorthSetup {
  readonly rules: HandoffWorth;
  readonly wish: RouteWish | undefined;
}

/** The way that is left when it is looked at whether it pays. Of engines' caches nothing is known. */
export function paidWay(
  way: Way,
  request: GenerationRequest,
  group: ModelGroup,
  { rules, wish }: WorthSetup,
): Way {
  if (way.kind === "direct") return way;
  const tokens = shownTokens(request);
  const reason = whyUnpaid(rules, group, way.takes, {
    wish,
    tokens: () => tokens,
    held: () => 0,
  });
  return reason === undefined ? way : { kind: "direct", reason };
}

/** What would have a request handed off that is served directly for `reason`; undefined for others. */
export function unpaidRemedy(
  reason: string,
  request: GenerationRequest,
  { rules }: WorthSetup,
): string | undefined {
  const texts: Readonly<Record<UnpaidReason, string>> = {
    asked: "x-pd-route: handoff, or no such field",
    short_prompt: `about ${shownTokens(request) ?? 0} tokens are fewer than ` +
      `--disagg-min-prompt-tokens ${rules.minPromptTokens}; x-pd-route: handoff, where ` +
      "--allow-route-header is given",
    prefill_busy: "prefill engines with fewer requests",
  };
  return Object.entries(texts).find(([name]) => name === reason)?.[1];
}

/** What the moment decides, or no wish changes. */
export function worthNotes(
  way: Way,
  group: ModelGroup,
  { rules, wish }: WorthSetup,
): readonly string[] {
  if (way.kind === "direct") {
    return wish === "handoff" ? ["x-pd-route: handoff cannot change that"] : [];
  }
  if (wish === "handoff") return [];
  if (wish === "direct") {
    return ["x-pd-route: direct has no engine that could serve alone: the request is handed off"];
  }
  if (group.direct.length === 0) return [];
  return [
    ...(rules.minPromptTokens > 0
      ? [
        `direct, reason short_prompt, where an engine is thought to have all but ` +
        `${rules.minPromptTokens} tokens of it`,
      ]
      : []),
    ...(rules.maxPrefillQueue > 0
      ? [
        `direct, reason prefill_busy, while each prefill engine has more than ` +
        `${rules.maxPrefillQueue} requests`,
      ]
      : []),
  ];
}

/** Whether a request is handed off, in which mode, and if not, why. @module */
import type { Mode } from "../base/mod.ts";
import { type DirectReason, type Feature, FEATURES } from "./features.ts";
import type { GenerationRequest } from "./generation.ts";

/** What to do with a request, before any engine is chosen. */
export type Decision =
  | {
    readonly kind: "handoff";
    readonly mode: Mode;
    /** Only the ids that the client's endpoint makes of the prompt will do. */
    readonly exact?: true;
    /** Only a decode engine that can read the KV more than once will do. */
    readonly readsAgain?: true;
  }
  | { readonly kind: "direct"; readonly reason: DirectReason };

/** What a router can do besides. */
export interface Capabilities {
  /** There is a way to the ids of prompts that `/tokenize` cannot express. */
  readonly exactPrompts: boolean;
  /** Some decode engine of mode D1 can read KV more than once: not one of LMCache's receivers. */
  readonly rereads: boolean;
}

/**
 * Decide by the request's features and by the modes that decode engines can take. Mode P1 is
 * preferred: its first token does not wait for the KV. With a prompt that needs exact ids it comes
 * last, as an engine may turn out to have no way to them.
 */
export function decide(
  request: GenerationRequest,
  modes: ReadonlySet<Mode>,
  { exactPrompts, rereads }: Capabilities = { exactPrompts: false, rereads: false },
): Decision {
  const present = FEATURES.filter((feature) => feature.present(request));
  const inP1 = obstacle(present, "p1");
  if (modes.has("p1") && inP1 === undefined) return { kind: "handoff", mode: "p1" };
  const readsAgain = present.find((feature) => feature.readsAgain);
  const inD1 = obstacle(present, "d1") ?? (rereads ? undefined : readsAgain?.reason);
  if (modes.has("d1") && inD1 === undefined) {
    return { kind: "handoff", mode: "d1", ...(readsAgain ? { readsAgain: true } : {}) };
  }
  const inExactP1 = obstacle(present.filter(({ exactP1 }) => exactP1 !== true), "p1");
  if (exactPrompts && modes.has("p1") && inExactP1 === undefined) {
    return { kind: "handoff", mode: "p1", exact: true };
  }
  const reason = modes.has("d1") ? inD1 : inP1;
  return { kind: "direct", reason: reason ?? "no_nixl_receiver" };
}

function obstacle(present: readonly Feature[], mode: Mode): DirectReason | undefined {
  return present.find((feature) => !feature[mode])?.reason;
}

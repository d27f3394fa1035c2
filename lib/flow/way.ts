/** Which way a generation request takes, before any engine is asked. Pure. @module */
import type { Mode } from "../base/mod.ts";
import { decide, type DirectReason, type GenerationRequest } from "../disagg/mod.ts";
import type { KvTable } from "../kv/mod.ts";
import type { ModelGroup, NoPair, Takes } from "../selection/mod.ts";

/** What is done with a request, as far as its engines and its features tell. */
export type Way =
  | {
    readonly kind: "handoff";
    readonly mode: Mode;
    /** Only the ids that the client's endpoint makes of the prompt will do. */
    readonly exact: boolean;
    /** Decode engines that can take it. */
    readonly takes: Takes;
  }
  | { readonly kind: "direct"; readonly reason: DirectReason };

/** What the router can do besides. */
export interface WayOptions {
  readonly kv: KvTable;
  /** There is a way to the ids of prompts that `/tokenize` cannot express. */
  readonly exactPrompts: boolean;
}

/** The way of `request` in a fleet of which `group` serves its model. */
export function decideWay(
  request: GenerationRequest,
  group: ModelGroup,
  { kv, exactPrompts }: WayOptions,
): Way {
  const { paired } = group;
  const rereads = kv.rereads(paired);
  const decision = decide(request, kv.modesOf(paired), { exactPrompts, rereads });
  if (decision.kind === "direct") return decision;
  const { mode, exact = false, readsAgain = false } = decision;
  return { kind: "handoff", mode, exact, takes: kv.takes(mode, readsAgain) };
}

/** Why a request goes direct that no pair was found for. */
export function lackOf(lacks: NoPair["lacks"]): DirectReason {
  return LACKS[lacks];
}

const LACKS = {
  prefill: "no_prefill_engine",
  receiver: "no_nixl_receiver",
  buffer: "kv_buffer",
} as const satisfies Readonly<Record<NoPair["lacks"], DirectReason>>;

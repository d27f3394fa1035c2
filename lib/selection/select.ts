/** From the engines and a request to the engines that serve it. @module */
import type { Engine, FirstToken, KvProtocol } from "../base/mod.ts";
import type { Policy, SelectionAsk } from "./policy.ts";

/** One policy per kind of choice: they keep separate turns. */
export interface Policies {
  readonly prefill: Policy;
  readonly decode: Policy;
  readonly direct: Policy;
}

/** The two engines of a handoff. */
export interface Pair {
  readonly prefill: Engine;
  readonly decode: Engine;
}

/** Why there is no pair. */
export type PairChoice =
  | { readonly kind: "pair"; readonly pair: Pair }
  | { readonly kind: "none"; readonly lacks: "prefill" | "receiver" };

/** A choice with engines to avoid when there is any other, because they just failed. */
export interface AvoidingAsk extends SelectionAsk {
  readonly avoid?: ReadonlySet<string>;
  /** Engines that do not answer, to be avoided as well when there is any other. */
  readonly silent?: ReadonlySet<string>;
  /** The engines of the attempt before: those that are not to be avoided are kept. */
  readonly tried?: Pair | undefined;
}

/** A choice of a pair. */
export interface PairAsk extends AvoidingAsk {
  /** Which decode engines can take this handoff. */
  readonly receives: (engine: Engine) => boolean;
}

function pickFrom(
  engines: readonly Engine[],
  policy: Policy,
  ask: AvoidingAsk,
  tried?: Engine,
): Engine | undefined {
  const preferred = without(without(engines, ask.avoid), ask.silent);
  const kept = tried === undefined || ask.avoid?.has(tried.id)
    ? undefined
    : preferred.find((engine) => engine.id === tried.id);
  if (kept !== undefined) return kept;
  const [first, ...rest] = preferred;
  const again = (ask.avoid?.size ?? 0) > 0;
  return first === undefined ? undefined : policy.pick([first, ...rest], { ...ask, again });
}

/** `engines` without those of `ids`, unless none would be left. */
function without(
  engines: readonly Engine[],
  ids: ReadonlySet<string> | undefined,
): readonly Engine[] {
  if (ids === undefined || ids.size === 0) return engines;
  const others = engines.filter((engine) => !ids.has(engine.id));
  return others.length > 0 ? others : engines;
}

/** Engines of `engines` that serve `model`. */
export function serving(engines: readonly Engine[], model: string): readonly Engine[] {
  return engines.filter((engine) => engine.models.includes(model));
}

/** How KV moves to or from `engine`, where engines that do not say use `usual`. */
export function protocolOf(engine: Engine, usual: KvProtocol): KvProtocol {
  return engine.kvProtocol ?? usual;
}

/** Whether `engine` can be the decode engine of a handoff in `mode`. */
export function receives(engine: Engine, usual: KvProtocol, mode: FirstToken): boolean {
  if (protocolOf(engine, usual) !== "lmcache") return mode === "decode";
  const modes = engine.nixl?.firstToken;
  return modes === "both" || modes === mode;
}

/** The modes that some decode engine of `engines` can take. */
export function modesOf(engines: readonly Engine[], usual: KvProtocol): ReadonlySet<FirstToken> {
  const modes = ["prefill", "decode"] as const;
  const decodes = engines.filter((engine) => engine.role === "decode");
  return new Set(modes.filter((mode) => decodes.some((engine) => receives(engine, usual, mode))));
}

/** Choose the decode engine, then the prefill engine, independently. */
export function selectPair(
  engines: readonly Engine[],
  policies: Policies,
  ask: PairAsk,
): PairChoice {
  const able = serving(engines, ask.model);
  const senders = able.filter((engine) => engine.role === "prefill");
  const taking = able.filter((engine) => engine.role === "decode" && ask.receives(engine));
  const sends = (to: Engine) => (engine: Engine): boolean => engine.kvProtocol === to.kvProtocol;
  const paired = taking.filter((engine) => senders.some(sends(engine)));
  const receivers = paired.length > 0 ? paired : taking;
  const { tried } = ask;
  const stays = tried !== undefined &&
    senders.some((engine) => sends(tried.decode)(engine) && !ask.avoid?.has(engine.id));
  const decode = pickFrom(receivers, policies.decode, ask, stays ? tried.decode : undefined);
  if (decode === undefined) return { kind: "none", lacks: "receiver" };
  const prefill = pickFrom(senders.filter(sends(decode)), policies.prefill, ask, tried?.prefill);
  return prefill === undefined
    ? { kind: "none", lacks: "prefill" }
    : { kind: "pair", pair: { prefill, decode } };
}

/**
 * Choose one engine for a whole request. Never a prefill engine: LMCache's senders cannot serve
 * a request without a receiver for its KV.
 */
export function selectDirect(
  engines: readonly Engine[],
  policies: Policies,
  ask: AvoidingAsk,
): Engine | undefined {
  const able = serving(engines, ask.model).filter((engine) => engine.role !== "prefill");
  return pickFrom(able, policies.direct, ask);
}

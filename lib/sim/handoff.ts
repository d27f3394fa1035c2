/** What a prefill engine does with the KV of a finished prompt. @module */
import { sleep } from "../base/mod.ts";
import { type EngineCore, storingRanks } from "./core.ts";
import type { DisaggSpec } from "./disagg_spec.ts";
import { strikes } from "./faults.ts";
import type { TokenIds } from "./tokenizer.ts";

/** KV to be pushed to a decode engine. */
export interface PushedKv {
  readonly ids: TokenIds;
  readonly spec: DisaggSpec;
  /** See `tagSuffix`. */
  readonly tags: string;
  /** Output tokens: with a `disagg_spec` every step of a sender stores and announces again. */
  readonly outputs: number;
  /** The first of them. */
  readonly firstId: number;
  /** The first step was announced already, by fault. */
  readonly announced: boolean;
}

/** KV on its way. */
export interface SentKv {
  readonly kv: PushedKv;
  readonly begunAt: number;
  /** By rank and step, whether it may be announced; never rejects. */
  readonly ranks: readonly Promise<readonly boolean[]>[];
}

/** Write the KV into the decode engine, every rank on its own. */
export function sendKv(core: EngineCore, kv: PushedKv): SentKv {
  const { sender, options, clock } = core;
  const stores = sender?.stores(kv.ids.length) === true;
  const count = stores ? storingRanks(options) : 0;
  const ranks = Array.from({ length: count }, (_, rank) => sendRank(core, kv, rank));
  return { kv, begunAt: clock.now(), ranks };
}

/**
 * Announce the KV to the router, every rank on its own. Resolves when all that is to happen has
 * happened; a failed transfer is announced to nobody.
 */
export async function announceKv(core: EngineCore, sent: SentKv): Promise<void> {
  await Promise.all(sent.ranks.map((_, rank) => announceRank(core, sent, rank)));
}

/** Announce KV that nobody has computed, if that fault is set; returns whether it was. */
export async function announceEarly(core: EngineCore, spec: DisaggSpec): Promise<boolean> {
  const { faults, random, options, notifier, stopped } = core;
  if (!strikes(faults, "earlyNotification", random)) return false;
  for (let rank = 0; rank < storingRanks(options); rank++) {
    await notifier?.notify(rank, spec.reqId, stopped);
  }
  return true;
}

async function sendRank(
  core: EngineCore,
  kv: PushedKv,
  rank: number,
): Promise<readonly boolean[]> {
  const skipWrite = strikes(core.faults, "skipKvWrite", core.random);
  const sent: boolean[] = [];
  for (let step = 0; step < kv.outputs; step++) {
    sent.push(await sendStep(core, kv, rank, step, skipWrite));
  }
  return sent;
}

async function announceRank(core: EngineCore, sent: SentKv, rank: number): Promise<void> {
  const { notifier, options, clock, stopped } = core;
  const { kv, begunAt } = sent;
  const steps = await sent.ranks[rank] ?? [];
  const toldOf = kv.announced ? steps.slice(1) : steps;
  if (!toldOf.includes(true)) return;
  const left = options.notify === "before" ? 0 : options.notify - (clock.now() - begunAt);
  if (left > 0 && await sleep(clock, left, stopped) === "aborted") return;
  for (const done of toldOf) if (done) await notifier?.notify(rank, kv.spec.reqId, stopped);
}

/** Send the KV of the prompt and of `step` outputs. */
function sendStep(
  core: EngineCore,
  { ids, firstId, spec, tags }: PushedKv,
  rank: number,
  step: number,
  skipWrite: boolean,
): Promise<boolean> {
  // Nobody reads the pages of outputs: they need be new, not right.
  const all = step === 0 ? ids : [...ids, ...new Array<number>(step).fill(firstId)];
  const transfer = { rank, ids: all, promptTokens: ids.length, spec, tags, skipWrite };
  return core.sender?.transfer(transfer) ?? Promise.resolve(false);
}

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
  /** Announcements per rank: with a `disagg_spec` every step of a sender announces again. */
  readonly announcements: number;
}

/**
 * Write the KV into the decode engine and announce it to the router, every rank on its own.
 * Resolves when all that is to happen has happened; a failed transfer is announced to nobody.
 */
export async function pushKv(core: EngineCore, kv: PushedKv): Promise<void> {
  const { sender, options } = core;
  if (sender?.stores(kv.ids.length) !== true) return;
  const ranks = Array.from({ length: storingRanks(options) }, (_, rank) => rank);
  await Promise.all(ranks.map((rank) => pushRank(core, kv, rank)));
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

async function pushRank(core: EngineCore, kv: PushedKv, rank: number): Promise<void> {
  const { sender, notifier, faults, random, options, clock, stopped } = core;
  const begunAt = clock.now();
  const skipWrite = strikes(faults, "skipKvWrite", random);
  if (sender === undefined || !await sender.transfer(rank, kv.ids, kv.spec, skipWrite)) return;
  const left = options.notify === "before" ? 0 : options.notify - (clock.now() - begunAt);
  if (left > 0 && await sleep(clock, left, stopped) === "aborted") return;
  for (let sent = 0; sent < kv.announcements; sent++) {
    await notifier?.notify(rank, kv.spec.reqId, stopped);
  }
}

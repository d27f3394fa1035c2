/** What all workers tell of themselves at a moment, for whoever reads of it. Of the supervisor. @module */
import { type Clock, concatBytes, encodeUtf8 } from "../base/mod.ts";
import { type KnownCounts, knownOf, type NamedPart } from "../observe/mod.ts";
import type { Call } from "./call.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import { giveTold, takeTold, type ToldAnswer } from "./told.ts";
import { TOLD_MS } from "./whole.ts";
import type { WorkerSlot } from "./worker_slot.ts";

/** Name of the call by which a worker asks for all, and of the one that each is asked by. */
export const LIVE_CALL = "live";
export const LIVE_HERE_CALL = "live-here";

/** What one worker is asked: from which of its requests on it tells; null for none. */
export interface LiveHere {
  readonly known: number | null;
}

/** What it works with. */
export interface LiveRoundParts {
  readonly clock: Clock;
  readonly workers: readonly Pick<WorkerSlot, "number" | "life" | "state" | "call">[];
}

/**
 * Ask all that serve, and answer `call` with what they tell, a list of `NamedPart`: put together by its
 * bytes, as the one who has asked reads it. Whoever does not answer is left out.
 */
export async function answerLive(
  { clock, workers }: LiveRoundParts,
  head: Uint8Array,
  call: Call,
): Promise<void> {
  const counts = decodeJson<KnownCounts>(head);
  const asked = workers.filter(({ state }) => state === "serving");
  const all = await Promise.all(asked.map(async (worker) => {
    const of = `${worker.number}.${worker.life}`;
    const here: LiveHere = { known: knownOf(counts, of) ?? null };
    const own = worker.call(LIVE_HERE_CALL, encodeJson(here));
    const told = own && await takeTold(own, { clock, limitMs: TOLD_MS });
    return told === undefined ? [] : [{ of, body: told.body }];
  }));
  try {
    await giveTold(call, {
      status: 200,
      contentType: "application/json",
      body: concatBytes(listed(all.flat())),
    });
  } catch (error) {
    if (!call.signal.aborted) throw error;
  }
}

function listed(
  parts: readonly { readonly of: string; readonly body: Uint8Array }[],
): readonly Uint8Array[] {
  const pieces = parts.flatMap(({ of, body }, at) => [
    encodeUtf8(`${at === 0 ? "" : ","}{"of":${JSON.stringify(of)},"part":`),
    body,
    encodeUtf8("}"),
  ]);
  return [encodeUtf8("["), ...pieces, encodeUtf8("]")];
}

/** The parts in what was told. */
export function partsIn({ body }: ToldAnswer): readonly NamedPart[] {
  return decodeJson<readonly NamedPart[]>(body);
}

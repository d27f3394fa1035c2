/**
 * LMCache over NIXL: the prefill ranks write to the decode ranks and notify the router. The decode
 * engine's receiver keeps the pages until a request retrieves them (`remove_after_retrieve`).
 *
 * Source: LMCache `lmcache/v1/storage_backend/pd_backend.py`.
 * @module
 */
import { RouterError } from "../base/mod.ts";
import { kvTagParams, kvTransferParams } from "../disagg/mod.ts";
import { uniquePartOf } from "./kv_id.ts";
import type { KvDeps, KvProtocol, Transfer, TransferAsk } from "./protocol.ts";

/** LMCache's PD backend, modes P1 and D1. */
export const lmcache: KvProtocol = {
  traits: {
    route: "handoff_d1",
    modes: ({ nixl }) => nixl?.modes ?? [],
    // "Key ... not found in local data" ends the engine.
    rereads: false,
    holds: true,
    order: "prefill-first",
  },
  begin: (deps, ask) => beginTransfer(deps, ask, false),
};

/**
 * As `lmcache`, each transfer under keys of its own. A receiver enters keys when it allocates pages, and
 * tells everyone who comes later that it has them: of two prompts that begin alike, the second would be
 * announced, and read, before the first has been written.
 *
 * Source: LMCache `pd_backend.py` and `pd_backend_async.py` (`_allocate_and_put`), `utils.py`
 * (`CacheEngineKey`: `lmcache.tag.`).
 */
export const taggedLmcache: KvProtocol = {
  ...lmcache,
  begin: (deps, ask) => beginTransfer(deps, ask, true),
};

function beginTransfer(
  { board, ids }: KvDeps,
  { pair: { prefill, decode }, mode }: TransferAsk,
  tagged: boolean,
): Transfer {
  const receiver = decode.nixl;
  if (receiver === undefined) {
    throw new RouterError("internal", `Engine ${decode.url} has no NIXL receiver`);
  }
  const kvId = ids.next();
  const ranks = prefill.notifications ?? receiver.initPorts.length;
  const tag = tagged ? uniquePartOf(kvId) : undefined;
  const readParams = tag === undefined ? undefined : kvTagParams(tag);
  return {
    // Before the prefill is sent: a notification can overtake its answer.
    landed: board.expect(kvId, { ranks, of: [prefill.id, decode.id] }),
    prefillParams: kvTransferParams(kvId, receiver, mode, tag),
    decodeParams: () => readParams,
    // They name what is to be read, and are good for as many requests as come.
    replayable: true,
    reclaim: { singleUse: false, params: () => readParams },
  };
}

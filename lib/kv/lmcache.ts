/**
 * LMCache over NIXL: the prefill ranks write to the decode ranks and notify the router. The decode
 * engine's receiver keeps the pages until a request retrieves them (`remove_after_retrieve`).
 *
 * Source: LMCache `lmcache/v1/storage_backend/pd_backend.py`.
 * @module
 */
import { RouterError } from "../base/mod.ts";
import { kvTransferParams } from "../disagg/mod.ts";
import type { KvProtocol } from "./protocol.ts";

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
  begin({ board, ids }, { pair: { prefill, decode }, mode }) {
    const receiver = decode.nixl;
    if (receiver === undefined) {
      throw new RouterError("internal", `Engine ${decode.url} has no NIXL receiver`);
    }
    const kvId = ids.next();
    const ranks = prefill.notifications ?? receiver.initPorts.length;
    return {
      // Before the prefill is sent: a notification can overtake its answer.
      landed: board.expect(kvId, { ranks, of: [prefill.id, decode.id] }),
      prefillParams: kvTransferParams(kvId, receiver, mode),
      decodeParams: () => undefined,
      reclaim: { singleUse: false, params: () => undefined },
    };
  },
};

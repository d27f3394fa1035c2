/** The three ways KV gets to a decode engine that makes the whole answer. @module */
import { RouterError } from "../base/mod.ts";
import { drainBodyD1, kvTransferParams, NIXL_PREFILL_PARAMS } from "../disagg/mod.ts";
import { Custody } from "./custody.ts";
import { type AbandonedTransfer, NOTHING_AWAITED } from "./drain.ts";
import type { RelayProtocol } from "./relay.ts";

/**
 * LMCache, mode D1: the prefill ranks write to the decode ranks and notify the router.
 * Source: LMCache `lmcache/v1/storage_backend/pd_backend.py`.
 */
export const lmcacheRelay: RelayProtocol = (deps, context, { request, path, pair }) => {
  const { prefill, decode } = pair;
  const receiver = decode.nixl;
  if (receiver === undefined) {
    throw new RouterError("internal", `Engine ${decode.url} has no NIXL receiver`);
  }
  const kvId = deps.random.uuid();
  // Before the prefill is sent: a notification can overtake its answer.
  const waiter = deps.board.expect(kvId, {
    ranks: prefill.notifications ?? receiver.initPorts.length,
  });
  return {
    prefillParams: kvTransferParams(kvId, receiver, "decode"),
    custody: (leg) =>
      new Custody(deps.drainer, {
        landed: waiter,
        decode,
        prefill: leg,
        path,
        headers: context.headers,
        body: () => drainBodyD1(request),
      }),
    decodeParams: () => undefined,
  };
};

/**
 * vLLM's NixlConnector: the prefill engine keeps the blocks under a lease and says where they are,
 * the decode engine fetches them. What it says is opaque, and good for one decode.
 * Source: vLLM `vllm/distributed/kv_transfer/kv_connector/v1/nixl/pull_scheduler.py`.
 */
export const nixlRelay: RelayProtocol = (deps, context, { request, path, pair }) => ({
  prefillParams: NIXL_PREFILL_PARAMS,
  custody: (leg) => {
    const transfer: AbandonedTransfer = {
      landed: NOTHING_AWAITED,
      decode: pair.decode,
      prefill: leg,
      path,
      headers: context.headers,
      // Fetching the blocks is what releases them before their lease ends.
      body: (result) =>
        result?.kvParams === undefined ? undefined : drainBodyD1(request, result.kvParams),
      // Used again, they can bring another request's blocks (vLLM issue 52234).
      once: true,
    };
    return new Custody(deps.drainer, transfer);
  },
  decodeParams: (result) => {
    const found = result.kvParams === undefined ? "absent" : "present";
    deps.metrics.count("pd_router_nixl_params_total", { found });
    if (found === "absent") {
      deps.log.warning("A prefill answer has no kv_transfer_params: its prompt is computed twice", {
        request: context.id,
        url: pair.prefill.url,
      });
    }
    return result.kvParams;
  },
});

/** A store both engines share: once the prefill has answered, the KV is in it. */
export const sharedStorageRelay: RelayProtocol = (deps) => ({
  prefillParams: undefined,
  custody: () => new Custody(deps.drainer, undefined),
  decodeParams: () => undefined,
});

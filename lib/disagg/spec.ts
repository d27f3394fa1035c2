/**
 * `kv_transfer_params` of the prefill leg.
 *
 * Source: LMCache `lmcache/integration/vllm/vllm_v1_adapter.py` (`update_state_after_alloc`).
 * @module
 */
import type { Mode, NixlReceiver } from "../base/mod.ts";

/**
 * JSON text that tells a prefill engine where its KV goes. `kvRequestId` comes back in each rank's
 * notification. `ret_first_tok` is asked for only where the token is used: an engine that aborts
 * such a request before its first token can fail on it. With `tag`, LMCache keeps it under keys of its own.
 */
export function kvTransferParams(
  kvRequestId: string,
  receiver: NixlReceiver,
  mode: Mode,
  tag?: string,
): string {
  const asked = mode === "p1" ? '"ret_first_tok":true,' : "";
  const tagged = tag === undefined ? "" : `"${KEY_TAG}":${JSON.stringify(tag)},`;
  const id = JSON.stringify(kvRequestId);
  return `{${asked}${tagged}"disagg_spec":{"req_id":${id},${addressOf(receiver)}}}`;
}

/** The members of `disagg_spec` that are the same for every transfer to a receiver. */
const ADDRESSES = new WeakMap<NixlReceiver, string>();

function addressOf(receiver: NixlReceiver): string {
  const known = ADDRESSES.get(receiver);
  if (known !== undefined) return known;
  const members = JSON.stringify({
    receiver_host: receiver.host,
    receiver_init_port: receiver.initPorts,
    receiver_alloc_port: receiver.allocPorts,
    ...(receiver.queryPorts === undefined ? {} : { receiver_query_port: receiver.queryPorts }),
  }).slice(1, -1);
  ADDRESSES.set(receiver, members);
  return members;
}

/**
 * A part of the keys of LMCache's chunks, on whichever engine; letters, digits and `-` alone.
 *
 * Source: LMCache `utils.py` (`CacheEngineKey.to_string`).
 */
export const KEY_TAG = "lmcache.tag.pd_router";

/** `kv_transfer_params` of a request that is to read what was stored under `tag`, as JSON text. */
export function kvTagParams(tag: string): string {
  return JSON.stringify({ [KEY_TAG]: tag });
}

/**
 * `kv_transfer_params` of the prefill leg for vLLM's NixlConnector, as JSON text.
 *
 * Source: vLLM `tests/v1/kv_connector/nixl_integration/toy_proxy_server.py`.
 */
export const NIXL_PREFILL_PARAMS: string = JSON.stringify({
  do_remote_decode: true,
  do_remote_prefill: false,
  remote_engine_id: null,
  remote_block_ids: null,
  remote_host: null,
  remote_port: null,
});

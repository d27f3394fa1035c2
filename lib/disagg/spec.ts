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
  return JSON.stringify({
    ...(mode === "p1" ? { ret_first_tok: true } : {}),
    ...(tag === undefined ? {} : { [KEY_TAG]: tag }),
    disagg_spec: {
      req_id: kvRequestId,
      receiver_host: receiver.host,
      receiver_init_port: receiver.initPorts,
      receiver_alloc_port: receiver.allocPorts,
      ...(receiver.queryPorts === undefined ? {} : { receiver_query_port: receiver.queryPorts }),
    },
  });
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

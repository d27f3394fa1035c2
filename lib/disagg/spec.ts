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
 * such a request before its first token can fail on it.
 */
export function kvTransferParams(
  kvRequestId: string,
  receiver: NixlReceiver,
  mode: Mode,
): string {
  return JSON.stringify({
    ...(mode === "p1" ? { ret_first_tok: true } : {}),
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

/** What a decode engine answers when the KV it is told of cannot be had. @module */
import type { ExchangeGroup, Json } from "./exchange.ts";
import { both, chat, completion } from "./requests.ts";

/** Parameters of a prefill engine that is not there. */
const LOST: Json = {
  do_remote_prefill: true,
  do_remote_decode: false,
  remote_block_ids: [[1, 2, 3]],
  remote_engine_id: "123e4567-e89b-12d3-a456-426614174000",
  remote_request_id: "cmpl-0123456789abcdef-0-89abcdef",
  remote_host: "localhost",
  remote_port: 1,
  tp_size: 1,
  dcp_size: 1,
  pp_size: 1,
  remote_num_tokens: 300,
  remote_blocks_expiry_time: null,
  transfer_mode: "pull",
};

export const KV_FAILURES: ExchangeGroup = {
  name: "kv_failures",
  about: "A decode engine with NixlConnector, kv_load_failure_policy fail, without its peer",
  exchanges: [
    ...both(completion("KV of an engine that is not there", {
      prompt: { $ids: [300, 31] },
      kv_transfer_params: LOST,
    }, "decode")),
    ...both(chat("KV of an engine that is not there", {
      messages: [{ role: "user", content: { $text: ["Good day ", 40] } }],
      kv_transfer_params: LOST,
    }, "decode")),
  ],
};

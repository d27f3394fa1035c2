/** A protocol whose two legs are sent at once, as vLLM's MooncakeConnector has it. @module */
import { type KvProtocol, NOTHING_AWAITED } from "../../lib/kv/mod.ts";

/** `kv_transfer_params` of the prefill leg. */
export const TOGETHER_PREFILL = { do_remote_decode: true, do_remote_prefill: false };

/** `kv_transfer_params` of the decode leg: known before the prefill has said anything. */
export const TOGETHER_DECODE = {
  do_remote_decode: false,
  do_remote_prefill: true,
  bootstrap_server_host: "p",
  bootstrap_server_port: 8998,
};

/** The protocol; its KV can be read again, and is released by a request that reads it. */
export const together: KvProtocol = {
  traits: {
    route: "handoff_together",
    modes: () => ["d1"],
    rereads: true,
    holds: false,
    order: "together",
  },
  begin: (_deps, { pair: { prefill } }) => ({
    landed: NOTHING_AWAITED,
    prefillParams: JSON.stringify(TOGETHER_PREFILL),
    decodeParams: () => JSON.stringify({ ...TOGETHER_DECODE, bootstrap_server_host: prefill.id }),
    reclaim: { singleUse: false, params: () => JSON.stringify(TOGETHER_DECODE) },
  }),
};

/**
 * A protocol whose legs are sent at once, as MooncakeConnector's: the decode engine waits for the KV
 * by itself, and the prefill's answer says nothing of it.
 *
 * Source: vLLM `examples/online_serving/disaggregated_serving/mooncake_connector`.
 * @module
 */
import { type KvProtocol, NOTHING_AWAITED } from "../../lib/kv/mod.ts";

/** Both legs at once, by an id that both are told. */
export const together: KvProtocol = {
  traits: {
    route: "handoff_together",
    modes: () => ["d1"],
    rereads: false,
    holds: false,
    order: "together",
  },
  begin({ ids }, { pair: { prefill } }) {
    const transfer = ids.next();
    const params = JSON.stringify({
      do_remote_decode: false,
      do_remote_prefill: true,
      bootstrap_server_host: new URL(prefill.url).hostname,
      bootstrap_server_port: 8998,
      transfer_id: transfer,
    });
    return {
      landed: NOTHING_AWAITED,
      prefillParams: JSON.stringify({
        do_remote_decode: true,
        do_remote_prefill: false,
        transfer_id: transfer,
      }),
      decodeParams: () => params,
      reclaim: { singleUse: true, params: () => params },
    };
  },
};

/**
 * vLLM's NixlConnector: the prefill engine keeps the blocks under a lease and says where they are,
 * the decode engine fetches them. What it says is opaque, and good for one decode.
 *
 * Source: vLLM `vllm/distributed/kv_transfer/kv_connector/v1/nixl/pull_scheduler.py`.
 * @module
 */
import { NIXL_PREFILL_PARAMS } from "../disagg/mod.ts";
import { NOTHING_AWAITED } from "./landing.ts";
import type { KvProtocol } from "./protocol.ts";

/** vLLM's NixlConnector in its pull form. */
export const nixl: KvProtocol = {
  traits: {
    route: "handoff_nixl",
    modes: () => ["d1"],
    rereads: true,
    holds: false,
    order: "prefill-first",
  },
  begin: ({ log, metrics }, { pair, requestId }) => ({
    landed: NOTHING_AWAITED,
    prefillParams: NIXL_PREFILL_PARAMS,
    decodeParams(news) {
      const found = news?.kvParams === undefined ? "absent" : "present";
      metrics.count("pd_router_nixl_params_total", { found });
      if (found === "absent") {
        log.warning("A prefill answer has no kv_transfer_params: its prompt is computed twice", {
          request: requestId,
          url: pair.prefill.url,
        });
      }
      return news?.kvParams;
    },
    // Fetching the blocks is what releases them before their lease ends. Used again, the parameters
    // can bring another request's blocks (vLLM issue 52234).
    reclaim: { singleUse: true, params: (news) => news?.kvParams ?? "nothing" },
  }),
};

/** A store both engines share: once the prefill has answered, the KV is in it. @module */
import { NOTHING_AWAITED } from "./landing.ts";
import type { KvProtocol } from "./protocol.ts";

/** Any store that prefill engines write to and decode engines read from. */
export const sharedStorage: KvProtocol = {
  traits: {
    route: "handoff_shared_storage",
    modes: () => ["d1"],
    rereads: true,
    holds: false,
    order: "prefill-first",
  },
  begin: () => ({
    landed: NOTHING_AWAITED,
    prefillParams: undefined,
    decodeParams: () => undefined,
    reclaim: "none",
  }),
};

/** What tells that KV has landed at a decode engine. @module */
import type { KvWaiter } from "../zmq/mod.ts";

/** News of one transfer; disposed by whoever holds it last. */
export type Landing = Pick<KvWaiter, "wait" | "received" | "cancelled" | "lost"> & Disposable;

/** For protocols in which the prefill's answer is all the news there is. */
export const NOTHING_AWAITED: Landing = {
  wait: () => Promise.resolve("ready"),
  received: () => 0,
  cancelled: false,
  [Symbol.dispose]: () => {},
};

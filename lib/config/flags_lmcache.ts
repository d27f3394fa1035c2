/** Flags of the keys under which KV is in LMCache. @module */
import type { Flag } from "./flag.ts";
import { LMCACHE_KEYS } from "./schema.ts";

/** Within the group of handoffs. */
export const LMCACHE_FLAGS = [
  {
    name: "lmcache-keys",
    type: "string",
    choices: LMCACHE_KEYS,
    default: "own",
    help: "Keys of KV that LMCache moves: each handoff's own, by a tag, so that of two prompts " +
      "that begin alike none reads pages that are still to be written for the other; or " +
      "shared, where prefill engines are to find KV again in an LMCache of their own",
  },
  {
    name: "lmcache-tag-direct",
    type: "flag",
    help: "Give requests that are served directly a key tag of LMCache's, so that a decode " +
      "engine does not answer them from KV that was moved for a handoff with the same " +
      "beginning",
  },
] as const satisfies readonly Flag[];

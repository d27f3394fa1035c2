/** Everything that is asked, in groups of one file each. @module */
import { CHAT } from "./chat.ts";
import { COMPLETIONS } from "./completions.ts";
import { CONTROL } from "./control.ts";
import { DIALECTS } from "./dialects.ts";
import type { ExchangeGroup } from "./exchange.ts";
import { KV_FAILURES } from "./kv_failures.ts";
import { NIXL } from "./nixl.ts";
import { PARSERS } from "./parsers.ts";
import { REFUSALS } from "./refusals.ts";
import { SCALE_OUT } from "./scale_out.ts";

/** All groups; exchanges have names of their own across them. */
export const EXCHANGE_GROUPS: readonly ExchangeGroup[] = [
  CONTROL,
  COMPLETIONS,
  CHAT,
  REFUSALS,
  DIALECTS,
  PARSERS,
  SCALE_OUT,
  NIXL,
  KV_FAILURES,
];

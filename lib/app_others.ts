/** What a router gives where it is seen as one with others. @module */
import type { OpenAdmin } from "./app_admin.ts";
import { type HttpDeps, toldOfItself } from "./http/mod.ts";
import type { OtherRouters } from "./workers/mod.ts";

/** Have `others` ask this router: `deps` gives what it answers with at the moment. */
export function joinOthers(
  others: OtherRouters | undefined,
  deps: () => HttpDeps,
  admin: OpenAdmin | undefined,
): void {
  others?.attach({ tell: (what) => toldOfItself(deps(), what), admin: admin?.here });
}

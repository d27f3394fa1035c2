/** pd-router: one front for prefill and decode engines. @module */
import { main } from "./lib/cli/mod.ts";

if (import.meta.main) {
  Deno.exit(await main(Deno.args, (url) => import(url)));
}

/** Paths of engines that are passed on though the router knows nothing of them. Pure. @module */
import type { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";

/**
 * Paths of vLLM that change an engine for everybody, or tell of its inside: a prefix never means them.
 * Source: vLLM `vllm/entrypoints/serve/`.
 */
const GUARDED: ReadonlySet<string> = new Set([
  "/abort_requests",
  "/collective_rpc",
  "/docs",
  "/finish_weight_update",
  "/get_world_size",
  "/init_weight_transfer_engine",
  "/is_paused",
  "/is_scaling_elastic_ep",
  "/openapi.json",
  "/pause",
  "/reconfigure",
  "/reset_encoder_cache",
  "/reset_mm_cache",
  "/reset_prefix_cache",
  "/resume",
  "/scale_elastic_ep",
  "/server_info",
  "/start_profile",
  "/start_weight_update",
  "/stop_profile",
  "/update_weights",
]);

/** A path, or one with all below it. */
const ITEM = /^(?:\/[\w.~!$&'()+=:@-]+)+(?:\/\*)?$/;

/** Whether `path`, decoded, is one of `items`: literally, or below a prefix that ends in `/*`. */
export function isPassedThrough(items: readonly string[], path: string): boolean {
  if (items.includes(path)) return true;
  return !GUARDED.has(path) &&
    items.some((item) => item.endsWith("/*") && path.startsWith(item.slice(0, -1)));
}

/** Those of `items` by which clients change engines for everybody. */
export function guardedIn(items: readonly string[]): readonly string[] {
  return items.filter((item) => GUARDED.has(item));
}

/** What is wrong with the paths. */
export function passThroughProblems(settings: Settings): readonly Problem[] {
  const { where } = settings.get("pass-through-paths");
  return settings.list("pass-through-paths").flatMap((item) => {
    const isPath = ITEM.test(item) && !/\/\.\.?(?:\/|$)/.test(item);
    const message = "expected a path such as /v1/other, or a prefix such as /inference/v1/*";
    return isPath ? [] : [{ key: where, value: item, message }];
  });
}

/** What a request's `kv_transfer_params` and the engine's role make of it. @module */
import { tagSuffix } from "./chunk_keys.ts";
import { endCore, type EngineCore, storingRanks } from "./core.ts";
import { type DisaggSpec, parseDisaggSpec } from "./disagg_spec.ts";
import { type JsonObject, objectOrEmpty } from "./json.ts";

/** Which part of a handoff a request is. */
export type KvLeg =
  /** `tags` sets its keys apart: see `tagSuffix`. With `unsaved`, a sender stores nothing. */
  | { readonly kind: "plain"; readonly tags: string; readonly unsaved?: boolean }
  /** Compute KV and write it into the decode engine `spec` names. */
  | { readonly kind: "lmcache-prefill"; readonly spec: DisaggSpec; readonly tags: string }
  /** Compute KV and lend it. */
  | { readonly kind: "nixl-prefill" }
  /** Pull the KV `params` name. */
  | { readonly kind: "nixl-decode"; readonly params: JsonObject };

/** Decide the leg, without doing anything. Throws a 400 on a `disagg_spec` that is none. */
export function legOf(core: EngineCore, given: unknown): KvLeg {
  const params = objectOrEmpty(given);
  switch (core.options.kvConnector) {
    case "lmcache":
      return lmcacheLeg(core, params);
    case "nixl":
      if (params["do_remote_decode"] === true) return { kind: "nixl-prefill" };
      return params["do_remote_prefill"] === true
        ? { kind: "nixl-decode", params }
        : { kind: "plain", tags: "" };
    default:
      return { kind: "plain", tags: "" };
  }
}

/** A receiver looks at nothing but the tags. */
function lmcacheLeg(core: EngineCore, params: JsonObject): KvLeg {
  const { disagg_spec: spec } = params;
  const tags = tagSuffix(params);
  return spec === undefined || spec === null || core.options.role === "decode"
    ? { kind: "plain", tags, unsaved: params["lmcache.skip_save"] === true }
    : { kind: "lmcache-prefill", spec: parseDisaggSpec(spec), tags };
}

/**
 * Let the engine meet what a sender's worker may not survive when it stores the KV of `tokens`
 * tokens: no `disagg_spec`, where the backend is asynchronous (LMCache `pd_backend_async.py`,
 * `batched_submit_put_task`; the synchronous one stores nothing then), and a list of ports shorter
 * than the ranks. Throws the 500 of an ended engine core.
 */
export function storeAsSender(core: EngineCore, leg: KvLeg, tokens: number): void {
  const { options, sender, stats } = core;
  if (options.kvConnector !== "lmcache" || sender?.stores(tokens) !== true) return;
  if (leg.kind === "plain" && leg.unsaved === true) return;
  if (leg.kind === "plain" && options.role === "prefill") {
    stats.add("plainOnSender");
    if (options.generation === "B" || options.generation === "C") return;
    throw endCore(core, "'NoneType' object has no attribute 'receiver_init_port'");
  }
  if (leg.kind !== "lmcache-prefill") return;
  const { initPorts, allocPorts } = leg.spec;
  if (Math.min(initPorts.length, allocPorts.length) < storingRanks(options)) {
    throw endCore(core, "IndexError: list index out of range");
  }
}

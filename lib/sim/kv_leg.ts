/** What a request's `kv_transfer_params` and the engine's role make of it. @module */
import { badRequest } from "./api_error.ts";
import { type EngineCore, storingRanks } from "./core.ts";
import { type DisaggSpec, parseDisaggSpec } from "./disagg_spec.ts";
import { type JsonObject, objectOrEmpty } from "./json.ts";

/** Which part of a handoff a request is. */
export type KvLeg =
  | { readonly kind: "plain" }
  /** Compute KV and write it into the decode engine `spec` names. */
  | { readonly kind: "lmcache-prefill"; readonly spec: DisaggSpec }
  /** Compute KV and lend it. */
  | { readonly kind: "nixl-prefill" }
  /** Pull the KV `params` name. */
  | { readonly kind: "nixl-decode"; readonly params: JsonObject };

/** Decide the leg, without doing anything. Throws a 400 where a real engine would crash. */
export function legOf(core: EngineCore, given: unknown): KvLeg {
  const params = objectOrEmpty(given);
  switch (core.options.kvConnector) {
    case "lmcache":
      return lmcacheLeg(core, params["disagg_spec"]);
    case "nixl":
      if (params["do_remote_decode"] === true) return { kind: "nixl-prefill" };
      return params["do_remote_prefill"] === true
        ? { kind: "nixl-decode", params }
        : { kind: "plain" };
    default:
      return { kind: "plain" };
  }
}

function lmcacheLeg(core: EngineCore, spec: unknown): KvLeg {
  const { options } = core;
  if (spec === undefined || spec === null) {
    refusePlain(core);
    return { kind: "plain" };
  }
  if (options.role === "decode") {
    throw badRequest(
      "This engine is a KV receiver: kv_transfer_params.disagg_spec is for prefill engines",
      "kv_transfer_params",
    );
  }
  return { kind: "lmcache-prefill", spec: parseDisaggSpec(spec, storingRanks(options)) };
}

/** Refuse a request without `disagg_spec` on an LMCache sender; a real one crashes on it. */
export function refusePlain(core: EngineCore): void {
  if (core.options.kvConnector !== "lmcache" || core.options.role !== "prefill") return;
  core.stats.add("plainOnSender");
  core.log.warning("Refused a request without disagg_spec: this engine is a KV sender");
  throw badRequest(
    "This engine is a KV sender: a request needs kv_transfer_params.disagg_spec",
    "kv_transfer_params",
  );
}

/**
 * The bodies of requests that read KV no answer will read, so that its pages are free again.
 * @module
 */
import type { ByteParts } from "../base/mod.ts";
import { objectOf, type RawJson } from "../openai/mod.ts";
import type { GenerationRequest } from "./generation.ts";
import { prefillBodyD1, withToken } from "./legs.ts";

/** A decode request that reads KV no answer will read: the same ids, one token, no stream. */
export function reclaimBodyP1(
  model: string,
  promptIds: Uint8Array,
  firstToken: number,
  kvTransferParams?: RawJson,
): ByteParts {
  return reclaimBodyIds(model, withToken(promptIds, firstToken), kvTransferParams);
}

/** As `reclaimBodyP1`, of a prompt without a first token behind it. */
export function reclaimBodyIds(
  model: string,
  promptIds: RawJson,
  kvTransferParams: RawJson | undefined,
): ByteParts {
  return objectOf({
    model: JSON.stringify(model),
    prompt: promptIds,
    max_tokens: "1",
    stream: "false",
    kv_transfer_params: kvTransferParams,
  });
}

/** As `reclaimBodyP1`, for mode D1 and the other relays: the original request with one token. */
export function reclaimBodyD1(request: GenerationRequest, kvTransferParams?: RawJson): ByteParts {
  return prefillBodyD1(request, kvTransferParams);
}

/** Which vLLM the engine is like, and names it makes up. @module */
import type { Random } from "../base/mod.ts";

/** The vLLM whose answers it gives. */
export const VLLM_VERSION = "0.32.0";

/** `system_fingerprint`. Source: vLLM `entrypoints/serve/utils/fingerprint.py`. */
export const FINGERPRINT = `vllm-${VLLM_VERSION}-51a17ed0`;

/** 16 hexadecimal digits. Source: vLLM `utils/__init__.py`, `random_uuid`. */
export function randomHex(random: Random): string {
  return random.uuid().replaceAll("-", "").slice(-16);
}

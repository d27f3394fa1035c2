/** How early a request wants to be served. @module */
import type { JsonObject } from "./json_object.ts";
import { laxInt } from "./lax.ts";
import { fieldOf } from "./request.ts";

/**
 * The `priority` of a request, as vLLM has it: lower is earlier, and 0 where it says nothing that engines
 * would take. Throws `bad-request` when the field is larger than fields may be.
 */
export function priorityOf(body: JsonObject): number {
  return laxInt(fieldOf(body, "priority")) ?? 0;
}

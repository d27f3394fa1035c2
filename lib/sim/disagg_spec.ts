/**
 * `kv_transfer_params.disagg_spec` of a prefill request, as LMCache's
 * `integration/vllm/vllm_v1_adapter.py` (`update_state_after_alloc`) reads it.
 * @module
 */
import { badRequest } from "./api_error.ts";
import { isInteger, isRecord, type JsonObject } from "./json.ts";

/** Where the KV of a prefill goes. */
export interface DisaggSpec {
  readonly reqId: string;
  readonly host: string;
  /** By rank of the prefill engine; a list may be too short, which the engine does not survive. */
  readonly initPorts: readonly number[];
  readonly allocPorts: readonly number[];
}

const PARAM = "kv_transfer_params";

/** Parse and check. Throws a 400 on what is not a `disagg_spec` at all. */
export function parseDisaggSpec(value: unknown): DisaggSpec {
  if (!isRecord(value)) throw badRequest("disagg_spec: expected an object", PARAM);
  const reqId = textOf(value, "req_id");
  const host = textOf(value, "receiver_host");
  const initPorts = portsOf(value, "receiver_init_port");
  const allocPorts = portsOf(value, "receiver_alloc_port");
  const query = value["receiver_query_port"];
  if (query !== undefined && query !== null) portsOf(value, "receiver_query_port");
  return { reqId, host, initPorts, allocPorts };
}

function textOf(spec: JsonObject, key: string): string {
  const value = spec[key];
  if (typeof value === "string" && value !== "") return value;
  throw badRequest(`disagg_spec.${key}: expected a string, got ${JSON.stringify(value)}`, PARAM);
}

function portsOf(spec: JsonObject, key: string): readonly number[] {
  const value = spec[key];
  if (!Array.isArray(value)) {
    throw badRequest(`disagg_spec.${key}: expected a list, got ${JSON.stringify(value)}`, PARAM);
  }
  const ports = value.filter((port): port is number => isInteger(port) && port > 0 && port < 65536);
  if (ports.length !== value.length) {
    throw badRequest(`disagg_spec.${key}: not all are ports: ${JSON.stringify(value)}`, PARAM);
  }
  return ports;
}

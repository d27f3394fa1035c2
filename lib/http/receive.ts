/** A request's body on its way in: within its limits, and told of where there is no room for it. @module */
import { errorCodeOf } from "../base/mod.ts";
import type { FrontBody } from "../front/mod.ts";
import { type BodyReading, jsonHere, readJsonBody } from "./body.ts";
import { codingOf } from "./coding.ts";
import type { HttpCall, HttpDeps } from "./context.ts";

/** Reads a body of so many bytes at most. */
export type ReadBody = (
  body: FrontBody,
  limitBytes: number,
  reading: BodyReading,
) => Promise<Uint8Array>;

/** The JSON body of `call`, at once where it is here. Rejects as `readJsonBody`. */
export function receiveJson(
  deps: Pick<HttpDeps, "config" | "metrics" | "breather" | "hooks">,
  call: Pick<HttpCall, "request" | "context" | "path">,
): Uint8Array | Promise<Uint8Array> {
  const { request: { headers, body }, context: { held: share } } = call;
  const here = headers.get("content-encoding") === undefined
    ? jsonHere(body, deps.config.maxRequestBytes, { share })
    : undefined;
  return here ?? receiveKept(deps, call);
}

/**
 * As `receive`. The operator's callbacks may have kept a body for themselves, and a buffer that it is only a
 * part of may be somebody else's.
 */
async function receiveKept(
  deps: Pick<HttpDeps, "config" | "metrics" | "breather" | "hooks">,
  call: Pick<HttpCall, "request" | "context" | "path">,
): Promise<Uint8Array> {
  const bytes = await receive(deps, call, readJsonBody);
  const alone = bytes.length === bytes.buffer.byteLength;
  if (alone && deps.hooks === undefined) call.context.held?.keep(bytes);
  return bytes;
}

/** The body of `call`, by `read`. Rejects as that does. */
export async function receive(
  deps: Pick<HttpDeps, "config" | "metrics" | "breather">,
  { request, context, path }: Pick<HttpCall, "request" | "context" | "path">,
  read: ReadBody,
): Promise<Uint8Array> {
  const reading: BodyReading = {
    share: context.held,
    breather: deps.breather,
    coding: codingOf(request.headers.get("content-encoding")),
  };
  try {
    return await read(request.body, deps.config.maxRequestBytes, reading);
  } catch (error) {
    if (errorCodeOf(error) === "overloaded") {
      deps.metrics.count("pd_router_buffered_refusals_total", { endpoint: path });
    }
    throw error;
  }
}

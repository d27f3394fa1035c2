/**
 * What comes before an endpoint of engines: the operator's hooks, and requests for models that others
 * serve. Nothing of it runs where neither is configured.
 * @module
 */
import { type ByteShare, inSlices, RouterError } from "../base/mod.ts";
import type { FrontBody, FrontHeaders } from "../front/mod.ts";
import type { HookRequest } from "../hooks/mod.ts";
import { fieldOf, JsonObject, JsonScanError, laxBool } from "../openai/mod.ts";
import type { Answer } from "../request/mod.ts";
import { readJsonBody } from "./body.ts";
import { codingOf } from "./coding.ts";
import type { HttpCall, HttpDeps } from "./context.ts";

/** How a request goes on. */
export type Prepared =
  /** Here is its answer. */
  | { readonly kind: "answered"; readonly answer: Answer }
  /** Its endpoint answers `call`; `finish` is for that answer. */
  | {
    readonly kind: "goes-on";
    readonly call: HttpCall;
    readonly finish: (answer: Answer) => Answer;
  };

/** Whether anything comes before the endpoint that answers `call`. */
export function isPrepared({ hooks, external }: HttpDeps, call: HttpCall): boolean {
  return (hooks !== undefined || external !== undefined) && isJson(call);
}

/** Run hooks for `call`, and answer it where another serves its model. Throws `RouterError`. */
export async function prepared(deps: HttpDeps, call: HttpCall): Promise<Prepared> {
  const { hooks } = deps;
  const goesOn = { kind: "goes-on", call, finish: (answer: Answer) => answer } as const;
  if (!isPrepared(deps, call)) return goesOn;
  const bytes = await read(deps, call);
  const body = await objectIn(deps, bytes);
  // What is no request the endpoint says.
  if (body === undefined) return { ...goesOn, call: replayed(call, bytes) };
  const asked = modelOf(body);
  if (hooks === undefined) return await sentOn(deps, call, { bytes, body, asked });
  const request = hookRequest(call, asked, bytes);
  const { signal, held } = call.context;
  const answer = await hooks.before(request, signal);
  if (answer !== undefined) return { kind: "answered", answer };
  const rewritten = await hooks.rewritten(request, signal);
  const finish = (last: Answer): Answer => hooks.after(request, last, held);
  if (rewritten === undefined) return await sentOn(deps, call, { bytes, body, asked }, finish);
  const other = await bodyOfRewriter(deps, rewritten, held);
  return await sentOn(deps, call, { bytes: rewritten, body: other, asked }, finish);
}

/** A request as it is to be answered. */
interface Read {
  readonly bytes: Uint8Array;
  readonly body: JsonObject;
  /** The model that the client named. */
  readonly asked: string;
}

async function sentOn(
  deps: HttpDeps,
  call: HttpCall,
  { bytes, body, asked }: Read,
  finish: (answer: Answer) => Answer = (answer) => answer,
): Promise<Prepared> {
  const { external, config: { aliases } } = deps;
  const named = modelOf(body);
  const model = aliases.get(named) ?? named;
  if (external?.serves(model) !== true) {
    return { kind: "goes-on", call: replayed(call, bytes), finish };
  }
  call.pass.use({ asked, model, body });
  const stream = laxBool(fieldOf(body, "stream") ?? false) === true;
  call.context.trace.streams = stream;
  const answer = await external.send(call.context, {
    path: call.path + call.query,
    body,
    model,
    stream,
  });
  return { kind: "answered", answer: finish(answer) };
}

function isJson({ request: { method, headers } }: HttpCall): boolean {
  const type = headers.get("content-type") ?? "";
  return method === "POST" && !type.toLowerCase().startsWith("multipart/");
}

async function read(deps: HttpDeps, { request, context }: HttpCall): Promise<Uint8Array> {
  return await readJsonBody(request.body, deps.config.maxRequestBytes, {
    share: context.held,
    breather: deps.breather,
    coding: codingOf(request.headers.get("content-encoding")),
  });
}

/** Fields of a request at most; of one with more the endpoint says so. */
const MAX_FIELDS = 1_024;

async function objectIn(deps: HttpDeps, bytes: Uint8Array): Promise<JsonObject | undefined> {
  try {
    const reading = JsonObject.reading(bytes, { python: true, maxMembers: MAX_FIELDS });
    return await inSlices(reading, deps.breather);
  } catch (error) {
    if (error instanceof JsonScanError) return undefined;
    throw error;
  }
}

function modelOf(body: JsonObject): string {
  const model = fieldOf(body, "model");
  return typeof model === "string" ? model : "";
}

async function bodyOfRewriter(
  deps: HttpDeps,
  bytes: Uint8Array,
  held: ByteShare | undefined,
): Promise<JsonObject> {
  const most = deps.config.maxRequestBytes;
  if (bytes.length > most) {
    const message = `The request rewriter gave ${bytes.length} bytes; at most ${most} are taken`;
    throw new RouterError("internal", message);
  }
  if (held?.grow(bytes.length) === false) {
    throw new RouterError("overloaded", "The router has no room for the rewritten request");
  }
  const body = await objectIn(deps, bytes);
  if (body !== undefined) return body;
  throw new RouterError("internal", "The request rewriter gave a body that is no JSON object");
}

/** `call` with a body that has been read. It is held a second time while it is read again. */
function replayed(call: HttpCall, bytes: Uint8Array): HttpCall {
  call.context.held?.shrink(bytes.length);
  let left: Uint8Array | undefined = bytes;
  const body: FrontBody = {
    length: bytes.length,
    read() {
      const part = left;
      left = undefined;
      return Promise.resolve(part);
    },
  };
  const { request } = call;
  return { ...call, request: { ...request, headers: decoded(request.headers), body } };
}

/** Fields of a body that is not coded any more. */
function decoded(headers: FrontHeaders): FrontHeaders {
  if (headers.get("content-encoding") === undefined) return headers;
  return {
    get: (name) => name === "content-encoding" ? undefined : headers.get(name),
    *[Symbol.iterator]() {
      for (const field of headers) if (field[0] !== "content-encoding") yield field;
    },
  };
}

function hookRequest(call: HttpCall, model: string, body: Uint8Array): HookRequest {
  const { request, path, query, context: { id, key } } = call;
  return {
    id,
    method: request.method,
    path,
    query,
    headers: new Headers([...request.headers].map(([name, value]) => [name, value])),
    model,
    body,
    ...(key === undefined ? {} : { key }),
    json: () => JSON.parse(new TextDecoder().decode(body)),
  };
}

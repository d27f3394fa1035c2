/** The endpoints that engines serve. @module */
import { type Engine, errorCodeOf, inSlices, RouterError } from "../base/mod.ts";
import {
  type GenerationForm,
  hasKvFields,
  originalBody,
  readingGeneration,
} from "../disagg/mod.ts";
import { direct, generate, withPrompt } from "../flow/mod.ts";
import { type ApiRequest, fieldOf, parsingRequest, priorityOf } from "../openai/mod.ts";
import type { Answer } from "../request/mod.ts";
import { readJsonBody } from "./body.ts";
import { codingOf } from "./coding.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { invokedBy } from "./invocations.ts";
import { routeWishOf } from "./route_wish.ts";

/** Endpoints a prefill engine can serve too: they touch no KV. */
const WITHOUT_KV = new Set(["/tokenize", "/detokenize", "/v1/messages/count_tokens"]);

/** Answer a request for text, by a handoff where that is configured. */
export async function generation(
  deps: HttpDeps,
  call: HttpCall,
  form: GenerationForm,
): Promise<Answer> {
  return await generated(deps, call, form, await readRequest(deps, call, { streams: true }));
}

async function generated(
  deps: HttpDeps,
  call: HttpCall,
  form: GenerationForm,
  request: ApiRequest,
): Promise<Answer> {
  call.context.trace.streams = request.stream;
  const { handoff } = deps;
  const engine = pickedEngine(deps, call, request.model);
  const wish = routeWishOf(call.request.headers, deps.config.worth?.routeHeader === true);
  if (handoff === undefined) return await forward(deps, call, request, engine);
  return await generate(handoff, call.context, {
    request: await inSlices(readingGeneration(form, request), deps.breather),
    path: pathWithQuery(call),
    sessionKey: sessionKeyOf(deps, call, request),
    engine,
    wish,
  });
}

/** Answer a request by one engine, untouched. */
export async function passOn(deps: HttpDeps, call: HttpCall): Promise<Answer> {
  const request = await readRequest(deps, call, { streams: false });
  return await forward(deps, call, request, pickedEngine(deps, call, request.model));
}

/** Answer a request whose body says which endpoint it is for. */
export async function invocation(deps: HttpDeps, call: HttpCall): Promise<Answer> {
  const request = await readRequest(deps, call, { streams: true });
  const { path, form } = invokedBy(request.body);
  const invoked = { ...call, path };
  if (form !== undefined) return await generated(deps, invoked, form, request);
  const engine = pickedEngine(deps, invoked, request.model);
  // Only text streams, whatever else such a body says.
  return await forward(deps, invoked, { ...request, stream: false }, engine);
}

async function forward(
  deps: HttpDeps,
  call: HttpCall,
  request: ApiRequest,
  engine: Engine | undefined,
): Promise<Answer> {
  return await direct(deps, await withPrompt(deps, call.context, request), {
    path: pathWithQuery(call),
    model: request.model,
    sessionKey: sessionKeyOf(deps, call, request),
    body: originalBody(request, undefined, deps.config.trustClientKvParams),
    stream: request.stream,
    priority: () => priorityOf(request.body),
    ...(!request.stream && isAnsweredInBytes(request) ? { answer: "any" as const } : {}),
    ...(engine === undefined ? {} : { engine }),
  });
}

/** Encodings of vLLM's embeddings whose answers are numbers and no JSON. */
const BYTE_ENCODINGS: ReadonlySet<unknown> = new Set(["bytes", "bytes_only"]);

function isAnsweredInBytes({ body }: ApiRequest): boolean {
  return BYTE_ENCODINGS.has(fieldOf(body, "encoding_format"));
}

/** The request, its alias resolved and its model known to be served. */
async function readRequest(
  deps: HttpDeps,
  call: HttpCall,
  { streams }: { readonly streams: boolean },
): Promise<ApiRequest> {
  const { aliases, trustClientKvParams } = deps.config;
  const bytes = await readBytes(deps, call);
  const { soleModel } = deps.fleet.snapshot();
  const parsed = await inSlices(parsingRequest(bytes, { soleModel, streams }), deps.breather);
  const model = aliases.get(parsed.model) ?? parsed.model;
  call.pass.use({ asked: parsed.model, model, body: parsed.body });
  if (!deps.fleet.snapshot().serves(model)) {
    throw missingModel(deps, shortened(parsed.model), model);
  }
  if (!trustClientKvParams && hasKvFields(parsed.body)) {
    deps.metrics.count("pd_router_client_kv_params_total", { endpoint: call.path });
  }
  return { ...parsed, model };
}

async function readBytes(
  deps: HttpDeps,
  { request, context, path }: HttpCall,
): Promise<Uint8Array> {
  try {
    return await readJsonBody(request.body, deps.config.maxRequestBytes, {
      share: context.held,
      breather: deps.breather,
      coding: codingOf(request.headers.get("content-encoding")),
    });
  } catch (error) {
    if (errorCodeOf(error) === "overloaded") {
      deps.metrics.count("pd_router_buffered_refusals_total", { endpoint: path });
    }
    throw error;
  }
}

/** A name that a client made up, for a message. */
function shortened(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 200)}...`;
}

function missingModel(deps: HttpDeps, asked: string, model: string): RouterError {
  const { engines } = deps.fleet.snapshot();
  const what = asked === "" ? "any model" : `model '${asked}'`;
  if (deps.fleet.hasSeen(model)) {
    return new RouterError("no-engine", `No engine serves ${what} at the moment`, {
      param: "model",
    });
  }
  const silent = engines.filter((engine) => engine.models.length === 0);
  if (silent.length > 0 && silent.every((engine) => deps.keyRefusals?.has(engine))) {
    return new RouterError(
      "key-refused",
      `No engine serves ${what}: the engines refuse the router's key`,
      { param: "model" },
    );
  }
  if (silent.length > 0) {
    const names = silent.map((engine) => deps.names.exposed ? engine.url : deps.names.of(engine));
    const urls = names.join(", ");
    return new RouterError("no-engine", `No engine serves ${what}; not heard from yet: ${urls}`, {
      param: "model",
    });
  }
  if (asked === "") return new RouterError("no-engine", `No engine serves ${what}`);
  const known = [...new Set(engines.flatMap((engine) => engine.models))].sort();
  return new RouterError(
    "unknown-model",
    `The model '${asked}' does not exist; served are: ${known.join(", ") || "none"}`,
    { param: "model" },
  );
}

/** The engine the client asked for by `?id=`; undefined when it asked for none. */
function pickedEngine(deps: HttpDeps, call: HttpCall, model: string): Engine | undefined {
  const id = queryOf(call).get("id");
  if (id === null) return undefined;
  const engine = deps.names.find(deps.fleet.snapshot(), id);
  if (engine === undefined) {
    throw new RouterError(
      "unknown-engine",
      `No engine has the id '${id}'; GET /engines lists them`,
      {
        param: "id",
      },
    );
  }
  if (!engine.models.includes(model)) {
    throw new RouterError("unknown-model", `Engine '${id}' does not serve model '${model}'`, {
      param: "model",
    });
  }
  if (engine.role === "prefill" && engine.elastic !== true && !WITHOUT_KV.has(call.path)) {
    throw new RouterError(
      "bad-request",
      `Engine '${id}' only prefills for decode engines; choose one of another role`,
      { param: "id" },
    );
  }
  return engine;
}

function sessionKeyOf(deps: HttpDeps, call: HttpCall, request: ApiRequest): string | undefined {
  const { routing } = deps.config;
  if (routing.sessionKey === undefined) return undefined;
  if (call.context.sessionId !== undefined) return call.context.sessionId;
  const value = fieldOf(request.body, routing.sessionKey);
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

function queryOf({ query }: HttpCall): URLSearchParams {
  return new URLSearchParams(query);
}

/** The path for the engine: the client's query stays, but for the router's own parameter. */
function pathWithQuery(call: HttpCall): string {
  const query = queryOf(call);
  if (!query.has("id")) return call.path + call.query;
  query.delete("id");
  return query.size === 0 ? call.path : `${call.path}?${query}`;
}

/** The endpoints that engines serve. @module */
import { type Engine, inSlices, SMALL_BYTES } from "../base/mod.ts";
import {
  type GenerationForm,
  hasKvFields,
  originalBody,
  readingGeneration,
} from "../disagg/mod.ts";
import { direct, generate, withPrompt } from "../flow/mod.ts";
import {
  type ApiRequest,
  fieldOf,
  parseRequest,
  parsingRequest,
  priorityOf,
  type RequestOptions,
} from "../openai/mod.ts";
import type { Answer, AnswerKind } from "../request/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { invokedBy } from "./invocations.ts";
import { pathWithQuery, pickedEngine } from "./picked_engine.ts";
import { receiveJson } from "./receive.ts";
import { routeWishOf } from "./route_wish.ts";
import { servedModel } from "./served_model.ts";

/** Answer a request for text, by a handoff where that is configured. */
export async function generation(
  deps: HttpDeps,
  call: HttpCall,
  form: GenerationForm,
): Promise<Answer> {
  return generated(deps, call, form, await readRequest(deps, call, { streams: true }));
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
  if (handoff === undefined) return forward(deps, call, request, engine, { form });
  return await generate(handoff, call.context, {
    request: await inSlices(readingGeneration(form, request), deps.breather),
    path: pathWithQuery(call),
    sessionKey: sessionKeyOf(deps, call, request),
    engine,
    wish,
  });
}

/** How an endpoint of engines answers. */
export interface Passing {
  /** A field `stream` means something there. */
  readonly streams?: boolean;
  /**
   * What an answer is there.
   * @default events where they are asked for, else JSON
   */
  readonly answer?: AnswerKind | undefined;
}

/** Answer a request by one engine, untouched. */
export async function passOn(
  deps: HttpDeps,
  call: HttpCall,
  { streams = false, answer }: Passing = {},
): Promise<Answer> {
  const request = await readRequest(deps, call, { streams });
  call.context.trace.streams = request.stream;
  return await forward(deps, call, request, pickedEngine(deps, call, request.model), {
    answer,
  });
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

/** What is known of a request besides. */
export interface Forwarding extends Pick<Passing, "answer"> {
  /** Of one that generates text. */
  readonly form?: GenerationForm | undefined;
}

/** Have a request answered by one engine, its own or `engine`. */
export async function forward(
  deps: HttpDeps,
  call: HttpCall,
  request: ApiRequest,
  engine: Engine | undefined,
  { answer = answerTo(request), form }: Forwarding = {},
): Promise<Answer> {
  // Only a lookup of its prompt needs to know more of it.
  const read = form === undefined || deps.kvLookup === undefined || engine !== undefined
    ? request
    : await inSlices(readingGeneration(form, request), deps.breather);
  const told = withPrompt(deps, call.context, read);
  const context = told instanceof Promise ? await told : told;
  return direct(deps, context, {
    path: pathWithQuery(call),
    model: request.model,
    sessionKey: sessionKeyOf(deps, call, request),
    body: originalBody(request, undefined, deps.config.trustClientKvParams),
    stream: request.stream,
    priority: () => priorityOf(request.body),
    answer,
    ...(engine === undefined ? {} : { engine }),
  });
}

/** Encodings of vLLM's embeddings whose answers are numbers and no JSON. */
const BYTE_ENCODINGS: ReadonlySet<unknown> = new Set(["bytes", "bytes_only"]);

function answerTo({ body, stream }: ApiRequest): AnswerKind {
  if (stream) return "events";
  return BYTE_ENCODINGS.has(fieldOf(body, "encoding_format")) ? "any" : "json";
}

/** The request, its alias resolved and its model known to be served. */
export async function readRequest(
  deps: HttpDeps,
  call: HttpCall,
  { streams, soleModel: picked }: RequestOptions,
): Promise<ApiRequest> {
  const received = receiveJson(deps, call);
  // What is small is read at once: each wait for what is there already costs as much.
  const bytes = received instanceof Uint8Array ? received : await received;
  const soleModel = picked ?? deps.fleet.snapshot().soleModel;
  const options = { soleModel, streams: streams === true };
  const parsed = bytes.length <= SMALL_BYTES
    ? parseRequest(bytes, options)
    : await inSlices(parsingRequest(bytes, options), deps.breather);
  const served = servedModel(deps, call, { asked: parsed.model, body: parsed.body });
  const model = typeof served === "string" ? served : await served;
  if (!deps.config.trustClientKvParams && hasKvFields(parsed.body)) {
    deps.metrics.count("pd_router_client_kv_params_total", { endpoint: call.path });
  }
  return { ...parsed, model };
}

function sessionKeyOf(deps: HttpDeps, call: HttpCall, request: ApiRequest): string | undefined {
  const { routing } = deps.config;
  if (routing.sessionKey === undefined) return undefined;
  if (call.context.sessionId !== undefined) return call.context.sessionId;
  const value = fieldOf(request.body, routing.sessionKey);
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

/** What every inference endpoint has around it: body, model, faults, errors. @module */
import { ApiError, badRequest, errorBody, unknownModel } from "./api_error.ts";
import { ClientGone, type EngineCore, pause } from "./core.ts";
import { appliesTo, strikes, strikesAt } from "./faults.ts";
import { type HttpReply, JSON_TYPE } from "./http_reply.ts";
import type { HttpRequest } from "./http_server.ts";
import { isRecord, type JsonObject } from "./json.ts";
import { untilAborted } from "./sse_stream.ts";

/** One parsed call of an endpoint. */
export interface Call {
  readonly core: EngineCore;
  readonly request: HttpRequest;
  readonly reply: HttpReply;
  readonly body: JsonObject;
  /** The model's name as the request gives it, or the first one served. */
  readonly model: string;
}

/** Answers a call; throws ApiError for a refusal. */
export type Endpoint = (call: Call) => Promise<void>;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Run an endpoint that takes a JSON body, with faults if `faulty`. */
export async function callEndpoint(
  core: EngineCore,
  request: HttpRequest,
  reply: HttpReply,
  endpoint: Endpoint,
  faulty: boolean,
): Promise<void> {
  try {
    if (faulty && await spoil(core, request, reply)) return;
    if (faulty && appliesTo(core.faults, request.path)) reply.cutting = core.faults.splitBytes;
    const body = parseBody(request);
    const model = modelOf(core, body);
    await endpoint({ core, request, reply, body, model });
  } catch (error) {
    if (error instanceof ClientGone) {
      reply.cut();
    } else if (error instanceof ApiError) {
      await refuse(core, reply, error);
    } else {
      throw error;
    }
  }
}

/** Send the whole answer of a call that succeeded, unless a fault loses it. */
export async function answer(call: Call, json: string): Promise<void> {
  const { core, reply, request } = call;
  const { faults, random, stats } = core;
  if (strikesAt(faults, request.path, "loseAnswer", random)) {
    stats.add("connectionsCut");
    reply.cut();
  } else if (strikesAt(faults, request.path, "cutAnswer", random)) {
    stats.add("connectionsCut");
    await reply.sendHalf(200, JSON_TYPE, json);
  } else {
    await reply.json(200, json);
  }
}

/** Send an error answer and count it. */
export async function refuse(core: EngineCore, reply: HttpReply, error: ApiError): Promise<void> {
  core.stats.add(error.status < 500 ? "badRequests" : "errorAnswers");
  if (reply.started) reply.cut();
  else await reply.json(error.status, errorBody(error));
}

/** The body as an object. Throws the 400 or 415 of vLLM's validation. */
function parseBody(request: HttpRequest): JsonObject {
  const type = request.headers.get("content-type") ?? "";
  if (type !== "" && !type.toLowerCase().startsWith(JSON_TYPE)) {
    throw new ApiError(415, "Unsupported Media Type", "Only 'application/json' is allowed");
  }
  let body: unknown;
  try {
    body = JSON.parse(utf8.decode(request.body));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ApiError(400, "Bad Request", `JSON decode error: ${reason}`);
  }
  if (!isRecord(body)) {
    throw new ApiError(400, "Bad Request", "Input should be a valid dictionary");
  }
  return body;
}

function modelOf(core: EngineCore, body: JsonObject): string {
  const { models } = core.options;
  const model = body["model"];
  if (model === undefined || model === null) return models[0] ?? "";
  if (typeof model !== "string") throw badRequest("model: Input should be a valid string", "model");
  if (!models.includes(model)) throw unknownModel(model);
  return model;
}

/** Let the faults of answers strike; true when one has, and nothing more is to be done. */
async function spoil(core: EngineCore, request: HttpRequest, reply: HttpReply): Promise<boolean> {
  const { faults, random, stats } = core;
  if (!appliesTo(faults, request.path)) return false;
  if (strikes(faults, "dieBeforeAnswer", random)) {
    stats.add("connectionsCut");
    reply.cut();
    return true;
  }
  if (strikes(faults, "hangBeforeHead", random)) {
    await untilAborted(request.signal);
    throw new ClientGone("The client has left");
  }
  if (strikes(faults, "errorAnswer", random)) {
    const status = faults.errorStatus;
    const type = status < 500 ? "BadRequestError" : "InternalServerError";
    await refuse(core, reply, new ApiError(status, type, `Simulated fault: status ${status}`));
    return true;
  }
  if (strikes(faults, "badJson", random)) {
    await reply.json(200, '{"id": "cmpl-broken", "choices": [{"text": "unfini');
    return true;
  }
  return false;
}

/** The request's id: the client's `X-Request-Id`, the body's, or a random one without dashes. */
export function requestIdOf(call: Call): string {
  const given = call.request.headers.get("x-request-id");
  if (given !== undefined && given !== "") return given;
  const inBody = call.body["request_id"];
  return typeof inBody === "string" && inBody !== ""
    ? inBody
    : call.core.random.uuid().replaceAll("-", "");
}

/** Whole seconds since 1970, for `created`. */
export function createdAt(core: EngineCore): number {
  return Math.floor(core.clock.unixMs() / 1000);
}

/** Wait a time that a client's leaving ends. */
export function wait(call: Call, ms: number): Promise<void> {
  return pause(call.core, ms, call.request.signal);
}

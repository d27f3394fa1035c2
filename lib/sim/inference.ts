/** What every inference endpoint has around it: body, model, faults, errors. @module */
import { anthropicErrorBody, ApiError, errorBody, unknownModel } from "./api_error.ts";
import { ClientGone, type EngineCore, pause, servedModels } from "./core.ts";
import { engineDead } from "./engine_life.ts";
import { appliesTo, strikes, strikesAt } from "./faults.ts";
import { type HttpReply, JSON_TYPE } from "./http_reply.ts";
import type { HttpRequest } from "./http_server.ts";
import { randomHex } from "./identity.ts";
import { isRecord, type JsonObject } from "./json.ts";
import { jsonProblem } from "./json_problem.ts";
import { untilAborted } from "./sse_stream.ts";
import { invalidBody, invalidField, missingField, wrongMediaType } from "./validation.ts";

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

/** The fields of a request's body. Throws ApiError for what is none. */
export type ReadFields = (request: HttpRequest) => JsonObject;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Run an endpoint, with faults if `faulty`; its body is JSON unless `read` takes another. */
export async function callEndpoint(
  core: EngineCore,
  request: HttpRequest,
  reply: HttpReply,
  endpoint: Endpoint,
  faulty: boolean,
  read: ReadFields = parseBody,
): Promise<void> {
  try {
    if (faulty && await spoil(core, request, reply)) return;
    if (faulty && appliesTo(core.faults, request.path)) reply.cutting = core.faults.splitBytes;
    const body = read(request);
    const model = modelOf(core, body);
    await endpoint({ core, request, reply, body, model });
  } catch (error) {
    if (error instanceof ClientGone) {
      if (core.life.dead) await failDead(core, request, reply);
      else reply.cut();
    } else if (error instanceof ApiError) {
      await refuse(core, reply, error, errorForm(request, error));
    } else {
      throw error;
    }
  }
}

/** What a request that was running gets when the engine core ends. */
async function failDead(core: EngineCore, request: HttpRequest, reply: HttpReply): Promise<void> {
  const error = engineDead();
  if (!reply.started) {
    await refuse(core, reply, error, errorForm(request, error));
    return;
  }
  core.stats.add("errorAnswers");
  await reply.write(
    `data: {"error": {"message": "${error.message}", "type": "${error.type}", "param": null, ` +
      `"code": ${error.status}}}\n\ndata: [DONE]\n\n`,
  );
  await reply.end();
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
export async function refuse(
  core: EngineCore,
  reply: HttpReply,
  error: ApiError,
  form: (error: ApiError) => string = errorBody,
): Promise<void> {
  core.stats.add(error.status < 500 ? "badRequests" : "errorAnswers");
  if (reply.started) reply.cut();
  else await reply.json(error.status, form(error));
}

/** Complaints about a body's form come from FastAPI, whatever the endpoint. */
function errorForm(request: HttpRequest, error: ApiError): (error: ApiError) => string {
  const isForm = error.type === "Bad Request";
  return request.path.startsWith("/v1/messages") && !isForm ? anthropicErrorBody : errorBody;
}

/** The body as an object. Throws the 400 of vLLM's validation. */
function parseBody(request: HttpRequest): JsonObject {
  const type = request.headers.get("content-type") ?? "";
  if (type !== "" && !type.toLowerCase().startsWith(JSON_TYPE)) throw wrongMediaType();
  if (request.body.length === 0) throw missingField("", undefined);
  const text = utf8.decode(request.body);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { at, reason } = jsonProblem(text);
    throw invalidBody([{
      type: "json_invalid",
      at: String(at),
      message: "JSON decode error",
      input: {},
      context: `'error': '${reason}'`,
    }]);
  }
  if (body === null) throw missingField("", undefined);
  if (!isRecord(body)) {
    const message = "Input should be a valid dictionary or object to extract fields from";
    throw invalidField("model_attributes_type", "", message, body);
  }
  return body;
}

function modelOf(core: EngineCore, body: JsonObject): string {
  const models = servedModels(core);
  const model = body["model"];
  if (model === undefined || model === null) return models[0] ?? "";
  if (typeof model !== "string") {
    throw invalidField("string_type", "model", "Input should be a valid string", model);
  }
  if (!models.includes(model)) throw unknownModel(model, models);
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

/** The request's id: the client's `X-Request-Id`, the body's, or a random one. */
export function requestIdOf(call: Call): string {
  const given = call.request.headers.get("x-request-id");
  if (given !== undefined && given !== "") return given;
  const inBody = call.body["request_id"];
  return typeof inBody === "string" && inBody !== "" ? inBody : randomHex(call.core.random);
}

/** Whole seconds since 1970, for `created`. */
export function createdAt(core: EngineCore): number {
  return Math.floor(core.clock.unixMs() / 1000);
}

/** Wait a time that a client's leaving ends. */
export function wait(call: Call, ms: number): Promise<void> {
  return pause(call.core, ms, call.request.signal);
}

/** Which path is answered by what. @module */
import { sleep as elapse } from "../base/mod.ts";
import { loadAdapter, unloadAdapter } from "./adapters.ts";
import { adminFaults, adminReset, adminStats } from "./admin.ts";
import { ApiError } from "./api_error.ts";
import { chat } from "./chat.ts";
import { classify, pooling } from "./classify.ts";
import { completions } from "./completions.ts";
import {
  type ControlHandler,
  health,
  isSleeping,
  listModels,
  load,
  metrics,
  sleep,
  type SleepState,
  tokenizerInfo,
  version,
  voices,
  wakeUp,
} from "./control.ts";
import type { EngineCore } from "./core.ts";
import { engineDead } from "./engine_life.ts";
import { strikes } from "./faults.ts";
import type { HttpReply } from "./http_reply.ts";
import type { HttpHandler, HttpRequest } from "./http_server.ts";
import { formFields } from "./form_data.ts";
import { callEndpoint, type Endpoint, type ReadFields, refuse } from "./inference.ts";
import { images, speech, transcriptions } from "./media.ts";
import { countTokens, messages } from "./messages.ts";
import { embeddings, rerank, score } from "./pooling.ts";
import { renderChatRequest, renderCompletion } from "./render.ts";
import { responses, unknownResponse } from "./responses.ts";
import { untilAborted } from "./sse_stream.ts";
import { detokenize, tokenize } from "./tokenize.ts";

type Route =
  | {
    readonly method: "POST";
    readonly kind: "inference" | "tool" | "scale-out";
    readonly endpoint: Endpoint;
    /** Absent for JSON. */
    readonly read?: ReadFields;
  }
  | {
    readonly method: "GET" | "POST";
    readonly kind: "control" | "admin";
    readonly handler: ControlHandler;
  };

/** An endpoint of vLLM's that this engine knows of and does not have. */
const notSimulated: Endpoint = () => {
  const problem = "The simulated engine has no such endpoint";
  return Promise.reject(new ApiError(501, "NotImplementedError", problem));
};

function inference(endpoint: Endpoint): Route {
  return { method: "POST", kind: "inference", endpoint };
}

/** An inference endpoint that takes a form. */
function form(endpoint: Endpoint): Route {
  return { method: "POST", kind: "inference", endpoint, read: formFields };
}

function tool(endpoint: Endpoint): Route {
  return { method: "POST", kind: "tool", endpoint };
}

function scaleOut(endpoint: Endpoint): Route {
  return { method: "POST", kind: "scale-out", endpoint };
}

function control(method: "GET" | "POST", handler: ControlHandler): Route {
  return { method, kind: "control", handler };
}

function admin(method: "GET" | "POST", handler: ControlHandler): Route {
  return { method, kind: "admin", handler };
}

const ROUTES: ReadonlyMap<string, Route> = new Map([
  ["/v1/completions", inference(completions)],
  ["/v1/chat/completions", inference(chat)],
  ["/v1/responses", inference(responses)],
  ["/v1/messages", inference(messages)],
  ["/v1/messages/count_tokens", tool(countTokens)],
  ["/v1/embeddings", inference(embeddings)],
  ["/v1/rerank", inference(rerank)],
  ["/rerank", inference(rerank)],
  ["/v1/score", inference(score)],
  ["/score", inference(score)],
  ["/pooling", inference(pooling)],
  ["/classify", inference(classify)],
  ["/v1/audio/transcriptions", form(transcriptions)],
  ["/v1/audio/translations", form(transcriptions)],
  ["/v1/audio/speech", inference(speech)],
  ["/v1/images/generations", inference(images)],
  ["/v1/images/edits", form(images)],
  ["/v1/completions/render", scaleOut(renderCompletion)],
  ["/v1/chat/completions/render", scaleOut(renderChatRequest)],
  ["/v1/completions/derender", scaleOut(notSimulated)],
  ["/v1/chat/completions/derender", scaleOut(notSimulated)],
  ["/inference/v1/generate", scaleOut(notSimulated)],
  ["/tokenize", tool(tokenize)],
  ["/detokenize", tool(detokenize)],
  ["/v1/load_lora_adapter", tool(loadAdapter)],
  ["/v1/unload_lora_adapter", tool(unloadAdapter)],
  ["/v1/audio/voices", control("GET", voices)],
  ["/tokenizer_info", control("GET", tokenizerInfo)],
  ["/v1/models", control("GET", listModels)],
  ["/health", control("GET", health)],
  ["/ping", control("GET", health)],
  ["/version", control("GET", version)],
  ["/load", control("GET", load)],
  ["/metrics", control("GET", metrics)],
  ["/sleep", control("POST", sleep)],
  ["/wake_up", control("POST", wakeUp)],
  ["/is_sleeping", control("GET", isSleeping)],
  ["/sim/stats", admin("GET", adminStats)],
  ["/sim/faults", admin("POST", adminFaults)],
  ["/sim/reset", admin("POST", adminReset)],
]);

/** Type of the refusals that come from the web framework, in a form of their own. */
const FRAMEWORK = "framework";

function detailBody({ message }: ApiError): string {
  return JSON.stringify({ detail: message });
}

/** The engine's HTTP side. */
export function createHandler(core: EngineCore): HttpHandler {
  const sleeping: SleepState = { level: undefined };
  return async (request, reply) => {
    const route = ROUTES.get(request.path);
    if (route?.kind !== "admin") core.stats.see(request);
    core.log.debug(`${request.method} ${request.path}`, () => ({
      id: request.headers.get("x-request-id"),
    }));
    if (route?.kind !== "admin" && strikes(core.faults, "frozen", core.random)) {
      await thawed(core, request.signal);
      if (request.signal.aborted) return reply.cut();
    }
    const problem = refusalOf(core, request, route, sleeping);
    if (problem !== undefined) {
      if (problem.status === 405) reply.headers.push(["allow", route?.method ?? "POST"]);
      await refuse(core, reply, problem, problem.type === FRAMEWORK ? detailBody : undefined);
    } else if (route !== undefined) {
      await run(core, route, request, reply, sleeping);
    }
  };
}

/** How often a frozen engine looks whether it goes on, in milliseconds. */
const LOOK_MS = 20;

/** Resolves when the engine goes on, as one that is continued does, or its client has gone. */
async function thawed(core: EngineCore, signal: AbortSignal): Promise<void> {
  // Frozen for so many requests, it never answers these.
  if (core.faults.frozen !== true) return await untilAborted(signal);
  while (core.faults.frozen === true && !signal.aborted) await elapse(core.clock, LOOK_MS, signal);
}

async function run(
  core: EngineCore,
  route: Route,
  request: HttpRequest,
  reply: HttpReply,
  sleeping: SleepState,
): Promise<void> {
  if ("handler" in route) {
    await route.handler(core, request, reply, sleeping);
    return;
  }
  const { paths } = core.faults;
  const faulty = route.kind === "inference" || paths.includes(request.path);
  await callEndpoint(core, request, reply, route.endpoint, faulty, route.read);
}

function refusalOf(
  core: EngineCore,
  request: HttpRequest,
  route: Route | undefined,
  sleeping: SleepState,
): ApiError | undefined {
  const stored = /^\/v1\/responses\/([^/]+)$/.exec(request.path)?.[1];
  if (stored !== undefined) return unknownResponse(stored);
  if (route === undefined) return new ApiError(404, FRAMEWORK, "Not Found");
  const { method } = request;
  if (method !== route.method && !(method === "POST" && request.path === "/ping")) {
    return new ApiError(405, FRAMEWORK, "Method Not Allowed");
  }
  const { apiKey } = core.options;
  if (apiKey !== undefined && request.path.startsWith("/v1")) {
    if (request.headers.get("authorization") !== `Bearer ${apiKey}`) {
      return new ApiError(401, "Unauthorized", "Unauthorized");
    }
  }
  if (route.kind === "scale-out" && !core.options.scaleOut) {
    return new ApiError(
      403,
      "PermissionDeniedError",
      "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.",
    );
  }
  if (route.kind === "inference" && core.life.dead) return engineDead();
  if (route.kind === "inference" && sleeping.level !== undefined) {
    return new ApiError(503, "ServiceUnavailableError", "The engine is sleeping");
  }
  return undefined;
}

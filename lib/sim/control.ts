/** Endpoints besides inference: models, health, version, load, sleep. @module */
import { ApiError } from "./api_error.ts";
import { type EngineCore, servedModels } from "./core.ts";
import { strikes } from "./faults.ts";
import { type HttpReply, JSON_TYPE } from "./http_reply.ts";
import type { HttpRequest } from "./http_server.ts";
import { refuse } from "./inference.ts";
import { metricsText } from "./metrics.ts";
import { randomHex, VLLM_VERSION } from "./identity.ts";

/** The version the engine reports: that of the vLLM whose answers it gives. */
const SIM_VERSION = `${VLLM_VERSION}+sim`;

/** Whether the engine sleeps, and how deeply. */
export interface SleepState {
  level: number | undefined;
}

/** Answer a request that needs no JSON body. */
export type ControlHandler = (
  core: EngineCore,
  request: HttpRequest,
  reply: HttpReply,
  sleeping: SleepState,
) => Promise<void>;

/** `GET /v1/models`: the first model is the base, the others count as its adapters. */
export const listModels: ControlHandler = (core, _request, reply) => {
  const { maxModelLen } = core.options;
  const models = servedModels(core);
  const [base] = models;
  const created = Math.floor(core.clock.unixMs() / 1000);
  const data = models.map((id, index) => ({
    id,
    object: "model",
    created,
    owned_by: "vllm",
    root: index === 0 ? id : core.adapters.get(id) ?? `/adapters/${id}`,
    parent: index === 0 ? null : base,
    max_model_len: index === 0 ? maxModelLen : null,
    permission: [{
      id: `modelperm-${randomHex(core.random)}`,
      object: "model_permission",
      created,
      allow_create_engine: false,
      allow_sampling: true,
      allow_logprobs: true,
      allow_search_indices: false,
      allow_view: true,
      allow_fine_tuning: false,
      organization: "*",
      group: null,
      is_blocking: false,
    }],
  }));
  return reply.json(200, JSON.stringify({ object: "list", data }));
};

/** `GET /health`, `/ping`: empty 200, or 503 by fault and once the engine core has ended. */
export const health: ControlHandler = async (core, _request, reply) => {
  if (core.life.dead || strikes(core.faults, "unhealthy", core.random)) {
    await reply.send(503, "", "");
  } else await reply.send(200, "", "");
};

/** `GET /version`. */
export const version: ControlHandler = ({ options }, _request, reply) =>
  reply.json(200, JSON.stringify({ version: options.vllmVersion ?? SIM_VERSION }));

/** `GET /tokenizer_info`. */
export const tokenizerInfo: ControlHandler = (core, _request, reply) =>
  reply.json(
    200,
    JSON.stringify({
      tokenizer_class: "SimTokenizer",
      model_max_length: core.options.maxModelLen,
    }),
  );

/** `GET /v1/audio/voices`. */
export const voices: ControlHandler = (_core, _request, reply) =>
  reply.json(200, JSON.stringify({ voices: ["alto", "bass"] }));

/** `GET /load`. */
export const load: ControlHandler = (core, _request, reply) =>
  reply.json(200, JSON.stringify({ server_load: core.stats.runningNow }));

/** `GET /metrics`. */
export const metrics: ControlHandler = (core, _request, reply) =>
  reply.send(200, "text/plain; version=1.0.0; charset=utf-8", metricsText(core));

/** `POST /sleep?level=`. */
export const sleep: ControlHandler = async (core, request, reply, sleeping) => {
  const level = Number(new URLSearchParams(request.query).get("level") ?? "1");
  if (level !== 0 && level !== 1 && level !== 2) {
    await refuse(core, reply, new ApiError(400, "BadRequestError", `Bad sleep level ${level}`));
    return;
  }
  sleeping.level = level;
  await reply.send(200, "", "");
};

/** `POST /wake_up`. */
export const wakeUp: ControlHandler = async (_core, _request, reply, sleeping) => {
  sleeping.level = undefined;
  await reply.send(200, "", "");
};

/** `GET /is_sleeping`. */
export const isSleeping: ControlHandler = (_core, _request, reply, sleeping) =>
  reply.send(200, JSON_TYPE, JSON.stringify({ is_sleeping: sleeping.level !== undefined }));

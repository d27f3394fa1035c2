/** LoRA adapters, loaded and unloaded at every engine of their base model at once. @module */
import { decodeUtf8, encodeUtf8, type Engine, jsonOf, recordOf, RouterError } from "../base/mod.ts";
import { errorBodyOf, errorMessageOf } from "../openai/mod.ts";
import type { Answer } from "../request/mod.ts";
import { readJsonBody } from "./body.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { adapterControl, requireAll } from "./controlled.ts";
import { pathWithQuery } from "./picked_engine.ts";
import { receive } from "./receive.ts";
import { jsonAnswer } from "./respond.ts";

/** What becomes of an adapter. */
export type AdapterChange = "load" | "unload";

/** Engines that are told at a time. */
const AT_ONCE = 32;

/** Longest text of an engine's that is told, in characters. */
const MAX_TEXT = 500;

/** What one engine made of it. */
interface Told {
  readonly engine: Engine;
  /** Of its answer; undefined where it gave none. */
  readonly status: number | undefined;
  readonly message: string;
}

/**
 * `POST /v1/load_lora_adapter` and `/v1/unload_lora_adapter`: vLLM's body, and `model` for the base model
 * where the engines serve several. The adapter is known when this has answered.
 */
export async function changeAdapter(
  deps: HttpDeps,
  call: HttpCall,
  change: AdapterChange,
): Promise<Answer> {
  const control = adapterControl(deps, call);
  const { model, ...asked } = await readAsked(deps, call, change);
  const engines = change === "unload" && model === undefined
    ? enginesWith(deps, asked.lora_name)
    : enginesOf(deps, model);
  requireAll(call, engines.flatMap(({ models }) => models));
  const body = [encodeUtf8(JSON.stringify(asked))];
  const { signal, headers } = call.context;
  const sent = headers.filter(([name]) => name !== "content-type");
  const ask = {
    method: "POST",
    path: pathWithQuery(call),
    headers: [...sent, ["content-type", "application/json"]],
    body,
    signal,
  } as const;
  const tellOne = async (engine: Engine): Promise<Told> => {
    if (isAsleep(deps, engine)) return { engine, status: undefined, message: "sleeps" };
    try {
      const answer = await control.tell(engine, ask);
      return { engine, status: answer.status, message: textOf(answer.body) };
    } catch (error) {
      if (!(error instanceof RouterError) || signal.aborted) throw error;
      return { engine, status: undefined, message: deps.names.told(error).message };
    }
  };
  const told: Told[] = [];
  for (let at = 0; at < engines.length; at += AT_ONCE) {
    told.push(...await Promise.all(engines.slice(at, at + AT_ONCE).map(tellOne)));
  }
  await control.learn(engines, signal);
  return answerOf(deps, asked.lora_name, change, told);
}

interface Asked {
  readonly lora_name: string;
  readonly model?: string;
  readonly [field: string]: unknown;
}

async function readAsked(deps: HttpDeps, call: HttpCall, change: AdapterChange): Promise<Asked> {
  const body = recordOf(jsonOf(await receive(deps, call, readJsonBody)));
  if (body === undefined) {
    throw new RouterError("bad-request", "The request body is not a JSON object");
  }
  const { lora_name: name, model, ...more } = body;
  const wanted = change === "load" ? { lora_name: name, lora_path: more["lora_path"] } : {
    lora_name: name,
  };
  for (const [field, value] of Object.entries({ ...wanted, model: model ?? "any" })) {
    if (typeof value === "string" && value !== "") continue;
    const message = `Field '${field}' must be a non-empty string`;
    throw new RouterError("bad-request", message, { param: field });
  }
  const base = typeof model === "string" ? deps.config.aliases.get(model) ?? model : undefined;
  return {
    lora_name: String(name),
    ...more,
    ...(base === undefined ? {} : { model: base }),
  };
}

/** The engines that serve `model`, or, where none is named, the only base model there is. */
function enginesOf({ fleet }: HttpDeps, model: string | undefined): readonly Engine[] {
  const entries = fleet.snapshot().entries.filter(({ cards }) => cards.length > 0);
  if (model !== undefined) {
    const serving = entries.filter(({ engine }) => engine.models.includes(model));
    if (serving.length > 0) return serving.map(({ engine }) => engine);
    throw new RouterError("unknown-model", `No engine serves model '${model}'`, { param: "model" });
  }
  const bases = entries.map(({ cards }) =>
    cards.filter(({ parent }) => typeof parent !== "string").map(({ id }) => id).sort().join("\n")
  );
  if (entries.length === 0) throw new RouterError("no-engine", "No engine serves any model");
  if (new Set(bases).size > 1) {
    const message = "Missing field 'model': the engines serve several models, name the base model";
    throw new RouterError("bad-request", message, { param: "model" });
  }
  return entries.map(({ engine }) => engine);
}

function enginesWith({ fleet }: HttpDeps, adapter: string): readonly Engine[] {
  const found = fleet.snapshot().engines.filter(({ models }) => models.includes(adapter));
  if (found.length > 0) return found;
  throw new RouterError("unknown-model", `No engine serves the adapter '${adapter}'`, {
    param: "lora_name",
  });
}

function isAsleep({ fleet }: HttpDeps, { id }: Engine): boolean {
  return fleet.snapshot().entries.some(({ engine, asleep }) => engine.id === id && asleep === true);
}

/** What an engine says: a JSON text, an error, or words. */
function textOf(body: Uint8Array): string {
  const value = jsonOf(body);
  const text = typeof value === "string" ? value : errorMessageOf(value) ?? decodeUtf8(body);
  return text.slice(0, MAX_TEXT);
}

function answerOf(
  { names }: HttpDeps,
  adapter: string,
  change: AdapterChange,
  told: readonly Told[],
): Answer {
  const results = told.map(({ engine, status, message }) => ({
    engine_id: names.of(engine),
    status: status ?? null,
    message,
  }));
  const failed = told.filter(({ status }) => status === undefined || status >= 300);
  if (failed.length === 0) return jsonAnswer(200, { lora_name: adapter, results });
  const reasons = failed.map(({ engine, message }) => `${names.of(engine)}: ${message}`);
  const message = `${failed.length} of ${told.length} engines did not ${change} the adapter ` +
    `'${adapter}': ${reasons.join("; ")}`;
  const [status, another] = new Set(told.map((each) => each.status));
  // Where all refuse it alike, it is the request that is wrong.
  const isRefused = another === undefined && status !== undefined && status >= 400 && status < 500;
  const { error } = errorBodyOf(
    new RouterError(isRefused ? "bad-request" : "upstream-protocol", message),
  );
  const code = isRefused ? status : 502;
  return jsonAnswer(code, { error: { ...error, code }, results });
}

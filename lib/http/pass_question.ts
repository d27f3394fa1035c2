/** Endpoints of engines that are asked without a body: what a model's engine can tell of it. @module */
import { encodeUtf8 } from "../base/mod.ts";
import { direct } from "../flow/mod.ts";
import { JsonObject } from "../openai/mod.ts";
import type { Answer } from "../request/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import type { Passing } from "./inference.ts";
import { pathWithQuery, pickedEngine, queryOf } from "./picked_engine.ts";
import { namedModel, servedModel } from "./served_model.ts";

/** Nothing that takes work. */
export const NOTHING_ASKED = new JsonObject(encodeUtf8("{}"));

/**
 * Answer a question by the engine of `?id=`, or by one of the model that `?model=` names, or of the only
 * one there is.
 */
export async function passQuestion(
  deps: HttpDeps,
  call: HttpCall,
  { answer = "json" }: Pick<Passing, "answer"> = {},
): Promise<Answer> {
  const query = queryOf(call);
  const named = query.get("model") ?? undefined;
  const picked = named === undefined ? pickedEngine(deps, call, undefined) : undefined;
  const asked = picked?.models[0] ?? namedModel(deps, named);
  const model = await servedModel(deps, call, { asked, body: NOTHING_ASKED });
  const engine = picked ?? pickedEngine(deps, call, model);
  if (named !== undefined && named !== model) query.set("model", model);
  const asks = query.get("model") === (named ?? null) ? call : { ...call, query: `?${query}` };
  return await direct(deps, call.context, {
    method: "GET",
    path: pathWithQuery(asks),
    model,
    stream: false,
    answer,
    ...(engine === undefined ? {} : { engine }),
  });
}

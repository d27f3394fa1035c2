/** Paths of engines that the router knows nothing of, and is told to pass on. @module */
import { direct } from "../flow/mod.ts";
import type { Answer } from "../request/mod.ts";
import { readBody } from "./body.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { forward, readRequest } from "./inference.ts";
import { isForm } from "./multipart.ts";
import { passForm } from "./pass_form.ts";
import { NOTHING_ASKED, passQuestion } from "./pass_question.ts";
import { pathWithQuery, pickedEngine, queryOf } from "./picked_engine.ts";
import { receive } from "./receive.ts";
import { namedModel, servedModel } from "./served_model.ts";

/** Whatever the engine says. */
const ANY = { answer: "any" } as const;

/**
 * Answer by the engine of `?id=`; else by one of the model that the body names, or `?model=`, or of the only
 * one. Bodies go on as they are, but for aliases, KV fields of clients, and a model that JSON does not name.
 */
export async function passThrough(deps: HttpDeps, call: HttpCall): Promise<Answer> {
  const { request: { method, headers, body } } = call;
  const asked = { ...call, path: encoded(call.path) };
  if (method !== "POST") return await passQuestion(deps, asked, ANY);
  const type = headers.get("content-type") ?? "";
  if (isForm(type)) return await passForm(deps, asked, ANY);
  const isJson = /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type);
  return isJson && body.length !== 0 ? await passJson(deps, asked) : await passBytes(deps, asked);
}

async function passJson(deps: HttpDeps, call: HttpCall): Promise<Answer> {
  const soleModel = pickedEngine(deps, call, undefined)?.models[0];
  const request = await readRequest(deps, call, {
    streams: true,
    ...(soleModel === undefined ? {} : { soleModel }),
  });
  call.context.trace.streams = request.stream;
  return await forward(deps, call, request, pickedEngine(deps, call, request.model), {
    answer: "any",
  });
}

async function passBytes(deps: HttpDeps, call: HttpCall): Promise<Answer> {
  const bytes = await receive(deps, call, readBody);
  const named = queryOf(call).get("model") ?? undefined;
  const picked = pickedEngine(deps, call, undefined)?.models[0];
  const asked = namedModel(deps, named ?? picked);
  const model = await servedModel(deps, call, { asked, body: NOTHING_ASKED });
  const engine = pickedEngine(deps, call, model);
  return await direct(deps, call.context, {
    path: pathWithQuery(call),
    model,
    ...(bytes.length === 0 ? {} : { body: [bytes] }),
    stream: false,
    ...ANY,
    ...(engine === undefined ? {} : { engine }),
  });
}

/** A path as it is sent: nothing in it is taken for anything else. */
function encoded(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

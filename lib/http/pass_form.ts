/** Endpoints of engines that take a form: audio to be written down, images to be changed. @module */
import { inSlices, RouterError } from "../base/mod.ts";
import { direct } from "../flow/mod.ts";
import { laxBool } from "../openai/mod.ts";
import type { Answer } from "../request/mod.ts";
import { readBody } from "./body.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { Form } from "./form.ts";
import type { Passing } from "./inference.ts";
import { pathWithQuery, pickedEngine } from "./picked_engine.ts";
import { receive } from "./receive.ts";
import { namedModel, servedModel } from "./served_model.ts";

/** Answer a form by one engine, untouched but for an alias of its model. */
export async function passForm(
  deps: HttpDeps,
  call: HttpCall,
  { answer = "json" }: Pick<Passing, "answer"> = {},
): Promise<Answer> {
  const { request, context } = call;
  const bytes = await receive(deps, call, readBody);
  const type = request.headers.get("content-type") ?? "";
  const form = await inSlices(Form.reading(bytes, type), deps.breather);
  const asked = namedModel(deps, form.text("model"));
  const model = await servedModel(deps, call, { asked, body: form.prompts() });
  const stream = context.trace.streams = streamIn(form);
  const engine = pickedEngine(deps, call, model);
  const { sessionKey: key } = deps.config.routing;
  return await direct(deps, context, {
    path: pathWithQuery(call),
    model,
    sessionKey: key === undefined ? undefined : context.sessionId ?? form.text(key),
    body: model === asked ? form.whole : form.with("model", model),
    stream,
    answer: stream && answer !== "any" ? "events" : answer,
    ...(engine === undefined ? {} : { engine }),
  });
}

function streamIn(form: Form): boolean {
  const text = form.text("stream") ?? "";
  const stream = text === "" ? false : laxBool(text);
  if (stream !== undefined) return stream;
  const found = JSON.stringify(text.slice(0, 200));
  throw new RouterError("bad-request", `Field 'stream' must be true or false, received ${found}`, {
    param: "stream",
  });
}

/** The engine that a client picks by `?id=`, and the query without that. @module */
import { type Engine, RouterError } from "../base/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";

/** Endpoints a prefill engine can serve too: they touch no KV. */
const WITHOUT_KV: ReadonlySet<string> = new Set([
  "/tokenize",
  "/detokenize",
  "/tokenizer_info",
  "/v1/messages/count_tokens",
]);

/**
 * The engine the client asked for; undefined when it asked for none. Without a `model`, whatever it
 * serves is meant. Throws `unknown-engine`, `unknown-model`, and `bad-request` for one that serves nothing.
 */
export function pickedEngine(
  deps: HttpDeps,
  call: HttpCall,
  model: string | undefined,
): Engine | undefined {
  if (call.query === "") return undefined;
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
  const entry = deps.fleet.snapshot().entries.find((each) => each.engine.id === engine.id);
  if (entry?.asleep === true) {
    throw new RouterError("no-engine", `Engine '${id}' sleeps`, { param: "id" });
  }
  if (model !== undefined && !engine.models.includes(model)) {
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

/** The query, taken apart. */
export function queryOf({ query }: Pick<HttpCall, "query">): URLSearchParams {
  return new URLSearchParams(query);
}

/** The path for the engine: the client's query stays, but for the router's own parameter. */
export function pathWithQuery(call: Pick<HttpCall, "path" | "query">): string {
  if (call.query === "") return call.path;
  const query = queryOf(call);
  if (!query.has("id")) return call.path + call.query;
  query.delete("id");
  return query.size === 0 ? call.path : `${call.path}?${query}`;
}

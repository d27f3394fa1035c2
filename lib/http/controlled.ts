/** Who may tell engines what to do, and which engine is meant. @module */
import { type Engine, RouterError } from "../base/mod.ts";
import type { EngineControl } from "../flow/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { queryOf } from "./picked_engine.ts";

/** What has engines serve other models. Throws `forbidden` where nobody is to. */
export function adapterControl(
  { control, config }: Pick<HttpDeps, "control" | "config">,
  { path }: HttpCall,
): EngineControl {
  if (config.control?.engines === true) return control;
  throw new RouterError(
    "forbidden",
    `'${path}' changes engines for all clients: the router allows it with --allow-engine-control`,
  );
}

/**
 * The engine of `?id=`. Throws `bad-request` when there is none, as the production-stack router answers,
 * and `forbidden` when the request's key may not use all of its models.
 */
export function namedEngine(deps: HttpDeps, call: HttpCall): Engine {
  const id = queryOf(call).get("id");
  const refused = (message: string): RouterError =>
    new RouterError("bad-request", message, { param: "id" });
  if (id === null) throw refused("Missing query parameter 'id': GET /engines lists the engines");
  const engine = deps.names.find(deps.fleet.snapshot(), id);
  if (engine === undefined) throw refused(`No engine has the id '${id}'; GET /engines lists them`);
  requireAll(call, engine.models);
  return engine;
}

/** Throws `forbidden` when the request's key may not use one of `models`. */
export function requireAll({ pass }: HttpCall, models: readonly string[]): void {
  const refused = models.find((model) => !pass.allows(model));
  if (refused === undefined) return;
  const message = `The key '${pass.key}' may not use the model '${refused}' of that engine`;
  throw new RouterError("forbidden", message);
}

/** The model that a request is for: its alias resolved, allowed, and known to be served. @module */
import { RouterError } from "../base/mod.ts";
import type { JsonObject } from "../openai/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";

/** What a request says of its model. */
export interface ModelWish {
  /** As the client names it. */
  readonly asked: string;
  /** What it asks of it. */
  readonly body: JsonObject;
}

/**
 * The model that is meant, at once; one that nobody serves is looked for. Throws `forbidden` and
 * `rate-limited` as the request's key says, and rejects with what `missingModel` is.
 */
export function servedModel(
  deps: HttpDeps,
  call: HttpCall,
  { asked, body }: ModelWish,
): string | Promise<string> {
  const model = deps.config.aliases.get(asked) ?? asked;
  call.context.trace.model = model;
  call.pass.use({ asked, model, body });
  countIncoming(deps, model);
  return deps.fleet.snapshot().serves(model) ? model : lookedFor(deps, call, asked, model);
}

async function lookedFor(
  deps: HttpDeps,
  call: HttpCall,
  asked: string,
  model: string,
): Promise<string> {
  if (asked !== "" && !sleeps(deps, model)) await deps.lookup?.look(model, call.context.signal);
  if (deps.fleet.snapshot().serves(model)) return model;
  throw missingModel(deps, shortened(asked), model);
}

/** Names that clients make up are one. */
function countIncoming({ fleet, metrics }: HttpDeps, name: string): void {
  const known = fleet.snapshot().serves(name) || fleet.hasSeen(name);
  const model = known ? metrics.modelLabel(name) : "unknown";
  metrics.count("vllm:num_incoming_requests_total", { model });
}

/** The model meant where a request that is no JSON names `named`. Throws `bad-request` where none is. */
export function namedModel({ fleet }: Pick<HttpDeps, "fleet">, named: string | undefined): string {
  // Engines take an empty name for none.
  const asked = named === undefined || named === "" ? fleet.snapshot().soleModel : named;
  if (asked !== undefined) return asked;
  throw new RouterError("bad-request", "Missing field 'model': name the model to use", {
    param: "model",
  });
}

/** A name that a client made up, for a message. */
function shortened(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 200)}...`;
}

/** Whether engines serve `model`, and all of them sleep. */
function sleeps({ fleet }: Pick<HttpDeps, "fleet">, model: string): boolean {
  const { entries } = fleet.snapshot();
  return entries.some(({ engine, asleep }) => asleep === true && engine.models.includes(model));
}

function missingModel(deps: HttpDeps, asked: string, model: string): RouterError {
  const { engines } = deps.fleet.snapshot();
  const what = asked === "" ? "any model" : `model '${asked}'`;
  if (sleeps(deps, model)) {
    return new RouterError("no-engine", `Every engine that serves ${what} sleeps`, {
      param: "model",
    });
  }
  if (deps.fleet.hasSeen(model)) {
    return new RouterError("no-engine", `No engine serves ${what} at the moment`, {
      param: "model",
    });
  }
  const silent = engines.filter((engine) => engine.models.length === 0);
  if (silent.length > 0 && silent.every((engine) => deps.keyRefusals?.has(engine))) {
    return new RouterError(
      "key-refused",
      `No engine serves ${what}: the engines refuse the router's key`,
      { param: "model" },
    );
  }
  if (silent.length > 0) {
    const names = silent.map((engine) => deps.names.exposed ? engine.url : deps.names.of(engine));
    const urls = names.join(", ");
    return new RouterError("no-engine", `No engine serves ${what}; not heard from yet: ${urls}`, {
      param: "model",
    });
  }
  if (asked === "") return new RouterError("no-engine", `No engine serves ${what}`);
  const known = [...new Set(engines.flatMap((engine) => engine.models))].sort();
  return new RouterError(
    "unknown-model",
    `The model '${asked}' does not exist; served are: ${known.join(", ") || "none"}`,
    { param: "model" },
  );
}

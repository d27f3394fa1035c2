/** The endpoints the router answers by itself. @module */
import { encodeUtf8, RouterError } from "../base/mod.ts";
import { type ModelCard, plainModelCard } from "../openai/mod.ts";
import type { Answer } from "../request/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { engineRows } from "./engine_rows.ts";
import { jsonAnswer } from "./respond.ts";

/**
 * `GET /v1/models`: the union over engines, the first card of an id wins; aliases after them. Of models
 * that the key may not use nothing is told.
 */
export function models(deps: HttpDeps, call: HttpCall): Answer {
  return jsonAnswer(200, { object: "list", data: [...modelCards(deps, call).values()] });
}

/** `GET /v1/models/{id}`. Throws `unknown-model`. */
export function model(deps: HttpDeps, call: HttpCall, id: string): Answer {
  const card = modelCards(deps, call).get(id);
  if (card !== undefined) return jsonAnswer(200, card);
  throw new RouterError("unknown-model", `The model '${id}' does not exist`, { param: "model" });
}

function modelCards(deps: HttpDeps, { pass }: HttpCall): ReadonlyMap<string, ModelCard> {
  const cards = new Map<string, ModelCard>();
  for (const { cards: served } of deps.fleet.snapshot().entries) {
    for (const card of served) if (!cards.has(card.id)) cards.set(card.id, card);
  }
  for (const card of deps.external?.cards ?? []) cards.set(card.id, card);
  for (const [alias, target] of deps.config.aliases) {
    const card = cards.get(target);
    if (card === undefined || cards.has(alias)) continue;
    const created = typeof card["created"] === "number" ? card["created"] : 0;
    cards.set(alias, { ...card, ...plainModelCard(alias, created, target) });
  }
  for (const id of cards.keys()) {
    if (!pass.allows(id, deps.config.aliases.get(id) ?? id)) cards.delete(id);
  }
  return cards;
}

/**
 * `GET /engines`: the production-stack router's fields, and the role, which says what `?id=` may pick.
 * Addresses are told where they are to be, as that router's are not. One that has gone is not listed, be
 * something still under way on it.
 */
export function engines(deps: HttpDeps): Answer {
  return jsonAnswer(200, [...engineRows(deps).values()]);
}

/** `GET /`: what this is, in a line. */
export function about({ version }: Pick<HttpDeps, "version">): Answer {
  const text = JSON.stringify({
    name: "pd-router",
    version,
    docs: "OpenAI's and Anthropic's API below /v1; GET /v1/models, /engines, /health, /metrics; " +
      "pd-router help",
  });
  return {
    status: 200,
    headers: [["content-type", "application/json"]],
    body: encodeUtf8(`${text}\n`),
  };
}

/**
 * `GET /health`: 503 while the router takes no more requests, or cannot do its work. What it works on
 * with in place of what a changed file says is told beside that.
 */
export function health(
  deps: Pick<HttpDeps, "draining" | "ailment"> & Partial<Pick<HttpDeps, "remarks">>,
): Answer {
  const remarks = deps.remarks?.() ?? {};
  if (deps.draining()) return jsonAnswer(503, { status: "draining", ...remarks });
  const reason = deps.ailment();
  return reason === undefined
    ? jsonAnswer(200, { status: "healthy", ...remarks })
    : jsonAnswer(503, { status: "unhealthy", reason, ...remarks });
}

/** `GET /version`. */
export function version(deps: HttpDeps): Answer {
  return jsonAnswer(200, { version: deps.version });
}

/** `GET /metrics`, in the Prometheus text format. */
export async function metrics(deps: HttpDeps): Promise<Answer> {
  const body = await deps.scrapes.text();
  return { status: 200, headers: [["content-type", deps.metrics.contentType]], body };
}

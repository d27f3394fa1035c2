/** Model cards of `/v1/models`. Source: vLLM `vllm/entrypoints/openai/models/protocol.py`. @module */
import { recordOf } from "../base/mod.ts";

/** One card; unknown fields are kept. */
export interface ModelCard {
  readonly id: string;
  readonly max_model_len?: number | null;
  readonly [key: string]: unknown;
}

/** The cards in an engine's answer, or undefined when it is not a model list. */
export function modelCardsOf(value: unknown): readonly ModelCard[] | undefined {
  const data = recordOf(value)?.["data"];
  if (!Array.isArray(data)) return undefined;
  return data.filter((card): card is ModelCard => typeof recordOf(card)?.["id"] === "string");
}

/** The cards of `models`, and of adapters on one of them; all where `models` is empty. */
export function cardsFor(
  models: readonly string[],
  cards: readonly ModelCard[],
): readonly ModelCard[] {
  if (models.length === 0) return cards;
  return cards.filter(({ id, parent }) =>
    models.includes(id) || (typeof parent === "string" && models.includes(parent))
  );
}

/** A card for a model that is known by configuration alone, or under an alias. */
export function plainModelCard(id: string, created: number, root = id): ModelCard {
  return { id, object: "model", created, owned_by: "vllm", root, parent: null };
}

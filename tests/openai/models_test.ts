import { modelCardsOf, plainModelCard } from "../../lib/openai/mod.ts";
import { assertEquals } from "../support/assert.ts";

const CARD = {
  id: "m",
  object: "model",
  created: 1,
  owned_by: "vllm",
  root: "/models/m",
  parent: null,
  max_model_len: 4096,
  permission: [{ id: "modelperm-1" }],
};

Deno.test("modelCardsOf() keeps cards as they are, unknown fields included", () => {
  const cards = [CARD, { id: "lora", parent: "m", odd: { a: 1 } }];
  assertEquals(modelCardsOf({ object: "list", data: cards }), cards);
});

Deno.test("modelCardsOf() passes over what is no card", () => {
  const data = [null, 7, "m", {}, { id: 7 }, [], CARD];
  assertEquals(modelCardsOf({ data }), [CARD]);
  assertEquals(modelCardsOf({ data: [] }), []);
});

Deno.test("modelCardsOf() knows what is no model list", () => {
  for (const value of [undefined, null, 7, "m", [], [CARD], {}, { data: {} }, { data: null }]) {
    assertEquals(modelCardsOf(value), undefined, JSON.stringify(value));
  }
});

Deno.test("plainModelCard() is a card that names its own model as root, unless told another", () => {
  const card = { id: "m", object: "model", created: 5, owned_by: "vllm", root: "m", parent: null };
  assertEquals(plainModelCard("m", 5), card);
  assertEquals(plainModelCard("alias", 5, "m"), { ...card, id: "alias" });
  assertEquals(modelCardsOf({ data: [plainModelCard("m", 5)] }), [card]);
});

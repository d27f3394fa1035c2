import { encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { type Invoked, invokedBy } from "../../lib/http/invocations.ts";
import { JsonObject } from "../../lib/openai/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function invoked(body: unknown): Invoked {
  return invokedBy(new JsonObject(encodeUtf8(JSON.stringify(body))));
}

Deno.test("invokedBy() goes by the fields, in vLLM's order", () => {
  const rows: readonly (readonly [body: unknown, path: string, form?: Invoked["form"]])[] = [
    [{ messages: [] }, "/v1/chat/completions", "chat"],
    [{ prompt: "a" }, "/v1/completions", "completions"],
    [{ prompt: [1, 2] }, "/v1/completions", "completions"],
    [{ prompt: null, prompt_embeds: "a" }, "/v1/completions", "completions"],
    [{ input: "a" }, "/v1/embeddings"],
    [{ input: ["a", "b"] }, "/v1/embeddings"],
    [{ query: "a", documents: ["b"] }, "/rerank"],
    [{ queries: "a", documents: ["b"] }, "/score"],
    [{ queries: "a", items: ["b"] }, "/score"],
    [{ text_1: "a", text_2: "b" }, "/score"],
    [{ data_1: "a", data_2: "b" }, "/score"],
    [{ data: {} }, "/pooling"],
    [{ prompt: "a", messages: [] }, "/v1/chat/completions", "chat"],
    [{ prompt: "a", messages: null }, "/v1/completions", "completions"],
    [{ input: "a", prompt: "a" }, "/v1/completions", "completions"],
    [{ input: null, text_1: "a", text_2: "b" }, "/score"],
  ];
  for (const [body, path, form] of rows) {
    const expected = form === undefined ? { path } : { path, form };
    assertEquals(invoked(body), expected, JSON.stringify(body));
  }
});

Deno.test("invokedBy() refuses what asks for nothing", () => {
  for (const body of [{}, { model: "m" }, { query: "a" }, { text_1: "a" }, { messages: null }]) {
    const error = assertThrows(() => invoked(body), RouterError, "Cannot find suitable handler");
    assertEquals(error.code, "bad-request");
  }
});

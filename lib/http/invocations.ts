/**
 * `POST /invocations`, as SageMaker asks: one endpoint for all, what is wanted shows in the body.
 *
 * Source: vLLM `vllm/entrypoints/sagemaker/api_router.py`, whose order it is. There a model's tasks
 * decide too; the router goes by the fields alone.
 * @module
 */
import { RouterError } from "../base/mod.ts";
import type { GenerationForm } from "../disagg/mod.ts";
import type { JsonObject } from "../openai/mod.ts";

/** An endpoint that a body can be for. */
export interface Invoked {
  readonly path: string;
  /** Absent where nothing is generated. */
  readonly form?: GenerationForm;
}

/** What is asked for by bodies that have all of these fields. The first that fits counts. */
const FORMS: readonly (readonly [fields: readonly string[], invoked: Invoked])[] = [
  [["messages"], { path: "/v1/chat/completions", form: "chat" }],
  [["prompt"], { path: "/v1/completions", form: "completions" }],
  [["prompt_embeds"], { path: "/v1/completions", form: "completions" }],
  [["input"], { path: "/v1/embeddings" }],
  [["query", "documents"], { path: "/rerank" }],
  [["queries", "documents"], { path: "/score" }],
  [["queries", "items"], { path: "/score" }],
  [["data_1", "data_2"], { path: "/score" }],
  [["text_1", "text_2"], { path: "/score" }],
  [["data"], { path: "/pooling" }],
];

/** What `body` asks for. Throws `bad-request` when that does not show. */
export function invokedBy(body: JsonObject): Invoked {
  const found = FORMS.find(([fields]) => fields.every((field) => body.has(field)));
  if (found !== undefined) return found[1];
  const known = FORMS.map(([fields]) => fields.join(" and ")).join(", ");
  throw new RouterError(
    "bad-request",
    `Cannot find suitable handler for request: expected one of the fields ${known}`,
  );
}

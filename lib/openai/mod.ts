/**
 * The OpenAI API as bytes and values: requests, chunks, answers, errors.
 *
 * Does no I/O and knows nothing of engines or of how a request is routed.
 * @module
 */
export * from "./answer.ts";
export * from "./answer_form.ts";
export * from "./anthropic_error.ts";
export type { TokenDetails } from "./choice_json.ts";
export * from "./completion_chunk.ts";
export * from "./error_body.ts";
export * from "./json_object.ts";
export * from "./json_scan.ts";
export * from "./json_walk.ts";
export * from "./merge.ts";
export * from "./merge_events.ts";
export * from "./lax.ts";
export * from "./logprobs.ts";
export * from "./models.ts";
export * from "./out_buffer.ts";
export * from "./priority.ts";
export * from "./prompt_ids.ts";
export * from "./request.ts";
export * from "./set_aside.ts";
export * from "./stream_writer.ts";
export * from "./token_ids.ts";
export * from "./usage.ts";
export * from "./whole_writer.ts";

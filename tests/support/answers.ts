/** Answers in one comparable form, whether streamed or whole, chat or completion. @module */

/** What a client has in hand at the end. */
export interface ComparableAnswer {
  readonly status: number;
  readonly text: string;
  readonly finishReason: unknown;
  readonly stopReason: unknown;
  readonly usage: unknown;
  /** Events that are not a chunk, `[DONE]` aside. */
  readonly errors: readonly unknown[];
  readonly done: number;
  readonly ids: number;
  readonly objects: readonly string[];
  readonly role: unknown;
}

// deno-lint-ignore no-explicit-any
type Json = any;

/** Read an answer to its end. */
export async function comparable(response: Response): Promise<ComparableAnswer> {
  const body = await response.text();
  const { status } = response;
  if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
    const value: Json = JSON.parse(body);
    const choice = value.choices?.[0];
    return {
      status,
      text: choice?.text ?? choice?.message?.content ?? "",
      finishReason: choice?.finish_reason,
      stopReason: choice?.stop_reason,
      usage: value.usage,
      errors: value.error === undefined ? [] : [value.error],
      done: 0,
      ids: 1,
      objects: [value.object],
      role: choice?.message?.role,
    };
  }
  const chunks: Json[] = [];
  const errors: unknown[] = [];
  let done = 0;
  for (const part of body.split("\n\n")) {
    const lines = part.split("\n").filter((line) => line.startsWith("data: "));
    if (lines.length === 0) continue;
    const data = lines.map((line) => line.slice(6)).join("\n");
    if (data === "[DONE]") {
      done++;
      continue;
    }
    const value: Json = JSON.parse(data);
    if (value.error === undefined) chunks.push(value);
    else errors.push(value.error);
  }
  const choices: Json[] = chunks.flatMap((chunk) => chunk.choices);
  const last = choices.findLast((choice) => choice.finish_reason !== null);
  return {
    status,
    text: choices.map((choice) => choice.text ?? choice.delta?.content ?? "").join(""),
    finishReason: last?.finish_reason,
    stopReason: last?.stop_reason,
    usage: chunks.findLast((chunk) => chunk.usage)?.usage,
    errors,
    done,
    ids: new Set(chunks.map((chunk) => chunk.id)).size,
    objects: [...new Set(chunks.map((chunk) => chunk.object))],
    role: choices[0]?.delta?.role,
  };
}

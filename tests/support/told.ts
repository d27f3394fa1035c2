/** All that an answer tells of its only choice, in one form, whether streamed or whole. @module */

/** What a client has in hand at the end; members that are null are left out. */
export interface Told {
  readonly status: number;
  readonly choice: Readonly<Record<string, unknown>>;
  readonly usage: unknown;
  readonly promptIds: unknown;
  /** Whether every chunk reports usage, as `continuous_usage_stats` asks. */
  readonly reports: boolean;
  readonly done: number;
}

// deno-lint-ignore no-explicit-any
type Json = any;

/** Read an answer to its end. `stops`: whether stop strings were asked for. */
export async function told(response: Response, stops = false): Promise<Told> {
  const body = await response.text();
  const { status } = response;
  if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
    const value: Json = JSON.parse(body);
    const { message, ...choice } = value.choices?.[0] ?? { error: value.error };
    const { role, content } = message ?? {};
    return {
      status,
      choice: withoutNulls({ ...choice, role, content }),
      usage: value.usage,
      promptIds: value.prompt_token_ids ?? undefined,
      reports: false,
      done: 0,
    };
  }
  const events = body.split("\n\n").filter((part) => part.startsWith("data: "))
    .map((part) => part.slice("data: ".length));
  const done = events.filter((data) => data === "[DONE]").length;
  const chunks: Json[] = events.filter((data) => data !== "[DONE]").map((data) => JSON.parse(data));
  return { status, ...ofChunks(chunks, stops), done };
}

/** What `chunks` of a stream tell together. */
export function ofChunks(chunks: readonly Json[], stops = false): Omit<Told, "status" | "done"> {
  const choice: Json = {};
  for (const chunk of chunks) {
    if (chunk.error) choice.error = chunk.error;
    for (const { delta, ...part } of chunk.choices ?? []) {
      add(choice, { ...part, ...delta });
    }
  }
  const { text, content, logprobs } = choice;
  // Offsets depend on which tokens one event happens to hold where a character has several tokens,
  // and on how much text is held back for stop strings.
  if (stops || /[^\0-\x7f]/.test(text ?? content ?? "")) delete logprobs?.text_offset;
  return {
    choice: withoutNulls(choice),
    usage: chunks.findLast((chunk) => chunk.usage)?.usage,
    promptIds: chunks.find((chunk) => chunk.prompt_token_ids)?.prompt_token_ids,
    reports: chunks.every((chunk) => chunk.usage),
  };
}

/** Texts and lists go on, the rest is as said last. */
function add(all: Json, part: Json): void {
  for (const [key, value] of Object.entries<Json>(part)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "string" && ["text", "content"].includes(key)) {
      all[key] = (all[key] ?? "") + value;
    } else if (Array.isArray(value) && key !== "prompt_token_ids") {
      all[key] = [...all[key] ?? [], ...value];
    } else if (key === "logprobs") add(all.logprobs ??= {}, value);
    else all[key] = value;
  }
}

function withoutNulls(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== null && member !== undefined),
  );
}

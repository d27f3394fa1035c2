/** Batches as clients make them, and what comes of them. @module */
import OpenAI, { toFile } from "openai";
import { fail } from "./assert.ts";
import { eventually } from "./eventually.ts";

/** A folder of its own, which is deleted in the end. */
export async function tempFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A client of the router at `url`. */
export function sdk(url: string, apiKey = "any"): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
}

/** The input of a batch: one line for each body. */
export function jsonl(
  bodies: readonly unknown[],
  { url = "/v1/chat/completions", name = "line" }: {
    readonly url?: string;
    readonly name?: string;
  } = {},
): string {
  return bodies.map((body, index) =>
    `${JSON.stringify({ custom_id: `${name}-${index + 1}`, method: "POST", url, body })}\n`
  ).join("");
}

/** Store `text` as the input of a batch; its id. */
export async function upload(client: OpenAI, text: string): Promise<string> {
  const file = await toFile(new TextEncoder().encode(text), "input.jsonl");
  return (await client.files.create({ file, purpose: "batch" })).id;
}

/** Where a batch stays. */
const OVER: ReadonlySet<string> = new Set(["completed", "failed", "expired", "cancelled"]);

/** The batch once it is over. */
export async function over(client: OpenAI, id: string): Promise<OpenAI.Batch> {
  let batch: OpenAI.Batch | undefined;
  await eventually(
    async () => {
      batch = await client.batches.retrieve(id);
      return OVER.has(batch.status);
    },
    () => JSON.stringify(batch),
    60_000,
  );
  return batch ?? fail("there is none");
}

/** One line of an output or error file. */
export interface ResultRecord {
  readonly id: string;
  readonly custom_id: string;
  readonly response: {
    readonly status_code: number;
    readonly request_id: string;
    readonly body: Readonly<Record<string, unknown>>;
  } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** The lines of a file; none where there is no file. */
export async function results(
  client: OpenAI,
  id: string | null | undefined,
): Promise<readonly ResultRecord[]> {
  if (id === null || id === undefined) return [];
  const text = await (await client.files.content(id)).text();
  if (!text.endsWith("\n")) fail(`The file ${id} ends within a line`);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

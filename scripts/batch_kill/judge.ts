/** What must hold of all that was promised, when everything is over. @module */
import type OpenAI from "openai";
import { over, results, sdk } from "../../tests/support/batches.ts";
import type { Promised } from "./client.ts";

/** What was found. */
export interface Verdict {
  /** Batches that were over, and their lines. */
  readonly batches: number;
  readonly lines: number;
  /** Empty when all is as it must be. */
  readonly violations: readonly string[];
}

/** Wait until every batch is over, and look at each line and file. */
export async function judge(url: string, folder: string, promised: Promised): Promise<Verdict> {
  const client = sdk(url);
  const violations: string[] = [];
  const listed: string[] = [];
  for await (const { id } of client.batches.list({ limit: 100 })) listed.push(id);
  for (const id of promised.batches.keys()) {
    if (!listed.includes(id)) violations.push(`The batch ${id} is lost`);
  }
  let lines = 0;
  // Those too whose answer was cut off with the router: they are there, or not, but never half.
  for (const id of listed) {
    const batch = await over(client, id);
    const texts = promised.inputs.get(batch.input_file_id);
    if (texts === undefined) violations.push(`The batch ${id} has an unknown input`);
    else violations.push(...await problemsOf(client, batch, texts, promised.cancelled.has(id)));
    lines += texts?.length ?? 0;
  }
  violations.push(...await fileProblems(client, folder, promised));
  return { batches: listed.length, lines, violations };
}

async function problemsOf(
  client: OpenAI,
  batch: OpenAI.Batch,
  texts: readonly string[],
  mayBeCancelled: boolean,
): Promise<readonly string[]> {
  const { id, status, request_counts: counts } = batch;
  const [good, bad] = [
    await results(client, batch.output_file_id),
    await results(client, batch.error_file_id),
  ];
  const found: string[] = [];
  if (status !== "completed" && !(mayBeCancelled && status === "cancelled")) {
    found.push(`The batch ${id} is ${status}: ${JSON.stringify(batch.errors)}`);
  }
  // Cancelled before its input was read to the end: no line of it was asked.
  const unread = status === "cancelled" && batch.in_progress_at === null;
  const expected = unread ? [] : texts.map((_, index) => `line-${index + 1}`);
  const told = [...good, ...bad].map(({ custom_id }) => custom_id);
  const times = Map.groupBy(told, (name) => name);
  for (const name of expected) {
    const count = times.get(name)?.length ?? 0;
    if (count !== 1) found.push(`The batch ${id} has ${count} results of ${name}`);
  }
  for (const name of times.keys()) {
    if (!expected.includes(name)) found.push(`The batch ${id} has a result of ${name}`);
  }
  if (good.some(({ response }) => response?.status_code !== 200)) {
    found.push(`The output of the batch ${id} has a failure in it`);
  }
  if (
    bad.some(({ error }) => error?.code !== "batch_cancelled") ||
    (bad.length > 0 && !mayBeCancelled)
  ) {
    found.push(`The batch ${id} has errors: ${JSON.stringify(bad[0])}`);
  }
  const right = [expected.length, good.length, bad.length].join();
  if ([counts?.total, counts?.completed, counts?.failed].join() !== right) {
    found.push(`The batch ${id} counts ${JSON.stringify(counts)}, not ${right}`);
  }
  return found;
}

async function fileProblems(
  client: OpenAI,
  folder: string,
  promised: Promised,
): Promise<readonly string[]> {
  const found: string[] = [];
  const listed = new Set<string>();
  for await (const { id } of client.files.list({ limit: 1000 })) listed.add(id);
  for (const [id, text] of promised.files) {
    if (!listed.has(id)) found.push(`The file ${id} is lost`);
    else if (await (await client.files.content(id)).text() !== text) {
      found.push(`The file ${id} has another text`);
    }
  }
  for await (const { name } of Deno.readDir(`${folder}/files`)) {
    if (!listed.has(name)) found.push(`The file ${name} is on disk, and nobody's`);
  }
  return found;
}

/** A client that stores files and makes batches, and knows what it was promised. @module */
import OpenAI, { toFile } from "openai";
import type { Random } from "../../lib/base/mod.ts";
import { jsonl, sdk } from "../../tests/support/batches.ts";
import { bodyOf } from "./engine.ts";

/** What was answered with 200: it must be there, whatever happens. */
export interface Promised {
  /** The text of each file by its id. */
  readonly files: Map<string, string>;
  /** The texts that each batch asks with, by its id. */
  readonly batches: Map<string, readonly string[]>;
  /** Batches that were asked to be cancelled. */
  readonly cancelled: Set<string>;
  /** The texts that each input asks with, by the id of its file. */
  readonly inputs: Map<string, readonly string[]>;
}

/** Nothing yet. */
export function nothingPromised(): Promised {
  return { files: new Map(), batches: new Map(), cancelled: new Set(), inputs: new Map() };
}

/** Requests of a batch at most. */
const MOST_LINES = 40;

/** Bytes of a file that is no input. */
const LARGE = 1024 * 1024;

/** Every so many batches one is cancelled, and one large file is stored. */
const SOME = 8;

/** Work until the router is gone; `life` is a number that no other has. */
export async function work(
  url: string,
  life: number,
  promised: Promised,
  random: Random,
): Promise<void> {
  const client = sdk(url);
  try {
    for (let round = 0;; round++) await once(client, `${life}.${round}`, promised, random);
  } catch (error) {
    if (!(error instanceof OpenAI.APIConnectionError) && !isCut(error)) throw error;
  }
}

/** A body that ends before its end is no error of the client's own. */
function isCut(error: unknown): boolean {
  return error instanceof TypeError || error instanceof SyntaxError;
}

async function once(
  client: OpenAI,
  name: string,
  promised: Promised,
  random: Random,
): Promise<void> {
  const few = (most: number): number => Math.floor(random.next() * most);
  const texts = Array.from({ length: 1 + few(MOST_LINES) }, (_, line) => `${name}.${line + 1}`);
  const file = await store(client, jsonl(texts.map(bodyOf)), "batch", promised);
  promised.inputs.set(file, texts);
  const { id } = await client.batches.create({
    input_file_id: file,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  promised.batches.set(id, texts);
  if (few(SOME) === 0) await store(client, name.repeat(LARGE / name.length), "user_data", promised);
  if (few(SOME) === 0) {
    promised.cancelled.add(id);
    try {
      await client.batches.cancel(id);
    } catch (error) {
      // It was over already.
      if (!(error instanceof OpenAI.BadRequestError)) throw error;
    }
  }
  // Not all that there is at once: the router is to answer while it is asked.
  await client.batches.list();
}

async function store(
  client: OpenAI,
  text: string,
  purpose: "batch" | "user_data",
  promised: Promised,
): Promise<string> {
  const { id } = await client.files.create({
    file: await toFile(new TextEncoder().encode(text), "input.jsonl"),
    purpose,
  });
  promised.files.set(id, text);
  return id;
}

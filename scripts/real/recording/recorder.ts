/** Asks engines and keeps what they answer. @module */
import { type ReadAnswer, readAnswer } from "./answer.ts";
import {
  type Exchange,
  type ExchangeGroup,
  isObject,
  type Json,
  type RecordedExchange,
  type RecordingHead,
  SHORTHAND,
  type Target,
} from "./exchange.ts";
import { writeRecording } from "./file.ts";

/** Base URL of each engine there is, without a trailing slash. */
export type Engines = Partial<Readonly<Record<Target, string>>>;

/** What to ask whom, and where to put the answers. */
export interface RecordOptions {
  readonly engines: Engines;
  readonly groups: readonly ExchangeGroup[];
  /** The folder of the files, one for each group whose engines are all there. */
  readonly out: string;
  /** Version of NIXL, to be noted. */
  readonly nixl?: string;
  /** Longest wait for one answer, in milliseconds. */
  readonly timeoutMs?: number;
}

/** A file that was written. */
export interface WrittenRecording {
  readonly file: string;
  readonly exchanges: number;
}

/** The first request for a logprob or a grammar loads much of an engine. */
const TIMEOUT_MS = 120_000;

/** How often a stream is asked for again. */
const STREAMS_AGAIN = 5;

/**
 * Run every group whose engines are there and write its file; the others' files are left alone.
 * Rejects when an engine cannot be reached or does not answer in time.
 */
export async function record(options: RecordOptions): Promise<readonly WrittenRecording[]> {
  const { engines, groups, out, nixl, timeoutMs = TIMEOUT_MS } = options;
  await Deno.mkdir(out, { recursive: true });
  const written: WrittenRecording[] = [];
  for (const { name, about, exchanges } of groups) {
    const targets = exchanges.map(({ target = "engine" }) => target);
    const [first] = targets;
    if (first === undefined || targets.some((target) => engines[target] === undefined)) continue;
    const vllm = await versionOf(engines[first] ?? "", timeoutMs);
    const head: RecordingHead = { about, vllm, ...(nixl === undefined ? {} : { nixl }) };
    const recorded = await runExchanges(engines, exchanges, timeoutMs, STREAMS_AGAIN);
    const file = `${out}/${name}.jsonl`;
    await Deno.writeTextFile(file, writeRecording({ head, exchanges: recorded }));
    written.push({ file, exchanges: recorded.length });
  }
  return written;
}

/** Ask for `exchanges` in order, for streams `again` times more and keep the fullest. */
export async function runExchanges(
  engines: Engines,
  exchanges: readonly Exchange[],
  timeoutMs = TIMEOUT_MS,
  again = 0,
): Promise<readonly RecordedExchange[]> {
  const answers = new Map<string, Json>();
  const recorded: RecordedExchange[] = [];
  for (const exchange of exchanges) {
    const ask = async (): Promise<ReadAnswer> =>
      await readAnswer(await send(engines, exchange, answers, AbortSignal.timeout(timeoutMs)));
    let fullest = await ask();
    if (fullest.raw !== undefined) answers.set(exchange.name, fullest.raw);
    const isRepeated = fullest.events > 0 && exchange.takes === undefined;
    // An engine that is behind puts several tokens into one event.
    for (let round = 0; isRepeated && round < again; round++) {
      const other = await ask();
      if (other.events > fullest.events) fullest = other;
    }
    recorded.push({ exchange, answer: fullest.answer });
  }
  return recorded;
}

function send(
  engines: Engines,
  exchange: Exchange,
  answers: ReadonlyMap<string, Json>,
  signal: AbortSignal,
): Promise<Response> {
  const { target = "engine", method = "POST", path, headers = {}, text } = exchange;
  const url = engines[target];
  if (url === undefined) throw new TypeError(`No URL to ask ${target} at for ${exchange.name}`);
  const body = text ?? (exchange.body === undefined ? undefined : bodyOf(exchange, answers));
  return fetch(`${url}${path}`, {
    method,
    signal,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
}

function bodyOf(exchange: Exchange, answers: ReadonlyMap<string, Json>): string {
  const { body, takes, name } = exchange;
  if (takes === undefined) return JSON.stringify(spelledOut(body ?? null));
  const earlier = answers.get(takes.from);
  const params = isObject(earlier) ? earlier["kv_transfer_params"] : undefined;
  if (!isObject(params) || !isObject(body)) {
    throw new Error(`Cannot make the request of ${name}: ${takes.from} gave no params`);
  }
  const { changes = {}, without = [] } = takes;
  const kept = Object.entries({ ...params, ...changes }).filter(([key]) => !without.includes(key));
  const whole = { ...body, kv_transfer_params: Object.fromEntries(kept) };
  return JSON.stringify(spelledOut(whole));
}

/** `value` without shorthands. */
export function spelledOut(value: Json): Json {
  if (Array.isArray(value)) return value.map(spelledOut);
  if (!isObject(value)) return value;
  const { [SHORTHAND.ids]: ids, [SHORTHAND.text]: text } = value;
  if (Array.isArray(ids)) {
    const [count, step] = ids.map(Number);
    return Array.from({ length: count ?? 0 }, (_, index) => 40 + (index * (step ?? 0)) % 80);
  }
  if (Array.isArray(text)) return String(text[0]).repeat(Number(text[1]));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, spelledOut(member)]),
  );
}

async function versionOf(url: string, timeoutMs: number): Promise<string> {
  const response = await fetch(`${url}/version`, { signal: AbortSignal.timeout(timeoutMs) });
  const { raw } = await readAnswer(response);
  const version = isObject(raw) ? raw["version"] : undefined;
  return typeof version === "string" ? version : "unknown";
}

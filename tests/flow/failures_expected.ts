/** What the table of failures says of one request, and whether that came of it. @module */
import { type Lessons, lessonsOf } from "../../lib/fleet/mod.ts";
import { flightOf } from "../../scripts/readme/failure_table.ts";
import {
  type Failure,
  type FailureRow,
  type Got,
  type Limit,
  ofShape,
  type Phase,
  RETRY_REASONS,
  type Shape,
  type Then,
} from "../../scripts/readme/failures.ts";
import { assertEquals } from "../support/assert.ts";
import { RETRY_AFTER, type Way } from "./failing_engines.ts";
import {
  FROZEN_AFTER_MS,
  KV_READY_MS,
  LIMITS,
  type Meeting,
  type Met,
} from "./failures_support.ts";

/** Engines that are left when one fails, and what is done where none is. */
export type Setting = "others" | "alone" | "direct";

/** The same in numbers. */
export const SETTINGS: Readonly<
  Record<Setting, Pick<Meeting, "engines" | "policy" | "engineFailures">>
> = {
  // One failure shuts an engine; elsewhere only one that is grave does.
  others: { engines: 2, policy: "error", engineFailures: 1 },
  alone: { engines: 1, policy: "error", engineFailures: 3 },
  direct: { engines: 1, policy: "direct", engineFailures: 3 },
};

/** An engine is looked at each half second, and gives no answer to a connection either. */
const FROZEN_MS = FROZEN_AFTER_MS + 500 + LIMITS.connectMs;

const LIMIT_MS: Readonly<Record<Limit, number>> = {
  "--connect-timeout": LIMITS.connectMs,
  "--tokenize-timeout": LIMITS.tokenizeMs,
  "--prefill-timeout": LIMITS.prefillMs,
  "--nixl-kv-ready-timeout": KV_READY_MS,
  "--first-byte-timeout": LIMITS.firstByteMs,
  "--whole-answer-timeout": LIMITS.wholeAnswerMs,
  "--stream-idle-timeout": LIMITS.streamIdleMs,
  "--frozen-after": FROZEN_MS,
};

/** One request that meets one failure. */
export interface Case {
  readonly row: FailureRow;
  readonly phase: Phase;
  readonly failure: Failure;
  readonly way: Way;
  readonly stream: boolean;
  readonly setting: Setting;
}

function shapeOf({ way, stream }: Case): Shape {
  return `${way}${stream ? "Stream" : "Whole"}`;
}

/** Whether one engine is asked for all of a request. */
export const isDirect = (phase: Phase): boolean => phase.startsWith("direct");

/** All requests that may meet a failure, before engines in all settings. */
export function casesOf(row: FailureRow, phase: Phase, failure: Failure): readonly Case[] {
  const ways: readonly Way[] = isDirect(phase)
    ? ["nixl"]
    : phase === "tokenize"
    ? ["p1"]
    : phase === "KV wait"
    ? ["p1", "d1"]
    : ["p1", "d1", "nixl"];
  const settings: readonly Setting[] = isDirect(phase)
    ? ["others", "alone"]
    : ["others", "alone", "direct"];
  return settings.flatMap((setting) =>
    ways.flatMap((way) =>
      [false, true].map((stream) => ({ row, phase, failure, way, stream, setting }))
    )
  );
}

/** Whether one engine is to serve for want of others. */
function goesDirect(tried: Case): boolean {
  const alone = ofShape(tried.row.alone, shapeOf(tried));
  return tried.setting === "direct" && tried.row.direct !== undefined &&
    (alone === "502" || alone === "504");
}

function gotOf(tried: Case): Got {
  const { row, setting } = tried;
  if (goesDirect(tried) && row.direct !== undefined) return row.direct;
  return ofShape(setting === "others" ? row.gets : row.alone, shapeOf(tried));
}

function thenOf(tried: Case): Then {
  const { row, setting } = tried;
  if (gotOf(tried) !== "right") return "";
  if (goesDirect(tried)) return "one";
  return ofShape(setting === "others" ? row.then : row.aloneThen ?? row.then, shapeOf(tried));
}

/** Who is asked where nothing fails. */
function usualOf(phase: Phase): readonly string[] {
  if (isDirect(phase)) return ["direct a1"];
  const handoff = ["prefill p1", "decode d1"];
  return phase === "tokenize" ? ["tokenize p1", ...handoff] : handoff;
}

/** Who is asked up to the failure, the engine that fails with it where it gets the request. */
function before({ phase, failure }: Case): readonly string[] {
  const steps = usualOf(phase);
  const last = phase.startsWith("decode") || phase === "mid-stream" ? "decode d1" : steps[0];
  const end = steps.findIndex((step) => step === last);
  const reached = !phase.endsWith("connect") && failure !== "refused";
  return steps.slice(0, reached ? end + 1 : end);
}

const LEGS = { t: "tokenize p", p: "prefill p", d: "decode d", a: "direct a" } as const;

function askedOf(tried: Case): readonly string[] {
  const steps: string[] = [...before(tried)];
  const usual = usualOf(tried.phase);
  for (const token of thenOf(tried).split(" ")) {
    const [, letter, number] = /^([tpda])(\d)$/.exec(token) ?? [];
    if (token === "one") steps.push("direct d1");
    else if (token === "on") steps.push(...usual.slice(before(tried).length));
    else if (letter !== undefined) steps.push(`${LEGS[letter as keyof typeof LEGS]}${number}`);
  }
  return steps;
}

function lessonsFor(tried: Case): Lessons {
  return lessonsOf(...flightOf(tried.phase, ofShape(tried.row.flight, shapeOf(tried))));
}

/** The engine that fails. */
function culpritOf({ phase }: Case): string {
  if (isDirect(phase)) return "a1";
  return phase.startsWith("decode") || phase === "mid-stream" ? "d1" : "p1";
}

function shutOf(tried: Case): readonly string[] {
  const { engine, pair } = lessonsFor(tried);
  const shut = engine === "grave" || tried.row.silent === true ||
    (engine === "failed" && tried.setting === "others") ||
    // What serves for want of others is not there either.
    gotOf(tried) === "502" && goesDirect(tried);
  return [...(shut ? [culpritOf(tried)] : []), ...(pair === "failed" ? ["p1+d1"] : [])].sort();
}

function outcomeOf(got: Got, status: number): string {
  if (got === "right" || got === "as it came") return "ok";
  if (got.startsWith("event")) return "stream_error";
  return status < 500 ? "client_error" : "server_error";
}

/** What is counted, as `name label,...`. */
function countedOf(tried: Case, status: number): readonly string[] {
  const { row, phase, failure } = tried;
  const shape = shapeOf(tried);
  const then = thenOf(tried);
  const [leg = "", code = ""] = ofShape(row.errors ?? { all: "" }, shape).split(" ");
  const freed = ofShape(row.freed ?? { all: "" }, shape);
  const direct = goesDirect(tried) ? "handoff_failed" : then === "one" ? row.reason : undefined;
  const again = /^(t2|p2|p1)/.test(then);
  const fails = row.direct === "502" && goesDirect(tried);
  return [
    `requests ${outcomeOf(gotOf(tried), status)}`,
    ...(again ? [`handoff_retries ${RETRY_REASONS[phase]}`] : []),
    ...(direct === undefined ? [] : [`direct ${direct}`]),
    ...(leg === "" ? [] : [`engine_errors ${leg},${code}`]),
    ...(fails ? ["engine_errors direct,upstream-unreachable"] : []),
    ...(freed === "" ? [] : [`drains ${freed}`]),
    ...(phase === "KV wait" ? ["kv_wait timed-out"] : []),
    ...(phase === "KV wait" && failure === "bad body" ? ["kv_notifications garbage"] : []),
  ].sort();
}

/** Series that tell of failures, and the labels of them that do. */
const TELLING: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["requests", /^requests_total\{endpoint="\/v1\/completions",.*outcome="(\w+)"\}$/],
  ["handoff_retries", /^handoff_retries_total\{reason="(\w+)"\}$/],
  ["direct", /^direct_total\{reason="(\w+)"\}$/],
  ["engine_errors", /^engine_errors_total\{.*leg="(\w+)",code="([\w-]+)"\}$/],
  ["drains", /^drains_total\{result="(\w+)"\}$/],
  ["kv_wait", /^kv_wait_seconds_count\{end="(timed-out|aborted)"\}$/],
  ["kv_notifications", /^kv_notifications_total\{result="(?!completed)(\w+)"\}$/],
];

function countedIn({ counted }: Met): readonly string[] {
  return [...counted].flatMap(([series, value]) =>
    TELLING.flatMap(([name, pattern]) => {
      const [, ...labels] = pattern.exec(series) ?? [];
      if (labels.length === 0) return [];
      assertEquals(value, 1, series);
      return [`${name} ${labels.filter((label) => label !== undefined).join()}`];
    })
  ).sort();
}

/** How long its client waits, in milliseconds. */
export function tookMsOf(tried: Case): number {
  const { row } = tried;
  const waits = row.after === undefined ? 0 : LIMIT_MS[ofShape(row.after, shapeOf(tried))];
  const fails = row.direct === "502" && goesDirect(tried);
  return waits + (fails ? LIMITS.connectMs : 0);
}

/** Whether the engine is waited for longer: nobody else could do what it does not. */
function isAlone({ row, phase, setting }: Case): boolean {
  return row.silent === true && setting !== "others" && /^(decode|direct)/.test(phase);
}

/** As long as its leg may take, whoever is asked for a sign of life meanwhile. */
function patientMs({ way, stream }: Case): number {
  // In mode P1 a decode engine is asked for a stream, whatever the client wants.
  return stream || way === "p1" ? LIMITS.firstByteMs : LIMITS.wholeAnswerMs;
}

function isReclaim(step: string): boolean {
  return step.startsWith("reclaim ");
}

/** Fail unless `met` is what the table says of `tried`, and nothing is left. */
export function assertMet(tried: Case, met: Met): void {
  const { phase, failure, way, stream, setting, row } = tried;
  const name = `${way}, ${stream ? "stream" : "whole"}, ${setting}`;
  assertEquals(met.got, gotOf(tried), name);
  assertEquals(met.asked.filter((step) => !isReclaim(step)), askedOf(tried), name);
  const reads = ofShape(row.freed ?? { all: "" }, shapeOf(tried)) === "drained" ? 1 : 0;
  assertEquals(met.asked.filter(isReclaim), Array(reads).fill("reclaim d1"), name);
  assertEquals(countedIn(met), countedOf(tried, met.status), name);
  assertEquals([...met.shut].sort(), shutOf(tried), name);
  assertEquals(met.tookMs, isAlone(tried) ? patientMs(tried) : tookMsOf(tried), name);
  const isHead = met.got === "its words" && !/within|mid/.test(phase);
  assertEquals(met.retryAfter, isHead ? RETRY_AFTER : null, `${name} ${failure}`);
  for (const [what, count] of Object.entries(met.left)) assertEquals(count, 0, `${name}: ${what}`);
}

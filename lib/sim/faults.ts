/** What goes wrong on purpose, and when. @module */
import type { Random } from "../base/mod.ts";
import { isRecord } from "./json.ts";

/**
 * How often a fault strikes: `false` or 0 never, `true` always, a whole number the next so many
 * times (it counts down), a fraction with that probability.
 */
export type FaultWhen = boolean | number;

const WHEN = {
  /** Do not push the notification. */
  dropNotification: false,
  /** Push it `notificationDelayMs` late. */
  delayNotification: false,
  /** Push it twice. */
  duplicateNotification: false,
  /** Push bytes that are no msgpack message in its place. */
  corruptNotification: false,
  /** Push one with another `req_id` in its place. */
  misaddressNotification: false,
  /** Push it before anything was computed or written. */
  earlyNotification: false,
  /** Do not write KV to the decode engine after its pages were allocated. */
  skipKvWrite: false,
  /** Close the connection without an answer. */
  dieBeforeAnswer: false,
  /** Do the work, then close the connection without an answer; for answers not streamed. */
  loseAnswer: false,
  /** Do the work, then close the connection within the answer; for answers not streamed. */
  cutAnswer: false,
  /** Close the connection of a stream after `dieAfterEvents` events (0: after the head). */
  dieMidStream: false,
  /** Never answer; the connection stays open. */
  hangBeforeHead: false,
  /** Stop writing after `hangAfterEvents` events of a stream; the connection stays open. */
  hangMidStream: false,
  /** Answer `errorStatus` at once. */
  errorAnswer: false,
  /** Answer 200 with a body that is not JSON. */
  badJson: false,
  /** Take `slowTokenMs` per token. */
  slowTokens: false,
  /** Send an SSE comment before every event of a stream. */
  sseComments: false,
  /** Send an error event in place of the next event of a stream, then `[DONE]`. */
  errorEvent: false,
  /** Send an event that is not JSON after `errorAfterEvents` events of a stream, then go on. */
  badEvent: false,
  /** End the generation with `finish_reason: "error"` after `errorAfterEvents` events. */
  finishError: false,
  /** Fail to load KV from the prefill engine. */
  failKvLoad: false,
  /** Fail health checks with 503. */
  unhealthy: false,
} as const;

const NUMBERS = {
  notificationDelayMs: 200,
  /** Delay between the allocation of pages and the KV's landing in them. */
  landDelayMs: 0,
  dieAfterEvents: 1,
  hangAfterEvents: 1,
  errorAfterEvents: 1,
  errorStatus: 500,
  slowTokenMs: 200,
  /** Events per write of a stream; 0 as the engine pleases. */
  coalesceEvents: 0,
} as const;

/** Name of a fault that strikes or not. */
export type FaultName = keyof typeof WHEN;
type NumberName = keyof typeof NUMBERS;

/** Faults and their measures; change the fields at any time. */
export type SimFaults =
  & { [Name in FaultName]: FaultWhen }
  & { [Name in NumberName]: number }
  & {
    /** Cut every streamed answer into separate TCP writes. */
    splitBytes: "none" | "byte" | "random";
    /** Paths the faults of HTTP answers apply to; empty for all endpoints of inference. */
    paths: string[];
  };

/** No faults. */
export function noFaults(): SimFaults {
  return { ...WHEN, ...NUMBERS, splitBytes: "none", paths: [] };
}

/** Whether `name` strikes this time; a counted fault is used up by asking. */
export function strikes(faults: SimFaults, name: FaultName, random: Random): boolean {
  const when = faults[name];
  if (typeof when === "boolean") return when;
  if (when >= 1) {
    faults[name] = when - 1;
    return true;
  }
  return when > 0 && random.next() < when;
}

/** Whether `name` strikes a request to `path` this time; see `SimFaults.paths`. */
export function strikesAt(
  faults: SimFaults,
  path: string,
  name: FaultName,
  random: Random,
): boolean {
  return appliesTo(faults, path) && strikes(faults, name, random);
}

/** Whether the faults of HTTP answers apply to `path`. */
export function appliesTo(faults: SimFaults, path: string): boolean {
  return faults.paths.length === 0 || faults.paths.includes(path);
}

/** Names that may be merged by flag or admin request. */
export function faultNames(): readonly string[] {
  return Object.keys(noFaults());
}

/**
 * Change `faults` by the fields of `patch`. Returns the problems found, one line each; with any,
 * nothing is changed.
 */
export function mergeFaults(faults: SimFaults, patch: unknown): readonly string[] {
  if (!isRecord(patch)) return ["faults: expected an object"];
  const problems: string[] = [];
  const next: SimFaults = { ...faults };
  for (const [name, value] of Object.entries(patch)) {
    if (!applyFault(next, name, value)) {
      problems.push(`faults: cannot set ${name} to ${JSON.stringify(value)}`);
    }
  }
  if (problems.length === 0) Object.assign(faults, next);
  return problems;
}

function applyFault(faults: SimFaults, name: string, value: unknown): boolean {
  if (isFaultName(name)) {
    if (typeof value === "boolean") faults[name] = value;
    else if (typeof value === "number" && value >= 0) faults[name] = value;
    else return false;
    return true;
  }
  if (isNumberName(name)) {
    if (typeof value !== "number" || !(value >= 0)) return false;
    faults[name] = value;
    return true;
  }
  if (name === "splitBytes") {
    if (value !== "none" && value !== "byte" && value !== "random") return false;
    faults.splitBytes = value;
    return true;
  }
  if (name === "paths") {
    if (!Array.isArray(value)) return false;
    const paths = value.filter((path: unknown) => typeof path === "string");
    faults.paths = paths;
    return paths.length === value.length;
  }
  return false;
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(WHEN, name);
}

function isNumberName(name: string): name is NumberName {
  return Object.hasOwn(NUMBERS, name);
}

/** Parse `name=value` of the command line; a name alone means always. */
export function parseFaultFlag(text: string): readonly [name: string, value: unknown] {
  const equals = text.indexOf("=");
  if (equals < 0) return [text.trim(), true];
  const value = text.slice(equals + 1).trim();
  const name = text.slice(0, equals).trim();
  if (name === "paths") return [name, value.split(",")];
  if (value === "true" || value === "always") return [name, true];
  if (value === "false" || value === "never") return [name, false];
  const number = Number(value);
  return [name, value === "" || Number.isNaN(number) ? value : number];
}

/** What goes wrong on purpose, and when. @module */
import type { Random } from "../base/mod.ts";
import { isRecord } from "./json.ts";

/**
 * How often a fault strikes: `false` or 0 never, `true` always, a whole number the next so many
 * times (it counts down), a fraction with that probability.
 */
export type FaultWhen = boolean | number;

/** The defaults; `FAULT_TEXTS` says what each does. */
const WHEN = {
  dropNotification: false,
  delayNotification: false,
  duplicateNotification: false,
  corruptNotification: false,
  misaddressNotification: false,
  earlyNotification: false,
  skipKvWrite: false,
  noKvRoom: false,
  dieBeforeAnswer: false,
  loseAnswer: false,
  cutAnswer: false,
  dieMidStream: false,
  hangBeforeHead: false,
  hangMidStream: false,
  errorAnswer: false,
  badJson: false,
  slowTokens: false,
  sseComments: false,
  errorEvent: false,
  badEvent: false,
  finishError: false,
  failKvLoad: false,
  ignoreKv: false,
  unhealthy: false,
  frozen: false,
} as const;

const NUMBERS = {
  notificationDelayMs: 200,
  landDelayMs: 0,
  writeDelayMs: 0,
  dieAfterEvents: 1,
  hangAfterEvents: 1,
  errorAfterEvents: 1,
  errorStatus: 500,
  slowTokenMs: 200,
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
    splitBytes: "none" | "byte" | "random";
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

/**
 * What a program finds around itself without having been given it: time, chance, environment,
 * arguments, signals, the console. Only the folders that own it may use it.
 * @module
 */
import { isWithin, roomOf } from "./floors.ts";

/** Clocks, timers and chance by dotted name: the ground floor hands them out. */
const TIME_AND_CHANCE: ReadonlySet<string> = new Set([
  "Date.now",
  "Math.random",
  "performance.now",
  "crypto.randomUUID",
  "crypto.getRandomValues",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "AbortSignal.timeout",
]);

/** What belongs to the process: the command line owns it, and hands it on. */
const PROCESS: ReadonlySet<string> = new Set([
  "Deno.env",
  "Deno.args",
  "Deno.exit",
  "Deno.exitCode",
  "Deno.addSignalListener",
  "Deno.removeSignalListener",
  "Deno.stdin",
  "Deno.stdout",
  "Deno.stderr",
  "console",
  "process",
]);

/** Node's modules with the same things in them. */
const MODULES = /^(node:)?(process|console|timers(\/promises)?)$/;

const GLOBALS = new Set(["globalThis", "self", "window"]);

/** Whether a file may not use `name`, dotted (`Deno.env.get`), of what is around the program. */
export function isAmbient(filename: string, name: string): boolean {
  const room = roomOf(filename);
  if (room === undefined || isWithin(room, "cli")) return false;
  const parts = name.split(".");
  const path = GLOBALS.has(parts[0] ?? "") ? parts.slice(1) : parts;
  const names = path.map((_, at) => path.slice(0, at + 1).join("."));
  if (names.some((each) => PROCESS.has(each))) return true;
  return !isWithin(room, "base") && names.some((each) => TIME_AND_CHANCE.has(each));
}

/** Whether a file may not import `specifier`, a module of what is around the program. */
export function isAmbientModule(filename: string, specifier: string): boolean {
  const room = roomOf(filename);
  return room !== undefined && !isWithin(room, "cli") && MODULES.test(specifier);
}

/** The dotted name that an expression reads (`a.b["c"]` is `a.b.c`); undefined when it is none. */
export function dottedName(node: Deno.lint.Node): string | undefined {
  if (node.type === "Identifier") return node.name;
  if (node.type !== "MemberExpression") return undefined;
  const object = dottedName(node.object);
  const { property } = node;
  if (object === undefined) return undefined;
  if (!node.computed) {
    return property.type === "Identifier" ? `${object}.${property.name}` : undefined;
  }
  return property.type === "Literal" && typeof property.value === "string"
    ? `${object}.${property.value}`
    : undefined;
}

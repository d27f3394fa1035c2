/**
 * The floors of `lib/`: which file may import which. Every folder is a room, nested ones too. A file
 * imports its own room, or the `mod.ts` of a room below.
 * @module
 */
import { posix } from "node:path";

/**
 * The rooms of each floor, lowest first. A nested room (`front/http1`) that is not named here stands
 * with its top folder, below the rooms it is nested in.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["base"],
  ["sse", "http1", "tls", "gossip"],
  ["openai", "metrics", "config"],
  ["upstream", "tokenization", "zmq", "batch", "reload"],
  ["disagg", "selection", "kv_events", "dns"],
  ["fleet"],
  ["kv", "discovery"],
  ["request", "cluster"],
  ["front/contract"],
  ["handoff", "fan_out", "front", "doors", "hooks", "external", "observe"],
  ["flow", "warm_up", "page", "tracing"],
  ["http"],
  ["admin", "doctor"],
  ["workers"],
  ["cli"],
];

/** The simulator is a program of its own: it stands on the ground, and only the command line starts it. */
const SIM = "sim";
const GROUND = "base";
const COMMAND_LINE = "cli";

/** The room of the files directly in `lib/`: they put the router together, for the command line. */
const TOP = "";

/** What those files may read beside `lib/`: the version is in it. */
const MANIFEST = "../deno.json";

/** Where the project is, with a slash behind it. */
const ROOT = posix.join(import.meta.dirname ?? "", "../");

/** The room that a file of `lib/` is in: `base`, `front/http1`, "" directly in `lib/`. */
export function roomOf(filename: string): string | undefined {
  const path = pathInLib(filename);
  return path === undefined ? undefined : folderOf(path);
}

/** Why `filename`, where it is a file of `lib/`, may not import `specifier`; undefined when it may. */
export function importProblem(filename: string, specifier: string): string | undefined {
  const path = pathInLib(filename);
  if (path === undefined || !/^(\.|\/|file:)/.test(specifier)) return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  const here = folderOf(path);
  const there = folderOf(target);
  if (here === TOP && target === MANIFEST) return undefined;
  const isForeign = !specifier.startsWith(".") || target.startsWith("../");
  if (isForeign || (there === TOP && here !== TOP && !isWithin(here, COMMAND_LINE))) {
    return `"${specifier}" is not a folder of lib/`;
  }
  if (here === there || there === TOP) return undefined;
  if (isWithin(here, there)) return `"${here}" may not import "${there}"`;
  if (posix.basename(target) !== "mod.ts") {
    const door = posix.relative(posix.dirname(path), `${there}/mod.ts`);
    return `import "${door.startsWith(".") ? door : `./${door}`}", not "${specifier}"`;
  }
  return isWithin(there, here) ? undefined : floorProblem(here, there);
}

/** Why nothing in the room `here` may import the room `there`, where neither is in the other. */
function floorProblem(here: string, there: string): string | undefined {
  const [from, to] = [here || "lib", there].map((room) => `"${room}"`);
  if (isWithin(here, SIM)) return isWithin(there, GROUND) ? undefined : `"sim" imports "base" only`;
  if (isWithin(there, SIM)) {
    return isWithin(here, COMMAND_LINE) ? undefined : `${from} may not import ${to}`;
  }
  const [upper, lower] = [here === TOP ? FLOORS.length : floorOf(here), floorOf(there)];
  if (upper === undefined || lower === undefined) return `${from} or ${to} has no floor`;
  return lower < upper ? undefined : `${from} may not import ${to}`;
}

/** The floor of `room`, or of the nearest room around it that has one. */
function floorOf(room: string): number | undefined {
  const floor = FLOORS.findIndex((rooms) => rooms.includes(room));
  if (floor >= 0) return floor;
  const around = posix.dirname(room);
  return around === "." ? undefined : floorOf(around);
}

/** Whether `room` is `other`, or nested in it. */
export function isWithin(room: string, other: string): boolean {
  return room === other || room.startsWith(`${other}/`);
}

function folderOf(path: string): string {
  const folder = posix.dirname(path);
  return folder === "." ? TOP : folder;
}

/** The path of a TypeScript file from `lib/` on; undefined when it is not in there. */
function pathInLib(filename: string): string | undefined {
  if (!filename.endsWith(".ts")) return undefined;
  if (filename.startsWith(ROOT)) {
    const path = filename.slice(ROOT.length);
    return path.startsWith("lib/") ? path.slice("lib/".length) : undefined;
  }
  const at = filename.lastIndexOf("/lib/");
  return at < 0 ? undefined : filename.slice(at + "/lib/".length);
}

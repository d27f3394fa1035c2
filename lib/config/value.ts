/** One value from its text, by the type of its flag. @module */
import { parseNetwork } from "../base/mod.ts";
import type { Flag } from "./flag.ts";
import { moduleProblem } from "./module_name.ts";
import { withSuggestion } from "./problem.ts";

/** A value as it was written: one text, or the items of a list or repeated flag. */
export type RawValue = string | readonly string[];

/** A value of a flag's type; undefined stands for none. */
export type FlagValue =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly number[]
  | ReadonlyMap<string, string>
  | undefined;

/** A value, or what was expected in its place. */
export type Parsed<T = FlagValue> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string };

const TRUE = ["true", "1", "yes", "on"];
const FALSE = ["false", "0", "no", "off"];
const MASK = "***";
const SHOWN_LENGTH = 200;

/** Longest list of ports: more ranks than any engine has. */
const MAX_PORTS = 1024;

/** The value `raw` stands for. An empty text is none where the flag's default is none. */
export function parseValue(flag: Flag, raw: RawValue): Parsed {
  if (raw.length === 0 || (typeof raw === "string" && raw.trim() === "")) return emptyValue(flag);
  switch (flag.type) {
    case "list":
      return parseList(flag, raw);
    case "ports":
      return parsePorts(items(raw));
    case "networks":
      return parseNetworks(items(raw));
    case "aliases":
      return parseAliases(items(raw));
    case "specs":
      return good(typeof raw === "string" ? raw.trim().split(/\s+/) : raw);
    default:
      return typeof raw === "string"
        ? parseOne(flag, flag.type, raw.trim())
        : bad("expected one value, not a list");
  }
}

/** Ports from 1 to 65535, one or several. */
export function parsePorts(texts: readonly string[]): Parsed<readonly number[]> {
  const ports = texts.map(Number);
  const wrong = texts.find((text, index) => !/^\d+$/.test(text) || !isPort(ports[index] ?? 0));
  if (wrong !== undefined || ports.length === 0) {
    return bad("expected ports from 1 to 65535, separated by commas");
  }
  return ports.length > MAX_PORTS ? bad(`expected at most ${MAX_PORTS} ports`) : good(ports);
}

/** A value as it may be shown: secrets, and what a URL may hide in front of its host, masked. */
export function shownValue(flag: Flag, value: RawValue | FlagValue): string {
  if (value === undefined) return "";
  if (flag.secret === true) return MASK;
  if (value instanceof Map) {
    return [...value].map(([alias, model]) => `${alias}:${model}`).join(",");
  }
  const text = Array.isArray(value) ? value.join(flag.type === "specs" ? " " : ",") : String(value);
  return maskUrls(text);
}

/** `text` with credentials and queries of URLs masked, cut at a length that fits a line or two. */
export function maskUrls(text: string): string {
  const masked = text.replace(/[^\s,;]+/g, (word) => withoutQuery(withoutCredentials(word)));
  return masked.length > SHOWN_LENGTH ? `${masked.slice(0, SHOWN_LENGTH)}...` : masked;
}

/** What stands between a colon and the last `@` may be a password, whatever it is a part of. */
function withoutCredentials(word: string): string {
  const colon = word.indexOf(":");
  const at = word.lastIndexOf("@");
  if (colon < 0 || at < colon) return word;
  const start = word.lastIndexOf("/", colon) + 1;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(word.slice(start, at))?.[0] ?? "";
  return `${word.slice(0, start)}${scheme}${MASK}${word.slice(at)}`;
}

function withoutQuery(word: string): string {
  const authority = word.indexOf("://");
  const query = authority < 0 ? -1 : word.indexOf("?", authority);
  return query < 0 ? word : `${word.slice(0, query)}?${MASK}`;
}

function emptyValue(flag: Flag): Parsed {
  if (flag.default === undefined && flag.type !== "flag") return good(undefined);
  return flag.default === "" ? good("") : bad("must not be empty");
}

function parseOne(flag: Flag, type: Flag["type"], text: string): Parsed {
  switch (type) {
    case "int":
    case "float":
    case "seconds":
      return parseBare(flag, text) ?? parseNumber(flag, text);
    case "count":
      return parseCount(flag, text);
    case "flag":
      return parseSwitch(text);
    case "host":
      return parseHost(text);
    case "route":
      return parseRoute(text);
    case "module": {
      const problem = text === flag.default ? undefined : moduleProblem(text);
      return problem === undefined ? good(text) : bad(problem);
    }
    default:
      return parseText(flag, text);
  }
}

function parseText(flag: Flag, text: string): Parsed {
  if (flag.choices === undefined || flag.choices.includes(text)) return good(text);
  return bad(withSuggestion(`expected ${either(flag.choices)}`, text, flag.choices));
}

/** A number that may be left out can be switched on and off in a file, or in a variable. */
function parseBare(flag: Flag, text: string): Parsed | undefined {
  const word = text.toLowerCase();
  if (flag.bare === undefined || /^\d/.test(word)) return undefined;
  if (TRUE.includes(word)) return good(flag.bare);
  return FALSE.includes(word) ? good(undefined) : undefined;
}

function parseNumber(flag: Flag, text: string): Parsed {
  const form = flag.type === "int" ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  const kind = flag.type === "int" ? "an integer" : "a number";
  const unit = flag.type === "seconds" ? " of seconds" : "";
  const [least, greatest] = flag.range ?? [-Infinity, Infinity];
  const range = flag.range === undefined ? "" : ` from ${least} to ${greatest}`;
  const value = Number(text);
  const fits = form.test(text) && Number.isFinite(value) && value >= least && value <= greatest;
  return fits ? good(value) : bad(`expected ${kind}${unit}${range}`);
}

function parseCount(flag: Flag, text: string): Parsed {
  if (text === "auto") return good(text);
  const number = parseNumber({ ...flag, type: "int" }, text);
  return number.ok ? number : bad(`${number.message}, or auto`);
}

function parseSwitch(text: string): Parsed {
  const word = text.toLowerCase();
  if (TRUE.includes(word)) return good(true);
  return FALSE.includes(word) ? good(false) : bad("expected true or false");
}

/** A host name or address alone. */
export function parseHost(text: string): Parsed<string> {
  if (/[\s/@?#]/.test(text)) return bad("expected a host name or address, not a URL");
  if (/^[^:]+:\d*$/.test(text)) return bad("expected a host name or address without a port");
  return good(text);
}

function parseRoute(text: string): Parsed {
  if (!/^\/[^\s?#]*$/.test(text)) return bad("expected a path such as /llm");
  return good(text.replace(/\/+$/, ""));
}

function parseList(flag: Flag, raw: RawValue): Parsed {
  const list = items(raw);
  if (list.includes("")) return bad("has an empty item");
  const { choices } = flag;
  const wrong = choices === undefined ? undefined : list.find((item) => !choices.includes(item));
  if (choices === undefined || wrong === undefined) return good(list);
  return bad(
    withSuggestion(
      `expected a list of ${either(choices)}, received "${wrong}"`,
      wrong,
      choices,
    ),
  );
}

function parseNetworks(texts: readonly string[]): Parsed {
  const wrong = texts.find((text) => parseNetwork(text) === undefined);
  if (wrong === undefined) return good(texts);
  return bad(`expected addresses or networks such as 10.0.0.0/8, received "${wrong}"`);
}

function parseAliases(pairs: readonly string[]): Parsed {
  const aliases = new Map<string, string>();
  for (const pair of pairs) {
    const colon = pair.indexOf(":");
    const alias = pair.slice(0, colon).trim();
    const model = pair.slice(colon + 1).trim();
    if (colon < 0 || alias === "" || model === "") {
      return bad(`expected alias:model, received "${pair}"`);
    }
    if (aliases.has(alias)) return bad(`names the alias "${alias}" twice`);
    aliases.set(alias, model);
  }
  return good(aliases);
}

function items(raw: RawValue): readonly string[] {
  return (typeof raw === "string" ? raw.split(",") : raw).map((item) => item.trim());
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function either(choices: readonly string[]): string {
  return choices.length < 2
    ? choices.join()
    : `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
}

function good<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

function bad(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}

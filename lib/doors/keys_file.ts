/**
 * The file of keys: YAML (JSON is a subset). What is wrong with it is told without a word of what it
 * holds: any of it may be a secret, also what should be the name of a member.
 * @module
 */
import { parseDocument } from "yaml";
import * as z from "zod";
import { jsonOf, once, sha256 } from "../base/mod.ts";
import type { ApiKey, KeyLimits } from "./api_key.ts";

/** The keys of a file, or why it has none to be used. */
export type KeysFile =
  | { readonly ok: true; readonly keys: readonly ApiKey[] }
  | { readonly ok: false; readonly problem: string };

/** Most keys of a file. */
export const MAX_KEYS = 10_000;

/** Largest file, in bytes. */
export const MAX_KEYS_FILE_BYTES = 4 * 1024 * 1024;

/** The shapes of a file, and of its keys; most starts read none. */
const shapes = once(() => {
  const TEXT = z.string("expected a text: put it in quotes");
  const MANY = 1_000_000_000;
  const KEY = z.strictObject({
    name: TEXT.regex(
      /^[\w.@:-]{1,64}$/,
      "expected 1 to 64 letters, digits and any of . _ @ : -",
    ),
    key: TEXT.regex(/^[\x21-\x7e]{1,4096}$/, "expected characters that an HTTP header can hold")
      .optional(),
    sha256: TEXT.regex(/^[\da-fA-F]{64}$/, "expected 64 hexadecimal digits").optional(),
    requests_per_second: z.number("expected a number").gt(0, "expected a number above 0").max(
      MANY,
      `expected at most ${MANY}`,
    ).optional(),
    concurrent_requests: z.int("expected an integer").min(1, "expected 1 or more").optional(),
    tokens_per_minute: z.int("expected an integer").min(1, "expected 1 or more").optional(),
    models: z.array(TEXT.min(1, "must not be empty"), "expected a list of models")
      .min(1, "names no model")
      .optional(),
  }, "expected a name, a key and limits");
  const KEYS = z.array(KEY, "expected a list of keys").max(
    MAX_KEYS,
    `expected at most ${MAX_KEYS}`,
  );
  const FILE = z.union([KEYS, z.strictObject({ keys: KEYS }, "expected a list of keys")]);
  return { KEY, KEYS, FILE, members: Object.keys(KEY.shape).join(", ") };
});

type Entry = z.infer<ReturnType<typeof shapes>["KEY"]>;

/** The keys that `text` lists. */
export function parseKeysFile(text: string): KeysFile {
  const content = contentOf(text);
  if (!content.ok) return content;
  const { value } = content;
  const { KEYS, FILE } = shapes();
  const listed = Array.isArray(value) ? KEYS.safeParse(value) : FILE.safeParse(value);
  if (!listed.success) return bad(issueText(listed.error.issues, Array.isArray(value)));
  const entries = Array.isArray(listed.data) ? listed.data : listed.data.keys;
  const keys: ApiKey[] = [];
  const names = new Map<string, number>();
  const digests = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const { name, key, sha256: given } = entry;
    const at = `keys[${index}]`;
    if ((key === undefined) === (given === undefined)) return bad(`${at}: give key or sha256`);
    const digest = key === undefined ? (given ?? "").toLowerCase() : sha256(key);
    const same = names.get(name);
    if (same !== undefined) return bad(`${at}.name: the same as that of keys[${same}]`);
    const twin = digests.get(digest);
    if (twin !== undefined) return bad(`${at}: the same key as keys[${twin}]`);
    names.set(name, index);
    digests.set(digest, index);
    keys.push({ name, digest, limits: limitsOf(entry) });
  }
  return { ok: true, keys };
}

function limitsOf(entry: Entry): KeyLimits {
  const { requests_per_second: rate, concurrent_requests: most } = entry;
  const { tokens_per_minute: tokens, models } = entry;
  return {
    ...(rate === undefined ? {} : { requestsPerSecond: rate }),
    ...(most === undefined ? {} : { concurrentRequests: most }),
    ...(tokens === undefined ? {} : { tokensPerMinute: tokens }),
    ...(models === undefined ? {} : { models }),
  };
}

type Content = { readonly ok: true; readonly value: unknown } | KeysFile & { readonly ok: false };

function contentOf(text: string): Content {
  // Large files are JSON: read by the platform, in a fraction of the time.
  const value = /^\s*[[{]/.test(text) ? jsonOf(text) : undefined;
  if (value !== undefined) return { ok: true, value };
  try {
    const document = parseDocument(text);
    const [error] = document.errors;
    if (error !== undefined) {
      const line = error.linePos?.[0].line;
      return bad(`neither YAML nor JSON${line === undefined ? "" : ` at line ${line}`}`);
    }
    return { ok: true, value: document.toJS() };
  } catch (error) {
    if (error instanceof RangeError) return bad("it is nested too deeply");
    // An alias without its anchor, or too many of them, shows only here.
    return bad("an alias in it leads nowhere, or too far");
  }
}

/** The first issue, with the place where it is. */
function issueText(issues: readonly z.core.$ZodIssue[], isList: boolean): string {
  const [first] = issues;
  if (first === undefined) return "expected keys";
  // Of the two shapes of a file, the one with `keys` is meant when it is no list.
  if (first.code === "invalid_union") return issueText(first.errors.at(-1) ?? [], isList);
  const path = isList ? ["keys", ...first.path] : first.path;
  const where = path.map((step, index) =>
    typeof step === "number" ? `[${step}]` : index === 0 ? String(step) : `.${String(step)}`
  ).join("");
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return `${where === "" ? "" : `${where}: `}${issueMessage(first)}${more}`;
}

function issueMessage(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return issue.path.length === 0
      ? "expected nothing but keys"
      : `has an unknown member; known are ${shapes().members}`;
  }
  if (issue.code === "invalid_type" && issue.path.at(-1) === "name") return "required";
  return issue.message.replace(/^Invalid input: /, "");
}

function bad(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

/** External providers: the file of `--external-providers-config`, in the production-stack router's schema. @module */
import * as z from "zod";
import { engineAddressProblem } from "../base/mod.ts";
import { asMap } from "./file_shapes.ts";
import type { Problem } from "./problem.ts";
import { parseEngineUrl } from "./url.ts";
import { maskUrls } from "./value.ts";

/** Who serves models that the router's own engines do not. */
export interface ExternalProvider {
  /** Unique. */
  readonly name: string;
  /** Scheme, authority and base path, without `/v1`, which paths begin with. */
  readonly url: string;
  /** Fields of every request: the key among them. Never to be printed. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** What a model is called there, by each name that clients may use. */
  readonly models: ReadonlyMap<string, string>;
  /** Longest wait for the head of an answer, in milliseconds; absent: as of engines. */
  readonly timeoutMs?: number;
  /** Further attempts where nothing has been sent; at least 0. */
  readonly retries: number;
}

/** How the kinds of providers want their keys, and where these are when nothing else is said. */
const TYPES = {
  openai: { variable: "OPENAI_API_KEY", fields: bearer },
  anthropic: { variable: "ANTHROPIC_API_KEY", fields: anthropicFields },
} as const;

type ProviderType = keyof typeof TYPES;

/** The variables of keys that are looked at where a provider names none. */
export const KEY_VARIABLES: readonly string[] = Object.values(TYPES).map((type) => type.variable);

const TEXT = z.string().trim().min(1, "must not be empty");
const MODEL = z.union([
  TEXT.transform((id) => ({ id, aliases: [] as string[] })),
  z.strictObject({ id: TEXT, type: TEXT.optional(), aliases: z.array(TEXT).default([]) }),
], "expected a name, or id and aliases");
const PROVIDER = z.strictObject({
  name: TEXT,
  type: z.enum(["openai", "anthropic"], "expected openai or anthropic"),
  api_base: TEXT,
  api_key_env_var: TEXT.optional(),
  api_key: TEXT.optional(),
  models: z.array(MODEL).min(1, "names no model"),
  timeout: z.number().positive("expected seconds above 0").max(86_400).optional(),
  max_retries: z.int().min(0).max(10).default(3),
  custom_headers: z.record(z.string(), z.string()).default({}),
});
const PROVIDERS = z.array(PROVIDER, "expected a list of providers").min(1, "names no provider");
type Entry = z.infer<typeof PROVIDER>;

/** What a file of providers says. */
export interface ProvidersRead {
  readonly providers: readonly ExternalProvider[];
  readonly problems: readonly Problem[];
}

/**
 * The providers of a parsed file: a list, or one under `external_providers` or `providers`. Keys come
 * from `env` where the file does not have them. Problems never hold a key.
 */
export function readProviders(
  content: unknown,
  path: string,
  env: (name: string) => string | undefined,
): ProvidersRead {
  const map = Array.isArray(content) ? undefined : asMap(content);
  const list = map === undefined ? content : map["external_providers"] ?? map["providers"];
  const parsed = PROVIDERS.safeParse(list);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue): Problem => ({
      key: `external_providers${placeOf(issue.path)} in ${path}`,
      message: issue.message.replace(/^Invalid [a-z]+: /, ""),
    }));
    return { providers: [], problems };
  }
  const problems: Problem[] = [];
  const owners = new Map<string, string>();
  const names = new Set<string>();
  const providers = parsed.data.map((entry, index) => {
    const wrong = (key: string, message: string, value?: string): void => {
      const at = `external_providers[${index}].${key} in ${path}`;
      problems.push({ key: at, ...(value === undefined ? {} : { value }), message });
    };
    if (names.has(entry.name)) wrong("name", "given twice", entry.name);
    names.add(entry.name);
    const models = new Map<string, string>();
    for (const { id, aliases } of entry.models) {
      for (const name of [id, ...aliases]) {
        const owner = owners.get(name);
        if (owner !== undefined) wrong("models", `"${name}" is given by ${owner} already`);
        owners.set(name, entry.name);
        models.set(name, id);
      }
    }
    return {
      name: entry.name,
      url: urlOf(entry, wrong),
      headers: headersOf(entry, env, wrong),
      models,
      retries: entry.max_retries,
      ...(entry.timeout === undefined ? {} : { timeoutMs: Math.round(entry.timeout * 1000) }),
    };
  });
  return { providers, problems };
}

type Wrong = (key: string, message: string, value?: string) => void;

/** A base that ends in `/v1` and one that does not mean the same. */
function urlOf({ api_base: given }: Entry, wrong: Wrong): string {
  const shown = maskUrls(given);
  const parsed = parseEngineUrl(given.replace(/\/+$/, "").replace(/\/v1$/, ""));
  if (!parsed.ok) {
    wrong("api_base", parsed.message.replace("; engines take VLLM_API_KEY", ""), shown);
    return "";
  }
  const problem = engineAddressProblem(parsed.value.url);
  if (problem !== undefined) wrong("api_base", "the address is link-local or a metadata service");
  return parsed.value.url;
}

function headersOf(
  { type, api_key: given, api_key_env_var: named, custom_headers: custom }: Entry,
  env: (name: string) => string | undefined,
  wrong: Wrong,
): ExternalProvider["headers"] {
  const own = Object.entries(custom).map(([name, value]) => [name.toLowerCase(), value] as const);
  for (const [name, value] of own) {
    if (/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && /^[\x20-\x7e]*$/.test(value)) continue;
    wrong("custom_headers", "not the name and value of a header field", name);
  }
  const { variable, fields } = TYPES[type satisfies ProviderType];
  const source = named ?? variable;
  const key = given ?? env(source)?.trim();
  if (key === undefined || key === "") {
    wrong(
      named === undefined ? "api_key" : "api_key_env_var",
      `no key: the variable ${source} is not set, or the program may not read it (it may where ` +
        "the name begins with PD_ROUTER_)",
    );
    return own;
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    wrong("api_key", "the key holds characters that an HTTP header cannot");
  }
  const names = new Set(own.map(([name]) => name));
  return [...fields(key).filter(([name]) => !names.has(name)), ...own];
}

function bearer(key: string): readonly (readonly [string, string])[] {
  return [["authorization", `Bearer ${key}`]];
}

function anthropicFields(key: string): readonly (readonly [string, string])[] {
  return [["x-api-key", key]];
}

function placeOf(path: readonly PropertyKey[]): string {
  return path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`).join("");
}

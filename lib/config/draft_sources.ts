/** Engines by `--prefill` and `--decode`, by a file's `engines`, and by static lists. @module */
import type { Role } from "../base/mod.ts";
import { draftEngine, type Drafts, joinDrafts } from "./draft.ts";
import type { EngineEntry } from "./file_shapes.ts";
import { type Problem, withSuggestion } from "./problem.ts";
import type { RawEngine, RawKvEvents } from "./raw_engine.ts";
import type { Settings } from "./settings.ts";
import { maskUrls } from "./value.ts";

/** Keys of an engine's KV events. */
const KV_EVENT_KEYS = [
  "kv_events",
  "kv_events_replay",
  "kv_events_topic",
  "kv_events_ranks",
] as const;

/** Keys of engines that are written as specs, by role. */
export const SPEC_KEYS = {
  prefill: [
    "model",
    "notifications",
    "kv_protocol",
    "max_num_seqs",
    "chunk_size",
    "topology",
    ...KV_EVENT_KEYS,
  ],
  decode: [
    "model",
    "init",
    "alloc",
    "query",
    "host",
    "first_token",
    "kv_protocol",
    "max_num_seqs",
    "buffer_bytes",
    "bytes_per_token",
    "chunk_size",
    "topology",
    ...KV_EVENT_KEYS,
  ],
  both: ["model", "kv_protocol", "max_num_seqs", "topology"],
} as const satisfies Partial<Record<Role, readonly string[]>>;

type Backend = Pick<RawEngine, "url" | "label" | "models">;

const LISTS = ["static-backends", "static-models", "static-model-labels"] as const;

/** Engines of `--prefill`, `--decode` or `--both`: `URL;key=value;...`, lists separated by commas. */
export function draftSpecs(settings: Settings, role: keyof typeof SPEC_KEYS): Drafts {
  const { where } = settings.get(role);
  return joinDrafts(
    settings.list(role).map((spec): Drafts => {
      const shown = maskUrls(spec);
      const { url, fields, wrong } = splitSpec(spec, SPEC_KEYS[role]);
      const drafts = draftEngine(where, shown, { url, ...specEngine(fields, role, wrong) });
      if (wrong.length === 0) return drafts;
      const problems = wrong.map((message) => ({ key: where, value: shown, message }));
      return { drafts: [], problems: [...problems, ...drafts.problems] };
    }),
  );
}

/** What the fields of a spec say of an engine; what is wrong with them is added to `wrong`. */
export function specEngine(
  fields: ReadonlyMap<string, string>,
  role: Role,
  wrong: string[],
): Omit<RawEngine, "url"> {
  const list = (key: string): readonly string[] | undefined =>
    fields.get(key)?.split(",").map((item) => item.trim());
  const number = (key: string): number | undefined => {
    const text = fields.get(key);
    return text === undefined ? undefined : Number(text);
  };
  const topology = topologyIn(list("topology"));
  if (topology === "wrong") wrong.push("topology: expected labels such as zone:a,rack:r1");
  return {
    role,
    models: list("model") ?? [],
    kv_protocol: fields.get("kv_protocol"),
    max_num_seqs: number("max_num_seqs"),
    topology: topology === "wrong" ? undefined : topology,
    kv_events: kvEventsIn(fields),
    nixl: {
      host: fields.get("host"),
      init_ports: list("init"),
      alloc_ports: list("alloc"),
      query_ports: list("query"),
      first_token: fields.get("first_token"),
      notifications: number("notifications"),
      buffer_bytes: number("buffer_bytes"),
      bytes_per_token: number("bytes_per_token"),
      chunk_size: number("chunk_size"),
    },
  };
}

/** Engines of the file's `engines`. */
export function draftEntries(entries: readonly EngineEntry[], filePath: string): Drafts {
  return joinDrafts(
    entries.map(({ model, models = [], role = "any", ...entry }, index) =>
      draftEngine(`engines[${index}] in ${filePath}`, maskUrls(entry.url), {
        ...entry,
        role,
        models: model === undefined ? models : [model, ...models],
      })
    ),
  );
}

/**
 * Engines of `--static-backends`, with the lists that follow its order. A URL may return with
 * another model; it is then one engine with several.
 *
 * @param byLabel Whether labels give roles; without, every engine serves whole requests.
 */
export function draftStatic(settings: Settings, byLabel: boolean): Drafts {
  const problems = [...listProblems(settings), ...(byLabel ? labelProblems(settings) : [])];
  const { where } = settings.get("static-backends");
  const urls = settings.list("static-backends");
  const draft = (raw: RawEngine): Drafts => draftEngine(where, maskUrls(raw.url), raw);
  if (problems.length > 0 || !LISTS.every((name) => settings.get(name).valid)) {
    // Lists that do not fit together still tell which of their URLs are wrong.
    const checked = joinDrafts(urls.map((url) => draft({ url, role: "any", models: [] })));
    return { drafts: [], problems: [...problems, ...checked.problems] };
  }
  const host = settings.optional("nixl-peer-host");
  const groups = groupBackends(settings);
  const results = groups.backends.map(({ url, label, models }): Drafts => {
    const role = byLabel ? roleOf(label, settings) : "any";
    const nixl = role === "decode" && host !== undefined ? { host } : undefined;
    return draft({ url, role, models, label, nixl });
  });
  return joinDrafts([...results, { drafts: [], problems: groups.problems }]);
}

/** One item for each URL, with all its models. */
function groupBackends(settings: Settings): {
  readonly backends: readonly Backend[];
  readonly problems: readonly Problem[];
} {
  const { where } = settings.get("static-backends");
  const models = settings.list("static-models");
  const labels = settings.list("static-model-labels");
  const backends = new Map<string, Backend>();
  const problems: Problem[] = [];
  for (const [index, url] of settings.list("static-backends").entries()) {
    const model = models[index] ?? "";
    const label = labels[index];
    const key = url.replace(/\/+$/, "");
    const before = backends.get(key);
    const wrong = (message: string): void =>
      void problems.push({ key: where, value: maskUrls(url), message });
    if (before === undefined) backends.set(key, { url, label, models: [model] });
    else if (before.models.includes(model)) wrong(`given twice for "${model}"`);
    else if (before.label !== label) wrong("has two different labels");
    else backends.set(key, { ...before, models: [...before.models, model] });
  }
  return { backends: [...backends.values()], problems };
}

function listProblems(settings: Settings): Problem[] {
  const problems: Problem[] = [];
  const backends = settings.get("static-backends");
  const count = settings.list("static-backends").length;
  for (const name of ["static-models", "static-model-labels", "static-model-types"] as const) {
    const setting = settings.get(name);
    const items = settings.list(name).length;
    if (!setting.valid || !backends.valid || items === count) continue;
    if (items === 0 && name !== "static-models") continue;
    const message = items === 0
      ? "required with --static-backends: the model of each engine"
      : count === 0
      ? "needs --static-backends: the engines, in the same order"
      : `expected one item for each engine of ${backends.where}: ${count}, not ${items}`;
    problems.push({ key: setting.where, message });
  }
  return problems;
}

function labelProblems(settings: Settings): Problem[] {
  const decode = settings.list("decode-model-labels");
  return settings.list("prefill-model-labels").filter((label) => decode.includes(label))
    .map((label) => ({
      key: settings.get("decode-model-labels").where,
      value: label,
      message: "also in --prefill-model-labels; a label has one role",
    }));
}

function roleOf(label: string | undefined, settings: Settings): Role {
  if (label === undefined) return "any";
  if (settings.list("prefill-model-labels").includes(label)) return "prefill";
  return settings.list("decode-model-labels").includes(label) ? "decode" : "any";
}

/** Labels of the form `zone:a`. */
function topologyIn(
  labels: readonly string[] | undefined,
): Readonly<Record<string, string>> | "wrong" | undefined {
  if (labels === undefined) return undefined;
  const pairs = labels.map((label): readonly [string, string] => {
    const colon = label.indexOf(":");
    return [label.slice(0, Math.max(colon, 0)).trim(), label.slice(colon + 1).trim()];
  });
  const names = new Set(pairs.map(([name]) => name));
  return pairs.some((pair) => pair.includes("")) || names.size < pairs.length
    ? "wrong"
    : Object.fromEntries(pairs);
}

/** `URL;key=value;...` in its parts; `wrong` is what cannot be read of it. */
export function splitSpec(spec: string, keys: readonly string[]): {
  readonly url: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly wrong: string[];
} {
  const [url = "", ...parts] = spec.split(";").map((part) => part.trim());
  const fields = new Map<string, string>();
  const wrong: string[] = [];
  for (const part of parts) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(equals, 0)).trim();
    const value = part.slice(equals + 1).trim();
    if (equals < 1 || value === "") wrong.push(`expected key=value, received "${maskUrls(part)}"`);
    else if (fields.has(key)) wrong.push(`"${key}" is given twice`);
    else if (keys.includes(key)) fields.set(key, value);
    else wrong.push(withSuggestion(`unknown key "${key}"`, key, keys));
  }
  return { url, fields, wrong };
}

/** What a spec says of KV events; the port or endpoint stands for all of it. */
function kvEventsIn(fields: ReadonlyMap<string, string>): RawKvEvents | undefined {
  const endpoint = fields.get("kv_events");
  if (endpoint === undefined) return undefined;
  const ranks = fields.get("kv_events_ranks");
  return {
    endpoint,
    replay: fields.get("kv_events_replay"),
    topic: fields.get("kv_events_topic"),
    ranks: ranks === undefined ? undefined : Number(ranks),
  };
}

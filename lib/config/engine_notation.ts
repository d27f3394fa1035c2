/**
 * Engines that are told one by one, in the notation of the configuration file's `engines`, and changes
 * of them.
 * @module
 */
import * as z from "zod";
import { once } from "../base/mod.ts";
import { asMap, ENGINE, ENGINE_CHANGE, type EngineEntry } from "./file_shapes.ts";
import type { Problem } from "./problem.ts";
import type { RawEngine, RawKvEvents } from "./raw_engine.ts";
import { shapeProblem } from "./shape_problem.ts";
import { maskUrls } from "./value.ts";

/** What was read, or everything that is wrong with it; the key of each problem leads to a field. */
export type Notation<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Fields that hold over those of an engine; of fields within fields, those alone that are there. */
export interface EnginePatch extends Partial<Omit<RawEngine, "url" | "kv_events">> {
  readonly kv_events?: Partial<RawKvEvents> | undefined;
}

/** Changes of a patch by field, checked; null takes a change back. */
export type EngineChange = Readonly<Record<string, unknown>>;

/** The engine that `value`, an item of `engines`, describes. */
export function readEngine(value: unknown): Notation<RawEngine> {
  const read = readShape(ENGINE, value);
  return read.ok ? { ok: true, value: rawOf(read.value) } : read;
}

/** What `value` changes of an engine. Its URL is what an engine is, and cannot be changed. */
export function readChange(value: unknown): Notation<EngineChange> {
  const url = asMap(value)?.["url"];
  if (url !== undefined) {
    const message = "an engine's URL stays: add another engine, and remove this one";
    return { ok: false, problems: [{ key: "url", value: maskUrls(String(url)), message }] };
  }
  const read = readShape(ENGINE_CHANGE, value);
  if (!read.ok) return read;
  const { model, ...change }: EngineChange = read.value;
  if (model === undefined) return { ok: true, value: change };
  if (change["models"] === undefined) {
    return { ok: true, value: { ...change, models: model === null ? null : [model] } };
  }
  const message = "models says the same: give one of them";
  return { ok: false, problems: [{ key: "model", value: String(model), message }] };
}

/** `before` with `change`; undefined where nothing is changed any more. */
export function changedPatch(
  before: EnginePatch | undefined,
  change: EngineChange,
): EnginePatch | undefined {
  const after = merged({ ...before }, change);
  return Object.keys(after).length === 0 ? undefined : after;
}

/** `raw` as it is with `patch`. */
export function patchedEngine(raw: RawEngine, patch: EnginePatch | undefined): RawEngine {
  return patch === undefined ? raw : { ...raw, ...merged({ ...raw }, { ...patch }) };
}

/** What is wrong with an engine, in words that begin with a field where they are about one. */
export function engineProblem(message: string, raw: RawEngine): Problem {
  const [, word = "", rest] = /^(\w+): (.*)$/s.exec(message) ?? [];
  const field = FIELDS[word];
  if (field === undefined || rest === undefined) {
    return { key: "url", value: maskUrls(raw.url), message };
  }
  const value = field.split(".").reduce<unknown>((at, step) => asMap(at)?.[step], raw);
  const shown = value === undefined || asMap(value) !== undefined
    ? {}
    : { value: maskUrls(String(value)) };
  return { key: field, ...shown, message: rest };
}

/** Where the words stand by which messages about engines begin. */
const FIELDS: Readonly<Record<string, string>> = {
  init: "nixl.init_ports",
  alloc: "nixl.alloc_ports",
  query: "nixl.query_ports",
  host: "nixl.host",
  first_token: "nixl.first_token",
  notifications: "nixl.notifications",
  buffer_bytes: "nixl.buffer_bytes",
  kv_events: "kv_events",
  kv_protocol: "kv_protocol",
  max_num_seqs: "max_num_seqs",
};

/** The notation as JSON Schema. */
export const engineSchema = once(() => schemaOf(ENGINE));
export const changeSchema = once(() => schemaOf(ENGINE_CHANGE));

function schemaOf(type: z.ZodType): Readonly<Record<string, unknown>> {
  const { $schema: _draft, ...schema } = z.toJSONSchema(type, { io: "input" });
  return schema;
}

function rawOf({ model, models = [], role = "any", ...entry }: EngineEntry): RawEngine {
  return { ...entry, role, models: model === undefined ? models : [model, ...models] };
}

function readShape<T>(type: z.ZodType<T>, value: unknown): Notation<T> {
  if (asMap(value) === undefined) {
    return { ok: false, problems: [{ key: "body", message: "expected a JSON object" }] };
  }
  const result = type.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const problems = result.error.issues.map((issue) => shapeProblem(issue, { value, name: "" }));
  return { ok: false, problems };
}

/** As a JSON Merge Patch (RFC 7396): null takes a member out, objects are merged. */
function merged(
  before: Readonly<Record<string, unknown>>,
  change: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const after = { ...before };
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) continue;
    const inner = asMap(value);
    const result = inner === undefined ? value : merged(asMap(after[name]) ?? {}, inner);
    const isEmpty = inner !== undefined && Object.keys(asMap(result) ?? {}).length === 0;
    if (result === null || isEmpty) delete after[name];
    else after[name] = result;
  }
  return after;
}

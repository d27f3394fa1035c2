/** Shapes of the values of a configuration file that are more than one value or a list. @module */
import * as z from "zod";

const TEXT = z.string().trim().min(1, "must not be empty");
const PORTS = z.union([z.int(), z.array(z.int())], "expected a port or a list of ports")
  .transform((ports) => [ports].flat().map(String));
const NIXL = z.strictObject({
  host: TEXT.optional(),
  init_ports: PORTS.optional(),
  alloc_ports: PORTS.optional(),
  query_ports: PORTS.optional(),
  first_token: TEXT.optional(),
  notifications: z.number().optional(),
  buffer_bytes: z.number().optional(),
  bytes_per_token: z.number().optional(),
  chunk_size: z.number().optional(),
});
/** Labels of an engine's place. */
const TOPOLOGY = z.record(z.string(), TEXT, "expected labels such as zone");
const KV_EVENTS = z.strictObject({
  endpoint: z.union([TEXT, z.int()]).transform(String),
  replay: z.union([TEXT, z.int()]).transform(String).optional(),
  topic: z.string().optional(),
  ranks: z.number().optional(),
});
/** An item of `engines`. */
export const ENGINE = z.strictObject({
  url: TEXT,
  role: z.enum(["prefill", "decode", "any", "both"]).optional(),
  model: TEXT.optional(),
  models: z.array(TEXT).optional(),
  label: TEXT.optional(),
  kv_protocol: TEXT.optional(),
  max_num_seqs: z.number().optional(),
  nixl: NIXL.optional(),
  kv_events: KV_EVENTS.optional(),
  topology: TOPOLOGY.optional(),
});

/** Changes of an engine: what an item of `engines` may say but its URL, null for what it does not. */
export const ENGINE_CHANGE = z.strictObject({
  ...orNull(ENGINE.omit({ url: true })),
  nixl: z.strictObject(orNull(NIXL)).nullish(),
  kv_events: z.strictObject(orNull(KV_EVENTS)).nullish(),
  topology: z.record(z.string(), TEXT.nullable(), "expected labels such as zone").nullish(),
});

/** The fields of a shape, each of which may be absent or null. */
function orNull({ shape }: z.ZodObject): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(shape).map(([name, type]) => [name, z.nullish(type)]),
  );
}

const SCALAR = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** Value of the key `engines`. */
export const ENGINES = z.array(ENGINE, "expected a list of engines");

/** What `ENGINE` yields. */
export type EngineEntry = z.infer<typeof ENGINE>;

/** Names that an item of `engines`, or its `nixl`, may have. */
export const ENGINE_KEYS: readonly string[] = [
  ...Object.keys(ENGINE.shape),
  ...Object.keys(NIXL.shape),
  ...Object.keys(KV_EVENTS.shape),
];

/** Value of a flag's key. */
export const VALUE = z.union(
  [SCALAR, z.array(SCALAR)],
  "expected one value or a list of values",
);

/** `static_aliases` as a map: model by alias. */
export const ALIASES = z.record(z.string(), z.string("expected the name of a model"));

/** `static_models` as a map, as in a dynamic configuration file of the production-stack router. */
export const STATIC_MODELS = z.record(
  z.string(),
  z.strictObject({
    static_backends: z.array(TEXT).min(1, "names no engine"),
    static_model_type: TEXT.optional(),
  }),
);

/** What `STATIC_MODELS` yields. */
export type StaticModels = z.infer<typeof STATIC_MODELS>;

/** `value` as a mapping with names for keys, or undefined when it is something else. */
export function asMap(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return MAP.safeParse(value).data;
}

const MAP = z.record(z.string(), z.unknown());

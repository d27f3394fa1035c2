/** Forms of what the admin API takes and gives, as JSON Schema. @module */
import { CHANGE_SCHEMA, ENGINE_SCHEMA } from "../config/mod.ts";
import { ENGINE_STATES } from "./engine_view.ts";
import {
  about,
  COUNT,
  object,
  reference,
  type Schema,
  TEXT,
  TEXT_OR_NULL,
  TEXTS,
} from "./schema_forms.ts";
import { OBSERVE_SCHEMAS } from "./schemas_observe.ts";

export { reference } from "./schema_forms.ts";

/** All forms by name. */
export const SCHEMAS = {
  NewEngine: ENGINE_SCHEMA,
  EngineChange: CHANGE_SCHEMA,
  Engine: object({
    id: about(
      TEXT,
      "`host:port` and the URL's path; of one that is left out, its source and its name there",
    ),
    url: TEXT,
    source: about(TEXT, "The source that has found it; `admin` for those that were added here"),
    where: about(TEXT, "What the source calls it"),
    state: about(
      { type: "string", enum: ENGINE_STATES },
      "`left_out` for `problems`; `drained` when idle",
    ),
    problems: TEXTS,
    drained: about({ type: "boolean" }, "It was told to drain here"),
    inflight: about(COUNT, "Requests that it works on, or has been chosen for"),
    role: { type: "string", enum: ["prefill", "decode", "any", "both"] },
    models: TEXTS,
    verdict: about(TEXT_OR_NULL, "What health says of it; `why` is there unless it is `good`"),
    started: about(TEXT_OR_NULL, "Its start, where its source knows it"),
    written: about({ type: "object" }, "As its source says it"),
    patch: about({ type: ["object", "null"] }, "What was changed here"),
  }, "Besides, what `/engines` of the router tells of it."),
  Source: object({
    name: TEXT,
    engines: COUNT,
    left_out: COUNT,
    synced: { type: "boolean" },
    ailment: about(TEXT_OR_NULL, "Why it cannot look; its engines stay as they were"),
  }),
  EngineList: object({
    engines: { type: "array", items: reference("Engine") },
    sources: { type: "array", items: reference("Source") },
  }),
  Reload: object({
    result: { type: "string", enum: ["applied", "unchanged"] },
    applied: about(TEXTS, "Settings that have changed"),
    restart: about(TEXTS, "Settings whose change takes effect with the next start"),
  }),
  ...OBSERVE_SCHEMAS,
  Document: object({ openapi: TEXT, info: { type: "object" }, paths: { type: "object" } }),
  Error: object({
    error: object({
      message: TEXT,
      type: TEXT,
      param: about(TEXT_OR_NULL, "The field or parameter at fault"),
      code: about({ type: "integer" }, "The status"),
    }),
  }),
} as const satisfies Readonly<Record<string, Schema>>;

/** The name of a form. */
export type SchemaName = keyof typeof SCHEMAS;

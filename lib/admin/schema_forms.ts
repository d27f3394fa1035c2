/** What forms are put together from. @module */

/** A form, as JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

export const TEXT = { type: "string" } as const;
export const COUNT = { type: "integer", minimum: 0 } as const;
export const TEXT_OR_NULL = { type: ["string", "null"] } as const;
export const TEXTS = { type: "array", items: TEXT } as const;

/** What leads to a form in a document. */
export function reference(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** `schema` with words on it. */
export function about(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** All of `properties` are there; more may be. */
export function object(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  return {
    type: "object",
    ...(description === undefined ? {} : { description }),
    properties,
    required: Object.keys(properties),
  };
}

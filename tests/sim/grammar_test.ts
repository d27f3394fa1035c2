import { ApiError } from "../../lib/sim/api_error.ts";
import { grammarOf } from "../../lib/sim/grammar.ts";
import { decodeIds } from "../../lib/sim/tokenizer.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function forced(body: Record<string, unknown>): string | undefined {
  const ids = grammarOf(body);
  return ids && decodeIds(ids);
}

function bySchema(schema: unknown): unknown {
  const text = forced({ response_format: { type: "json_schema", json_schema: { schema } } });
  return text === undefined ? undefined : JSON.parse(text);
}

Deno.test("grammarOf() is undefined without a grammar", () => {
  assertEquals(forced({}), undefined);
  assertEquals(forced({ response_format: { type: "text" } }), undefined);
  assertEquals(forced({ response_format: null }), undefined);
});

Deno.test("grammarOf() gives an empty object for json_object", () => {
  assertEquals(forced({ response_format: { type: "json_object" } }), "{}");
});

const SCHEMAS: readonly (readonly [schema: unknown, value: unknown])[] = [
  [{ type: "string" }, ""],
  [{ type: "string", minLength: 3 }, "aaa"],
  [{ type: "integer", minimum: 5 }, 5],
  [{ type: "number", minimum: 0.5 }, 1],
  [{ type: ["boolean", "null"] }, true],
  [{ enum: ["red", "blue"] }, "red"],
  [{ const: 7 }, 7],
  [{ type: "array", items: { type: "integer" }, minItems: 2 }, [0, 0]],
  [{ anyOf: [{ type: "null" }, { type: "string" }] }, null],
  [
    {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "integer" }, c: {} },
      required: ["b", "a"],
    },
    { b: 0, a: "" },
  ],
  [
    { properties: { x: { $ref: "#/$defs/y" } }, $defs: { y: { type: "boolean" } } },
    { x: true },
  ],
  [{ type: "object", properties: { x: { type: "string" } } }, { x: "" }],
];

for (const [schema, value] of SCHEMAS) {
  Deno.test(`grammarOf() fits ${JSON.stringify(schema)}`, () => {
    assertEquals(bySchema(schema), value);
  });
}

Deno.test("grammarOf() ends on a schema that refers to itself", () => {
  const schema = {
    $ref: "#/$defs/node",
    $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } },
  };
  assertEquals(typeof bySchema(schema), "object");
});

Deno.test("grammarOf() takes vLLM's structured_outputs and guided fields", () => {
  assertEquals(forced({ structured_outputs: { choice: ["yes", "no"] } }), "yes");
  assertEquals(forced({ guided_choice: ["a"] }), "a");
  assertEquals(forced({ guided_json: { type: "boolean" } }), "true");
});

for (
  const format of [5, { type: "odd" }, { type: "json_schema" }, {
    type: "json_schema",
    json_schema: {},
  }]
) {
  Deno.test(`grammarOf() refuses response_format ${JSON.stringify(format)}`, () => {
    const error = assertThrows(() => grammarOf({ response_format: format }), ApiError);
    assertEquals(error.status, 400);
  });
}

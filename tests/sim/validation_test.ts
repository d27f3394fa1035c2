import { errorBody } from "../../lib/sim/api_error.ts";
import {
  invalidBody,
  invalidField,
  missingField,
  wrongMediaType,
} from "../../lib/sim/validation.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("invalidField() words a problem as FastAPI does", () => {
  const message = "Input should be a valid integer";
  assertEquals(JSON.parse(errorBody(invalidField("int_type", "max_tokens", message, "many"))), {
    error: {
      message: "1 validation error:\n  {'type': 'int_type', 'loc': 'body.max_tokens', " +
        "'msg': 'Input should be a valid integer', 'input': 'many'}",
      type: "Bad Request",
      param: "body.max_tokens",
      code: 400,
    },
  });
});

const INPUTS: readonly (readonly [input: unknown, text: string])[] = [
  [undefined, "'None'"],
  [null, "'None'"],
  [true, "'True'"],
  [1.5, "'1.5'"],
  [[1, 2], "'<list of 2 items>'"],
  [{ a: 1 }, "'<dict of 1 items>'"],
  ["it's", '"it\'s"'],
  ["x".repeat(300), `'${"x".repeat(200)}...[truncated]'`],
];

for (const [input, text] of INPUTS) {
  Deno.test(`missingField() shows ${JSON.stringify(input)?.slice(0, 30)} as Python does`, () => {
    const { message } = missingField("a", input);
    assertEquals(message.split("'input': ")[1], `${text}}`);
  });
}

Deno.test("invalidBody() counts problems and takes its place from the first", () => {
  const problem = { type: "missing", message: "Field required", input: {} };
  const error = invalidBody([{ ...problem, at: "prompt" }, {
    ...problem,
    at: "",
    context: "'a': 1",
  }]);
  assertEquals([error.status, error.param], [400, "body.prompt"]);
  assertEquals(error.message.split("\n").length, 3);
  assertEquals(error.message.startsWith("2 validation errors:\n"), true);
  assertEquals(
    error.message.endsWith(
      "'loc': 'body', 'msg': 'Field required', " +
        "'input': '<dict of 0 items>', 'ctx': {'a': 1}}",
    ),
    true,
  );
});

Deno.test("wrongMediaType() is a refusal of no field", () => {
  const { status, param } = wrongMediaType();
  assertEquals([status, param], [400, undefined]);
});

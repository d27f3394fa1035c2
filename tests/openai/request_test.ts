import { RouterError } from "../../lib/base/mod.ts";
import { fieldOf, parseRequest } from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { bytesOf } from "./support.ts";

Deno.test("parseRequest() reads the model and whether to stream, and keeps the body as it is", () => {
  const bytes = bytesOf(' {"model" : "m\\u00e9", "stream":true, "x": [1] } ');
  const request = parseRequest(bytes);
  assertEquals(request.model, "mé");
  assertEquals(request.stream, true);
  assert(request.body.bytes === bytes);
});

const STREAMS: readonly (readonly [text: string, stream: boolean])[] = [
  ['{"model":"m"}', false],
  ['{"model":"m","stream":false}', false],
  ['{"model":"m","stream":null}', false],
  ['{"model":"m","stream":true}', true],
  ['{"model":"m","stream":false,"stream":true}', true],
  ['{"model":"m","stream":"true"}', true],
  ['{"model":"m","stream":"oN"}', true],
  ['{"model":"m","stream":1}', true],
  ['{"model":"m","stream":1.0}', true],
  ['{"model":"m","stream":"0"}', false],
  ['{"model":"m","stream":0}', false],
  ['{"model":"m","stream":"No"}', false],
];

for (const [text, stream] of STREAMS) {
  Deno.test(`parseRequest() reads ${text} as stream: ${stream}`, () => {
    assertEquals(parseRequest(bytesOf(text)).stream, stream);
  });
}

Deno.test("parseRequest() takes the last of two models, as the engine does", () => {
  assertEquals(parseRequest(bytesOf('{"model":"a","m\\u006fdel":"b"}')).model, "b");
});

const REFUSED: readonly (readonly [text: string, message: string, param: string | undefined])[] = [
  ["", "The request body is empty: send a JSON object", undefined],
  ["nonsense", "The request body is not a JSON object: Expected an object at byte 0", undefined],
  ["[]", "The request body is not a JSON object: Expected an object at byte 0", undefined],
  [
    '{"model":"m"',
    "The request body is not a JSON object: Expected ',' or '}' at byte 12",
    undefined,
  ],
  ["{}", "Missing field 'model': name the model to use", "model"],
  ['{"model":null}', "Missing field 'model': name the model to use", "model"],
  ['{"model":""}', "Field 'model' must be a non-empty string, received \"\"", "model"],
  ['{"model":7}', "Field 'model' must be a non-empty string, received 7", "model"],
  ['{"model":["m"]}', "Field 'model' must be a non-empty string, received [\"m\"]", "model"],
  ['{"model":"\\x"}', "Field 'model' is not valid JSON", "model"],
  ['{"model":"a\nb"}', "Field 'model' is not valid JSON", "model"],
  ['{"model":"m","stream":2}', "Field 'stream' must be true or false, received 2", "stream"],
  [
    '{"model":"m","stream":"maybe"}',
    "Field 'stream' must be true or false, received \"maybe\"",
    "stream",
  ],
  ['{"model":"m","stream":[]}', "Field 'stream' must be true or false, received []", "stream"],
  ['{"model":"m","stream":"\\x"}', "Field 'stream' is not valid JSON", "stream"],
];

for (const [text, message, param] of REFUSED) {
  Deno.test(`parseRequest() refuses ${JSON.stringify(text)} and names what is wrong`, () => {
    const error = assertThrows(() => parseRequest(bytesOf(text)), RouterError);
    assertEquals([error.code, error.message, error.param], ["bad-request", message, param]);
  });
}

Deno.test("parseRequest() refuses every request cut short", () => {
  const bytes = bytesOf('{"model":"mé","stream":true,"messages":[{"role":"user","content":"x"}]}');
  for (let length = 0; length < bytes.length; length++) {
    const error = assertThrows(() => parseRequest(bytes.slice(0, length)), RouterError);
    assertEquals(error.code, "bad-request", `${length} bytes`);
  }
  assertEquals(parseRequest(bytes).stream, true);
});

Deno.test("fieldOf() gives a field's value, and undefined for what is absent or null", () => {
  const { body } = parseRequest(bytesOf('{"model":"m","a":{"b":[1]},"c":null,"d":0}'));
  assertEquals(fieldOf(body, "a"), { b: [1] });
  assertEquals(fieldOf(body, "c"), undefined);
  assertEquals(fieldOf(body, "absent"), undefined);
  assertEquals(fieldOf(body, "d"), 0);
});

Deno.test("fieldOf() names a field that is malformed", () => {
  const { body } = parseRequest(bytesOf('{"model":"m","stop":["\\q"]}'));
  const error = assertThrows(() => fieldOf(body, "stop"), RouterError, "Field 'stop'");
  assertEquals([error.code, error.param], ["bad-request", "stop"]);
});

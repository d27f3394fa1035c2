import { encodeUtf8 } from "../../lib/base/mod.ts";
import { UsageScanner } from "../../lib/doors/usage_scanner.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";

const ANSWERS: readonly (readonly [name: string, text: string, tokens: number | undefined])[] = [
  [
    "a whole answer",
    '{"choices":[{"text":"hi"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}',
    12,
  ],
  ["spaces", '{"usage" :\n {"prompt_tokens": 5, "total_tokens": 5}}', 5],
  ["Anthropic's", '{"usage":{"input_tokens":5,"output_tokens":7}}', 12],
  [
    "Anthropic's stream",
    'event: message_start\ndata: {"message":{"usage":{"input_tokens":9,"output_tokens":0}}}\n\n' +
    'event: message_delta\ndata: {"usage":{"output_tokens":30}}\n\n',
    39,
  ],
  [
    "a stream that tells it at its end",
    'data: {"choices":[],"usage":null}\n\ndata: {"usage":{"prompt_tokens":1,"completion_tokens":2,' +
    '"total_tokens":3,"prompt_tokens_details":{"cached_tokens":1}}}\n\ndata: [DONE]\n\n',
    3,
  ],
  [
    "a stream that tells it all the time",
    'data: {"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\n' +
    'data: {"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n',
    3,
  ],
  ["none", '{"choices":[]}', undefined],
  ["null", '{"usage":null}', undefined],
  ["text that looks like it", '{"text":"\\"usage\\":{\\"total_tokens\\":9}"}', undefined],
  ["a member whose value looks like it", '{"name":"usage","x":{"total_tokens":9}}', undefined],
  ["counts that are none", '{"usage":{"total_tokens":"9","prompt_tokens":-1}}', 0],
  ["no object", '{"usage":[1],"usage":7}', undefined],
  ["one that breaks off", '{"usage":{"total_tokens":9', undefined],
  ["a brace in a text", '{"usage":{"note":"}","total_tokens":4}}', 4],
];

for (const [name, text, tokens] of ANSWERS) {
  Deno.test(`UsageScanner reads ${name} at any cut`, () => {
    for (const cut of allCuts(encodeUtf8(text))) {
      const scanner = new UsageScanner();
      for (const piece of cut.pieces) scanner.push(piece);
      assertEquals(scanner.tokens, tokens, cut.name);
    }
  });
}

Deno.test("UsageScanner counts events", () => {
  const scanner = new UsageScanner();
  scanner.push(encodeUtf8('data: {"a":1}\n\ndata: {"b":1}\n\n'));
  scanner.push(encodeUtf8("data: [DONE]\n\n"));
  assertEquals([scanner.events, scanner.tokens], [3, undefined]);
});

Deno.test("UsageScanner gives up on a usage without an end, and goes on behind it", () => {
  const scanner = new UsageScanner();
  scanner.push(encodeUtf8('{"usage":{"x":'));
  for (let index = 0; index < 1000; index++) scanner.push(new Uint8Array(100).fill(0x20));
  scanner.push(encodeUtf8('1}} {"usage": "usage":{"total_tokens":6}}'));
  assertEquals(scanner.tokens, 6);
});

Deno.test("UsageScanner takes time that grows with the bytes alone", () => {
  const scanner = new UsageScanner();
  for (const part of ['"usage":{', '"usage"', '"usage":{"', '"', '"usag']) {
    const hostile = encodeUtf8(part.repeat(1_000_000 / part.length));
    const begun = performance.now();
    for (let at = 0; at < hostile.length; at += 100) scanner.push(hostile.subarray(at, at + 100));
    assert(performance.now() - begun < 5_000, part);
  }
  assertEquals(scanner.tokens, undefined);
});

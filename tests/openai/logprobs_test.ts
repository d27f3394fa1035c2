import { encodeUtf8 } from "../../lib/base/mod.ts";
import {
  characterCount,
  chatLogprobsJson,
  completionLogprobsJson,
  firstLogprobs,
  joinedLogprobs,
  logprobsIn,
  offsetLogprobs,
  spelledLength,
  spelledLogprobs,
  type TokenLogprobs,
} from "../../lib/openai/mod.ts";
import { assertEquals } from "../support/assert.ts";

const ONE: TokenLogprobs = {
  tokens: [" a", "😀"],
  logprobs: ["-0.10", "-9999.0"],
  tops: ['{" a":-0.10,"7":-2}', '{"😀":-9999.0}'],
  offsets: [0, 2],
};

function answer(logprobs: string): Uint8Array {
  return encodeUtf8(` {"id":"x","choices":[ {"index":0,"logprobs": ${logprobs} ,"text":""}]}`);
}

Deno.test("logprobsIn() reads the completions form with every number as it is written", () => {
  const json = '{"tokens":[" a","\\ud83d\\ude00"],"token_logprobs":[-0.10, -9999.0],' +
    '"text_offset":[0,2],"top_logprobs":[{" a":-0.10,"7":-2},{"😀":-9999.0}]}';
  assertEquals(logprobsIn(answer(json)), ONE);
});

Deno.test("logprobsIn() reads the chat form as the same, in the order of its lists", () => {
  const json = '{"content":[{"token":" a","logprob":-0.10,"bytes":[32,97],"top_logprobs":[' +
    '{"token":" a","logprob":-0.10,"bytes":null},{"token":"7","logprob":-2}]},' +
    '{"token":"😀","logprob":-9999.0,"top_logprobs":[]}]}';
  const { tops: [first, second] = [], ...rest } = logprobsIn(answer(json)) ?? {};
  assertEquals(first, '{" a":-0.10,"7":-2}');
  assertEquals(second, "{}");
  assertEquals(rest, { tokens: ONE.tokens, logprobs: ONE.logprobs, offsets: [0, 0] });
});

Deno.test("logprobsIn() finds none where there are none, or lists of unequal length", () => {
  const none = [
    answer("null"),
    answer("{}").subarray(0, 0),
    answer('{"tokens":["a"],"token_logprobs":[],"text_offset":[0],"top_logprobs":[null]}'),
    answer('{"tokens":["a"]}'),
    answer('{"content":null}'),
    encodeUtf8('{"choices":[]}'),
    encodeUtf8('{"choices":null}'),
    encodeUtf8('{"error":{}}'),
    encodeUtf8("[DONE]"),
  ];
  for (const json of none) assertEquals(logprobsIn(json), undefined);
});

Deno.test("completionLogprobsJson() gives back what logprobsIn() has read", () => {
  assertEquals(logprobsIn(answer(completionLogprobsJson(ONE))), ONE);
});

Deno.test("joinedLogprobs() counts offsets in characters of the tokens' spelling", () => {
  assertEquals(joinedLogprobs([ONE, offsetLogprobs(ONE, 50)]).offsets, [0, 2, 3, 5]);
  assertEquals(joinedLogprobs([ONE, ONE]).tokens, [" a", "😀", " a", "😀"]);
  assertEquals(joinedLogprobs([]).tokens, []);
});

Deno.test("spelledLogprobs() spells a token that has no spelling, and none that has", () => {
  const lost = { ...ONE, tokens: ["", "b"], tops: ['{"":-0.10,"7":-2}', '{"":-1}'] };
  assertEquals(spelledLogprobs(lost, 0, 'é"'), {
    ...lost,
    tokens: ['é"', "b"],
    tops: ['{"é\\"":-0.10,"7":-2}', '{"":-1}'],
  });
  assertEquals(spelledLogprobs(lost, 1, "x"), lost);
  assertEquals(spelledLogprobs(lost, 2, "x"), lost);
});

Deno.test("offsetLogprobs() and firstLogprobs() change offsets and length alone", () => {
  assertEquals(offsetLogprobs(ONE, 3), { ...ONE, offsets: [3, 5] });
  assertEquals(spelledLength(ONE), 3);
  assertEquals(firstLogprobs(ONE, 1).tokens, [" a"]);
  assertEquals(firstLogprobs(ONE, 1).tops.length, 1);
  assertEquals(firstLogprobs(ONE, 9), ONE);
});

Deno.test("characterCount() counts code points", () => {
  const rows = [["", 0], ["abc", 3], ["é世", 2], ["😀a😀", 3], ["\ud83d", 1]] as const;
  for (const [text, count] of rows) assertEquals(characterCount(text), count, text);
});

const TOPS = '{"é":-0.5,"10":-1,"9":-2,"x":-3}';

for (const [count, tokens] of [[0, []], [1, ["é"]], [3, ["é", "10", "9"]]] as const) {
  Deno.test(`chatLogprobsJson() lists ${count} alternatives in the engine's order`, () => {
    const entries = { tokens: ["é"], logprobs: ["-0.5"], tops: [TOPS], offsets: [0] };
    const { content } = JSON.parse(chatLogprobsJson(entries, count));
    assertEquals(content.length, 1);
    const { top_logprobs: tops, ...own } = content[0];
    assertEquals(own, { token: "é", logprob: -0.5, bytes: [0xc3, 0xa9] });
    assertEquals(tops.map(({ token }: { token: string }) => token), [...tokens]);
    if (count === 3) assertEquals(tops[1], { token: "10", logprob: -1, bytes: [49, 48] });
  });
}

Deno.test("chatLogprobsJson() takes the token's own value where alternatives are spelled alike", () => {
  const entries = { tokens: ["x"], logprobs: ["-1"], tops: ['{"x":-7}'], offsets: [0] };
  const { content: [entry] } = JSON.parse(chatLogprobsJson(entries, 2));
  assertEquals(entry.top_logprobs, [{ token: "x", logprob: -1, bytes: [120] }]);
});

Deno.test("chatLogprobsJson() says -9999.0 of a token whose log-probability is not known", () => {
  const entries = { tokens: ["x"], logprobs: ["null"], tops: ["null"], offsets: [0] };
  assertEquals(JSON.parse(chatLogprobsJson(entries, 2)).content, [
    { token: "x", logprob: -9999, bytes: [120], top_logprobs: [] },
  ]);
});

Deno.test("logprobsIn() finds none where a token is no text", () => {
  const answer = (logprobs: unknown): Uint8Array =>
    encodeUtf8(JSON.stringify({ choices: [{ logprobs }] }));
  const lists = { token_logprobs: [-1], top_logprobs: [null], text_offset: [0] };
  for (const token of [null, 1, ["a"], { toString: 1 }]) {
    assertEquals(logprobsIn(answer({ ...lists, tokens: [token] })), undefined);
    assertEquals(logprobsIn(answer({ content: [{ token, logprob: -1 }] })), undefined);
    const tops = { token: "a", logprob: -1, top_logprobs: [{ token, logprob: -1 }] };
    assertEquals(logprobsIn(answer({ content: [tops] })), undefined);
  }
  assertEquals(logprobsIn(answer({ content: [{ logprob: -1 }] })), undefined);
});

Deno.test("logprobsIn() finds none behind what is not scanned", () => {
  for (const odd of ["9".repeat(5_000), `${"[".repeat(600)}${"]".repeat(600)}`]) {
    const json = `{"x":${odd},"choices":[{"logprobs":{"content":[{"token":"a","logprob":-1}]}}]}`;
    assertEquals(logprobsIn(encodeUtf8(json)), undefined);
  }
});

import { concatBytes, decodeUtf8 } from "../../lib/base/mod.ts";
import {
  type AnswerEnd,
  joinedLogprobs,
  offsetLogprobs,
  type TokenLogprobs,
  WholeWriter,
} from "../../lib/openai/mod.ts";
import { chatLogprobsJson, completionLogprobsJson } from "../../lib/openai/logprobs.ts";
import { WholeDetails } from "../../lib/openai/whole_details.ts";
import { assertEquals } from "../support/assert.ts";

const ONE: TokenLogprobs = {
  tokens: [" a", "\u{1f600}"],
  logprobs: ["-0.5", "null"],
  tops: ['{" a":-0.5,"b":-1.25}', "null"],
  offsets: [0, 2],
};
const NONE: TokenLogprobs = { tokens: [], logprobs: [], tops: [], offsets: [] };

function textOf(details: WholeDetails): string {
  return decodeUtf8(concatBytes(details.parts()));
}

for (const form of ["completions", "chat"] as const) {
  Deno.test(`WholeDetails tells of a ${form} answer what all its chunks tell together`, () => {
    const details = new WholeDetails(form, 1);
    const parts = [ONE, NONE, offsetLogprobs(ONE, 70), ONE];
    for (const logprobs of parts) details.add({ logprobs, tokenIds: [1, 2] });
    details.add({ tokenIds: [] });
    details.add({ tokenIds: [7] });
    const all = joinedLogprobs(parts);
    const json = form === "chat" ? chatLogprobsJson(all, 1) : completionLogprobsJson(all);
    assertEquals(textOf(details), `,"logprobs":${json},"token_ids":[1,2,1,2,1,2,1,2,7]`);
    assertEquals(details.keys, ["logprobs", "token_ids"]);
  });
}

Deno.test("WholeDetails tells nothing that was not told, and empty lists that were", () => {
  const none = new WholeDetails("completions");
  none.add({});
  assertEquals([textOf(none), none.keys], ["", []]);
  const empty = new WholeDetails("chat");
  empty.add({ logprobs: NONE, tokenIds: [] });
  assertEquals(textOf(empty), ',"logprobs":{"content":[]},"token_ids":[]');
});

const END: AnswerEnd = { finishReason: "stop", stopReason: null, usage: undefined };

for (const form of ["completions", "chat"] as const) {
  Deno.test(`WholeWriter gives a large ${form} answer out in pieces`, () => {
    const writer = new WholeWriter({ form, id: "i", created: 1, model: "m" });
    const ids = new TextEncoder().encode(`[${"123456,".repeat(60_000)}7]`);
    const text = "x".repeat(300_000);
    writer.begin(ids);
    for (let part = 0; part < 3; part++) writer.text(new TextEncoder().encode(text));
    writer.end(new Uint8Array(0), { ...END, details: { tokenIds: [4, 5] } });
    const pieces: Uint8Array[] = [];
    for (let piece = writer.take(); piece; piece = writer.take()) pieces.push(piece);
    assertEquals(pieces.every(({ length }) => length <= 256 * 1024), true);
    const value = JSON.parse(decodeUtf8(concatBytes(pieces)));
    const [choice] = value.choices;
    assertEquals((choice.text ?? choice.message.content).length, 900_000);
    assertEquals(choice.token_ids, [4, 5]);
    const told = form === "chat" ? value : choice;
    assertEquals([told.prompt_token_ids.length, told.prompt_token_ids.at(-1)], [60_001, 7]);
  });
}

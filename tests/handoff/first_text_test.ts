import { firstText, TextJoiner } from "../../lib/handoff/first_text.ts";
import { completionEvent } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const BYTES = 1000;
const SPECIAL = 2;

/** Ids of the bytes of `text`. */
function idsOf(text: string): number[] {
  return [...new TextEncoder().encode(text)].map((byte) => BYTES + byte);
}

/** As `/detokenize`: special tokens are written out, other unknown ids are "p". */
function textOf(ids: readonly number[]): Promise<string> {
  let text = "";
  let bytes: number[] = [];
  const flush = (): void => {
    text += new TextDecoder().decode(Uint8Array.from(bytes));
    bytes = [];
  };
  for (const id of ids) {
    if (id >= BYTES) bytes.push(id - BYTES);
    else {
      flush();
      text += id === SPECIAL ? "</s>" : "p";
    }
  }
  flush();
  return Promise.resolve(text);
}

type Said = readonly [text: string, ids: readonly number[], finish?: string];

/** What a joiner gives for events behind the first byte of a character. */
async function joined(first: number, events: readonly Said[]): Promise<readonly string[]> {
  const joiner = new TextJoiner(textOf, [5], "p", [first]);
  const given: string[] = [];
  for (const [text, ids, finish] of events) {
    const event = completionEvent({
      choices: [{ text, token_ids: ids, finish_reason: finish ?? null, stop_reason: null }],
    });
    assert(event.kind === "chunk");
    given.push(joiner.done ? text : await joiner.textFor(event.chunk) ?? "?");
  }
  return given;
}

const [first = 0, ...more] = idsOf("世");
const [second = 0, third = 0] = more;

const CASES:
  readonly (readonly [name: string, events: readonly Said[], given: readonly string[]])[] = [
    ["right", [["", [second]], ["世", [third]], ["!", idsOf("!")]], ["", "世", "!"]],
    ["lost", [["", [second]], ["", [third]], ["!", idsOf("!")]], ["", "世", "!"]],
    ["garbled", [["\ufffd", [second]], ["\ufffd", [third]], ["!", idsOf("!")]], ["", "世", "!"]],
    ["late", [["", more], ["世!", idsOf("!")], ["?", idsOf("?")]], ["世", "!", "?"]],
    ["right, in one event", [["世世!", [...more, ...idsOf("世!")]]], ["世世!"]],
    ["lost, in one event", [["世!", [...more, ...idsOf("世!")]]], ["世世!"]],
    ["lost, with more behind it", [["", more], ["世", idsOf("世")], ["a", idsOf("a")]], [
      "世",
      "世",
      "a",
    ]],
    ["lost, before a special token", [["", [...more, SPECIAL]], ["a", idsOf("a")]], ["世", "a"]],
    ["lost, around a special token", [["ab", [...more, ...idsOf("a"), SPECIAL, ...idsOf("b")]]], [
      "世ab",
    ]],
    [
      "right, around a special token",
      [["世ab", [...more, ...idsOf("a"), SPECIAL, ...idsOf("b")]]],
      [
        "世ab",
      ],
    ],
    ["lost, then a special token alone", [["", more], ["", [SPECIAL]], ["a", idsOf("a")]], [
      "世",
      "",
      "a",
    ]],
    ["right, behind the prompt", [["", [second]], ["The prompt世", [third]], ["!", idsOf("!")]], [
      "",
      "世",
      "!",
    ]],
    ["late, behind the prompt", [["", more], ["The prompt世!", idsOf("!")], ["?", idsOf("?")]], [
      "世",
      "!",
      "?",
    ]],
    ["right, in one event, behind the prompt", [["p世世!", [...more, ...idsOf("世!")]]], ["世世!"]],
    ["broken off, behind the prompt", [["The prompt\ufffdb", idsOf("b")]], ["\ufffdb"]],
    [
      "right, behind the prompt and before a special token",
      [["The p世ab", [...more, ...idsOf("ab"), SPECIAL]], ["c", idsOf("c")]],
      ["世ab", "c"],
    ],
    [
      "late, behind the prompt and around a special token",
      [["", more], ["The p世ab", [...idsOf("a"), SPECIAL, ...idsOf("b")]]],
      ["世", "ab"],
    ],
    ["never complete", [["", [second]], ["", [], "length"]], ["", ""]],
    ["ended by a token", [["", more], ["", [SPECIAL], "stop"]], ["世", ""]],
    ["complete and ended by a token at once", [["", [...more, SPECIAL], "stop"]], ["世"]],
    ["followed by part of another", [["", [...more, first]], ["", more], ["世!", idsOf("!")]], [
      "世",
      "",
      "世!",
    ]],
  ];

for (const [name, events, given] of CASES) {
  Deno.test(`TextJoiner joins a first character ${name}`, async () => {
    assertEquals(await joined(first, events), [...given]);
  });
}

Deno.test("firstText() believes whole text, and asks where it may be part of a character", async () => {
  const rows = [
    ["a", 1097, { kind: "whole", text: "a" }],
    ["", SPECIAL, { kind: "whole", text: "" }],
    [undefined, 1097, { kind: "whole", text: "a" }],
  ] as const;
  for (const [claimed, id, expected] of rows) {
    assertEquals(await firstText(claimed, [id], [5], textOf), expected);
  }
  for (const claimed of ["", "\ufffd", undefined]) {
    assertEquals((await firstText(claimed, [first], [5], textOf)).kind, "partial");
  }
  const silent = (): Promise<undefined> => Promise.resolve(undefined);
  assertEquals(await firstText("", [1097], [5], silent), { kind: "unknown" });
});

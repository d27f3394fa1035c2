import { IncrementalText, OutputText, type TextOptions } from "../../lib/sim/detokenize.ts";
import { encodeText } from "../../lib/sim/tokenizer.ts";
import { EOS } from "../../lib/sim/vocabulary.ts";
import { assertEquals } from "../support/assert.ts";

const FAST: TextOptions = { skipSpecial: true, detokenizer: "fast" };
const NO_STOPS = { stop: [], includeInOutput: false, minTokens: 0 };

function texts(
  prompt: readonly number[],
  ids: readonly number[],
  options: Partial<TextOptions> = {},
): string[] {
  const incremental = new IncrementalText(prompt, { ...FAST, ...options });
  return ids.map((id) => incremental.add(id));
}

Deno.test("IncrementalText gives a character with its last byte only", () => {
  assertEquals(texts([], encodeText("aé世😀b")), [
    "a",
    "",
    "é",
    "",
    "",
    "世",
    "",
    "",
    "",
    "😀",
    "b",
  ]);
});

Deno.test("IncrementalText gives U+FFFD for broken bytes once something follows", () => {
  const [lead = 0] = encodeText("世");
  assertEquals(texts([], [lead, ...encodeText(" the")]), ["", "\ufffd the"]);
});

for (const char of ["é", "世", "😀"]) {
  Deno.test(`IncrementalText, fast, gives the prompt again when it ends inside ${char}`, () => {
    const bytes = encodeText(char);
    for (let cut = 1; cut < bytes.length; cut++) {
      const prompt = [...encodeText("<s>the "), ...bytes.slice(0, cut)];
      const [last = "", ...rest] = texts(prompt, [...bytes.slice(cut), ...encodeText(" x")])
        .filter((text) => text !== "");
      assertEquals([last, rest.join("")], [`the ${char}`, " x"]);
      assertEquals(texts(prompt, encodeText(" river")), ["the \ufffd river"]);
    }
  });

  Deno.test(`IncrementalText, slow, loses ${char} when the prompt ends inside it`, () => {
    const bytes = encodeText(char);
    for (let cut = 1; cut < bytes.length; cut++) {
      const prompt = [...encodeText("the "), ...bytes.slice(0, cut)];
      const output = [...bytes.slice(cut), ...encodeText(" river")];
      const slow = texts(prompt, output, { detokenizer: "slow" });
      assertEquals(slow.join(""), " river");
    }
  });
}

Deno.test("IncrementalText loses nothing when the prompt ends with a whole character", () => {
  for (const char of ["é", "世", "😀"]) {
    assertEquals(texts(encodeText(`the ${char}`), encodeText("é x")).join(""), "é x");
  }
});

Deno.test("IncrementalText skips special tokens only when asked", () => {
  assertEquals(texts([], [...encodeText("a"), EOS]), ["a", ""]);
  assertEquals(texts([], [...encodeText("a"), EOS], { skipSpecial: false }), ["a", "</s>"]);
});

interface Run {
  readonly deltas: readonly string[];
  readonly stopped: string | undefined;
  readonly text: string;
}

function run(
  text: string,
  stops: { stop: string[]; includeInOutput?: boolean; minTokens?: number },
): Run {
  const output = new OutputText(new IncrementalText([], FAST), { ...NO_STOPS, ...stops });
  const deltas: string[] = [];
  let stopped: string | undefined;
  const ids = encodeText(text);
  ids.forEach((id, index) => {
    if (stopped !== undefined) return;
    stopped = output.add(id, false);
    deltas.push(output.takeDelta(stopped !== undefined || index === ids.length - 1));
  });
  return { deltas, stopped, text: output.text };
}

Deno.test("OutputText holds back one character less than the longest stop string", () => {
  const { deltas, stopped } = run("abcdef", { stop: ["xyz", "q"] });
  assertEquals(deltas, ["", "", "a", "b", "c", "def"]);
  assertEquals(stopped, undefined);
});

Deno.test("OutputText cuts before a stop string and never gives a part of it", () => {
  const { deltas, stopped, text } = run("one STOP two", { stop: ["STOP"] });
  assertEquals(stopped, "STOP");
  assertEquals(text, "one ");
  assertEquals(deltas.join(""), "one ");
});

Deno.test("OutputText includes the stop string when asked, and holds nothing back", () => {
  const { deltas, text } = run("abSTOPcd", { stop: ["STOP"], includeInOutput: true });
  assertEquals(text, "abSTOP");
  assertEquals(deltas.slice(0, 3), ["a", "b", "S"]);
});

Deno.test("OutputText cuts a stop string that ends inside a longer token", () => {
  assertEquals(run("a river b", { stop: ["riv"] }).text, "a ");
  assertEquals(run("a river b", { stop: ["riv"], includeInOutput: true }).text, "a riv");
});

Deno.test("OutputText looks for stop strings only after min_tokens", () => {
  assertEquals(run("xSxSx", { stop: ["S"], minTokens: 2 }).text, "xSx");
});

Deno.test("OutputText ignores the text of a silent token", () => {
  const output = new OutputText(new IncrementalText([], FAST), NO_STOPS);
  output.add(encodeText("a")[0] ?? 0, false);
  output.add(encodeText("b")[0] ?? 0, true);
  assertEquals(output.takeDelta(true), "a");
  assertEquals(output.takeDelta(true), "");
});

import { ChatOutput, type OutputMode } from "../../lib/sim/chat_output.ts";
import { seededRandom } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

interface Read {
  content: string;
  reasoning: string;
  calls: { name: string; arguments: string }[];
}

function pieces(text: string): readonly (readonly string[])[] {
  const random = seededRandom(3);
  const all: string[][] = [[text], [...text]];
  for (let round = 0; round < 30; round++) {
    const cut: string[] = [];
    for (let at = 0; at < text.length;) {
      const size = 1 + Math.floor(random.next() * 9);
      cut.push(text.slice(at, at + size));
      at += size;
    }
    all.push(cut);
  }
  return all;
}

function read(mode: OutputMode, parts: readonly string[]): Read {
  const output = new ChatOutput(mode);
  const result: Read = { content: "", reasoning: "", calls: [] };
  parts.forEach((part, index) => {
    const delta = output.add(part, index === parts.length - 1);
    result.content += delta.content;
    result.reasoning += delta.reasoning;
    for (const event of delta.tools) {
      if (event.kind === "begin") {
        assertEquals(event.index, result.calls.length);
        result.calls.push({ name: event.name, arguments: "" });
      } else {
        const call = result.calls[event.index];
        if (call !== undefined) call.arguments += event.text;
      }
    }
  });
  assertEquals(output.calls, result.calls.length);
  return result;
}

const AUTO: OutputMode = { tools: true, reasoning: true };
const ARGUMENTS = '{"q": "a } \\" ] {", "n": [1, {"x": 2}]}';

const CASES: readonly (readonly [name: string, mode: OutputMode, text: string, expected: Read])[] =
  [
    ["plain text", AUTO, "a < b <tool", {
      content: "a < b <tool",
      reasoning: "",
      calls: [],
    }],
    ["reasoning and content", AUTO, "<think>hm < so</think>Yes", {
      content: "Yes",
      reasoning: "hm < so",
      calls: [],
    }],
    [
      "two calls with text around",
      AUTO,
      `So: <tool_call>\n{"name": "f", "arguments": ${ARGUMENTS}}\n</tool_call>` +
      '<tool_call>{"arguments_of": 1, "name":"g","arguments":{}}</tool_call> done',
      {
        content: "So: done",
        reasoning: "",
        calls: [{ name: "f", arguments: ARGUMENTS }, { name: "g", arguments: "{}" }],
      },
    ],
    [
      "markup without tools",
      { tools: false, reasoning: true },
      '<tool_call>{"name": "f", "arguments": {}}</tool_call>',
      {
        content: '<tool_call>{"name": "f", "arguments": {}}</tool_call>',
        reasoning: "",
        calls: [],
      },
    ],
    ["thoughts without a parser", { tools: true, reasoning: false }, "<think>hm</think>Yes", {
      content: "<think>hm</think>Yes",
      reasoning: "",
      calls: [],
    }],
  ];

for (const [name, mode, text, expected] of CASES) {
  Deno.test(`ChatOutput reads ${name} the same at every cut`, () => {
    for (const parts of pieces(text)) assertEquals(read(mode, parts), expected);
  });
}

Deno.test("ChatOutput gives text at once when it cannot be a tag", () => {
  const output = new ChatOutput(AUTO);
  assertEquals(output.add("hello", false).content, "hello");
  assertEquals(output.add(" <", false).content, " ");
  assertEquals(output.add("b", false).content, "<b");
});

Deno.test("ChatOutput.open tells a call that was cut short", () => {
  const output = new ChatOutput(AUTO);
  output.add('<tool_call>{"name": "f", "arguments": {"a"', true);
  assertEquals([output.calls, output.open], [1, true]);
  output.add('": 1}}</tool_call>', true);
  assertEquals([output.calls, output.open], [1, false]);
});

import { type Plan, planOf } from "../../lib/sim/directive.ts";
import { decodeIds, encodeText } from "../../lib/sim/tokenizer.ts";
import { assertEquals } from "../support/assert.ts";

function said(plan: Plan): string {
  return plan.kind === "say" ? decodeIds(plan.rest) : plan.kind;
}

const CHAT_END = "<|im_end|>\n<|im_start|>assistant\n";

function chat(user: string, output = ""): readonly number[] {
  return encodeText(`<s><|im_start|>user\n${user}${CHAT_END}${output}`);
}

Deno.test("planOf() is free without a directive", () => {
  assertEquals(planOf(encodeText("sim: [[say]] x")), { kind: "free" });
  assertEquals(planOf([]), { kind: "free" });
});

Deno.test("planOf() says the text of a directive that ends a completion prompt", () => {
  assertEquals(said(planOf(encodeText("Please. [[sim:say Hello, 世界!]]"))), "Hello, 世界!");
});

Deno.test("planOf() says what is left once the output has begun", () => {
  const text = "café 😀 the end";
  const whole = encodeText(text);
  const prompt = encodeText(`[[sim:say ${text}]]`);
  for (let cut = 0; cut <= whole.length; cut++) {
    const plan = planOf([...prompt, ...whole.slice(0, cut)]);
    assertEquals(plan, { kind: "say", rest: whole.slice(cut) });
  }
});

Deno.test("planOf() follows an output that was cut into other tokens", () => {
  const prompt = encodeText("[[sim:say The river]]");
  const bytes = [..."The r"].map((char) => encodeText(char)[0] ?? 0);
  assertEquals(said(planOf([...prompt, ...bytes])), "iver");
});

Deno.test("planOf() is free when the output says something else, or more", () => {
  const prompt = encodeText("[[sim:say The river]]");
  assertEquals(planOf([...prompt, ...encodeText("The lake")]), { kind: "free" });
  assertEquals(planOf([...prompt, ...encodeText("The river and")]), { kind: "free" });
});

Deno.test("planOf() begins a chat's output after the last assistant header", () => {
  assertEquals(said(planOf(chat("[[sim:say yes]] and more text"))), "yes");
  assertEquals(said(planOf(chat("[[sim:say yes]] and more", "y"))), "es");
});

Deno.test("planOf() takes the last directive before the output", () => {
  const turns = `[[sim:say one]]${CHAT_END}one<|im_end|>\n<|im_start|>user\n[[sim:say two]]`;
  assertEquals(said(planOf(chat(turns))), "two");
});

Deno.test("planOf() takes no directive from the output itself", () => {
  assertEquals(planOf(chat("hello", "[[sim:say x]]")), { kind: "free" });
});

Deno.test("planOf() counts output tokens against a length", () => {
  assertEquals(planOf(encodeText("[[sim:len 5]]")), { kind: "length", remaining: 5 });
  const some = encodeText(" the river");
  assertEquals(planOf([...encodeText("[[sim:len 5]]"), ...some]), {
    kind: "length",
    remaining: 3,
  });
  assertEquals(planOf([...encodeText("[[sim:len 1]]"), ...some]), { kind: "free" });
});

Deno.test("planOf() writes a tool call in Hermes markup", () => {
  assertEquals(
    said(planOf(chat('[[sim:call get_weather {"city": "Paris"}]]'))),
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
  );
});

for (
  const text of ["[[sim:say open", "[[sim:len x]]", "[[sim:dance]]", "[[sim:len]]", "[[sim:]]"]
) {
  Deno.test(`planOf() is free for the malformed ${text}`, () => {
    assertEquals(planOf(encodeText(text)), { kind: "free" });
  });
}

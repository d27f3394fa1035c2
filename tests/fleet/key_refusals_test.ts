import type { Engine } from "../../lib/base/mod.ts";
import { KeyRefusals, type Leg, type Outcome } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";

function engine(id: string): Engine {
  return { id, url: `http://${id}:8000`, role: "any", models: [], kv: "none" };
}

const [A, B] = [engine("a"), engine("b")];

function outcome(engine: Engine, leg: Leg, status: number | undefined): Outcome {
  const rest = { peer: undefined, code: undefined, headMs: undefined, ms: 1 };
  return { engine, leg, end: "ok", status, ...rest };
}

interface Setting {
  readonly refusals: KeyRefusals;
  readonly lines: readonly (readonly [level: string, question: unknown, key: unknown])[];
}

function setting(keepsKeys = false): Setting {
  const lines: [string, unknown, unknown][] = [];
  const log = (level: string) => (_message: string, fields?: unknown): void => {
    const { question, key } = fields as Readonly<Record<string, unknown>>;
    lines.push([level, question, key]);
  };
  return {
    refusals: new KeyRefusals({ info: log("info"), warning: log("warning") }, keepsKeys),
    lines,
  };
}

Deno.test("KeyRefusals tells the log once for each change, and names the key", () => {
  const { refusals, lines } = setting();
  for (const status of [200, 401, 401, 403, 401, 200, 200, 403]) {
    refusals.report(outcome(A, "models", status));
  }
  assertEquals(lines, [
    ["warning", "models", "VLLM_API_KEY"],
    ["info", "models", "VLLM_API_KEY"],
    ["warning", "models", "VLLM_API_KEY"],
  ]);
});

Deno.test("KeyRefusals tells each engine's and each question's refusals by themselves", () => {
  const { refusals, lines } = setting();
  for (const engine of [A, B]) {
    for (const leg of ["models", "tokenize", "reclaim"] as const) {
      refusals.report(outcome(engine, leg, 401));
      refusals.report(outcome(engine, leg, 401));
    }
  }
  assertEquals(lines.length, 6);
  assertEquals(lines[1], ["warning", "tokenize", "the client's, or VLLM_API_KEY"]);
});

Deno.test("KeyRefusals.has() goes by the list of models alone", () => {
  const { refusals } = setting();
  assertEquals(refusals.has(A), false);
  refusals.report(outcome(A, "tokenize", 401));
  refusals.report(outcome(B, "models", 500));
  assertEquals([refusals.has(A), refusals.has(B)], [false, false]);
  refusals.report(outcome(A, "models", 403));
  assertEquals([refusals.has(A), refusals.has(B)], [true, false]);
  // No answer says nothing of the key.
  refusals.report(outcome(A, "models", undefined));
  assertEquals(refusals.has(A), true);
  refusals.report(outcome(A, "models", 200));
  assertEquals(refusals.has(A), false);
});

Deno.test("KeyRefusals leaves to clients what their own requests are refused for", () => {
  const { refusals, lines } = setting();
  for (const leg of ["prefill", "decode", "direct"] as const) {
    refusals.report(outcome(A, leg, 401));
  }
  assertEquals([refusals.has(A), lines], [false, []]);
});

Deno.test("KeyRefusals forgets an engine that is gone", () => {
  const { refusals } = setting();
  refusals.report(outcome(A, "models", 401));
  refusals.follow({ kind: "removed", engine: A });
  assertEquals(refusals.has(A), true);
  refusals.follow({ kind: "forgotten", engine: A });
  assertEquals(refusals.has(A), false);
});

Deno.test("KeyRefusals names the router's key for everything where it keeps clients' keys", () => {
  const { refusals, lines } = setting(true);
  for (const leg of ["tokenize", "reclaim", "prefill", "decode", "direct"] as const) {
    refusals.report(outcome(A, leg, 401));
    refusals.report(outcome(A, leg, 401));
  }
  assertEquals(
    lines.map(([level, , key]) => [level, key]),
    Array(5).fill(["warning", "VLLM_API_KEY"]),
  );
  assertEquals(refusals.has(A), false);
});

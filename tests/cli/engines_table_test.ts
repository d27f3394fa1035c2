import { TERMINAL_WIDTH } from "../../lib/cli/columns.ts";
import { drainLine, engineTable, shownEngine } from "../../lib/cli/engines_table.ts";
import { assert, assertEquals } from "../support/assert.ts";

const ENGINE = {
  id: "10.0.0.1:8000",
  role: "prefill",
  state: "ready",
  inflight: 3,
  source: "kubernetes",
  verdict: "good",
  models: ["llama"],
  problems: [],
};

Deno.test("engineTable() aligns what there is, and says when there is nothing", () => {
  assertEquals(engineTable([]), "There are no engines");
  assertEquals(
    engineTable([shownEngine(ENGINE), shownEngine({ ...ENGINE, id: "a:1", verdict: "shut" })]),
    [
      "ENGINE         ROLE     STATE  BUSY  SOURCE      MODELS",
      "10.0.0.1:8000  prefill  ready  3     kubernetes  llama",
      "a:1            prefill  shut   3     kubernetes  llama",
    ].join("\n"),
  );
});

Deno.test("engineTable() fits the terminal: long ids stand alone, models are cut, problems wrapped", () => {
  const table = engineTable([
    shownEngine(ENGINE),
    shownEngine({
      ...ENGINE,
      id: "vllm-prefill-0.vllm.default.svc.cluster.local:8000",
      source: "a-source-of-a-long-name",
      models: ["meta-llama/Llama-3.1-405B-Instruct-FP8", "adapter"],
      state: "left_out",
      problems: [
        "a prefill engine needs --routing-logic disaggregated_prefill, which is not given",
      ],
    }),
  ]);
  const lines = table.split("\n");
  for (const line of lines) assert(line.length <= TERMINAL_WIDTH, line);
  assertEquals(lines[2], "vllm-prefill-0.vllm.default.svc.cluster.local:8000");
  assert(lines[3]?.endsWith("..."), lines[3]);
  assertEquals(lines.slice(4), [
    "    a prefill engine needs --routing-logic disaggregated_prefill, which is not",
    "    given",
  ]);
});

Deno.test("shownEngine() takes whatever answers: what is no engine is an empty one", () => {
  for (const value of [null, 3, "x", [], {}]) {
    assertEquals(shownEngine(value).models, []);
    assertEquals(drainLine(shownEngine(value)), ": , 0 in flight");
  }
});

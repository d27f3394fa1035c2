import { dispatch } from "../../lib/cli/dispatch.ts";
import { demoHelp } from "../../lib/cli/demo.ts";
import { doctorHelp } from "../../lib/cli/doctor.ts";
import { enginesHelp } from "../../lib/cli/engines_flags.ts";
import { explainHelp } from "../../lib/cli/explain.ts";
import { TERMINAL_WIDTH } from "../../lib/cli/columns.ts";
import { routerHelp, type Topic, TOPICS } from "../../lib/cli/help.ts";
import { flagTable, metricTable } from "../../lib/cli/help_tables.ts";
import { simHelp } from "../../lib/cli/sim.ts";
import { topHelp } from "../../lib/cli/top.ts";
import { traceHelp } from "../../lib/cli/trace.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { fakeProcess } from "./support.ts";

async function run(...argv: readonly string[]): Promise<readonly [number, string, string]> {
  const { ports, out, err } = fakeProcess();
  return [await dispatch(argv, ports), out.text, err.text];
}

const TEXTS: Readonly<Record<Topic, string>> = {
  check: routerHelp(),
  demo: demoHelp(),
  doctor: doctorHelp(),
  engines: enginesHelp(),
  explain: explainHelp(),
  flags: flagTable(),
  metrics: metricTable(),
  sim: simHelp(),
  top: topHelp(),
  trace: traceHelp(),
};

for (const [topic] of TOPICS) {
  Deno.test(`runHelp() prints the text of the topic ${topic}`, async () => {
    assertEquals(await run("help", topic), [0, `${TEXTS[topic]}\n`, ""]);
    assertEquals(await run("help", topic, "--help"), [0, `${TEXTS[topic]}\n`, ""]);
  });
}

Deno.test("runHelp() prints the router's own text without a topic, its topics among it", async () => {
  for (const words of [[], ["help"], ["--help"], ["-h"]]) {
    assertEquals(await run("help", ...words), [0, `${routerHelp()}\n`, ""]);
  }
  const listed = routerHelp().split("Topics of pd-router help:\n")[1]?.split("\n\n")[0] ?? "";
  const names = listed.split("\n").map((line) => line.trim().split(" ")[0]);
  assertEquals(names, TOPICS.map(([name]) => name));
});

const REFUSED: readonly (readonly [words: readonly string[], message: string])[] = [
  [["flgas"], "flgas: unknown topic; did you mean flags?"],
  [["metric"], "metric: unknown topic; did you mean metrics?"],
  [["--flags"], "--flags: unknown topic; did you mean flags?"],
  [["weather"], "weather: unknown topic\n"],
  [["flags", "metrics"], "metrics: unexpected argument; help takes one topic"],
];

for (const [words, message] of REFUSED) {
  Deno.test(`runHelp() refuses ${words.join(" ")}`, async () => {
    const [code, out, err] = await run("help", ...words);
    assertEquals([code, out], [2, ""]);
    assertStringIncludes(err, `pd-router: ${message}`);
    assert(err.endsWith("\nTry: pd-router help\n"), err);
  });
}

const HELPS: readonly (readonly string[])[] = [
  ["help"],
  ...TOPICS.map(([name]) => ["help", name]),
  ["--help"],
  ...["check", "demo", "explain", "sim"].map((command) => [command, "--help"]),
];

for (const argv of HELPS) {
  Deno.test(`pd-router ${argv.join(" ")} fits a terminal`, async () => {
    const [code, out, err] = await run(...argv);
    assertEquals([code, err], [0, ""]);
    const lines = out.split("\n");
    assert(lines.length > 5);
    for (const line of lines) {
      assert(line.length <= TERMINAL_WIDTH, line);
      assertEquals(line, line.trimEnd());
    }
    assert(!/undefined|\u00a0|\|---/.test(out));
  });
}

Deno.test("the help texts are for terminals of 80 columns", () => assertEquals(TERMINAL_WIDTH, 80));

import { dispatch } from "../../lib/cli/dispatch.ts";
import { simHelp } from "../../lib/cli/sim.ts";
import { systemClock } from "../../lib/base/mod.ts";
import { SIM_FLAGS } from "../../lib/sim/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { fakeProcess } from "./support.ts";

interface Running {
  /** What was printed once the engine served. */
  readonly line: string;
  readonly stop: () => Promise<{ readonly code: number; readonly err: string }>;
}

async function start(...argv: readonly string[]): Promise<Running> {
  const { ports, out, err, signals } = fakeProcess();
  const ended = dispatch(["sim", ...argv], { ...ports, clock: systemClock() });
  await Promise.race([out.written, ended]);
  return {
    line: out.text,
    stop: async () => {
      signals.send("SIGTERM");
      const code = await ended;
      assert(signals.disposed);
      return { code, err: err.text };
    },
  };
}

Deno.test("sim prints where the engine is, serves, and ends with 0 on a signal", async () => {
  const running = await start("--role", "decode", "--ranks=2", "--log-level=error");
  const [, url = ""] = /^Simulated decode engine on (http:\S+), init \d+,\d+, alloc \d+,\d+\n$/
    .exec(running.line) ?? [];
  const response = await fetch(`${url}/health`);
  assertEquals([response.status, await response.text()], [200, ""]);
  assertEquals(await running.stop(), { code: 0, err: "" });
});

Deno.test("sim prints one JSON object with --log-format json", async () => {
  const running = await start("--role=prefill", "--model=a", "--model=b", "--log-format=json");
  const { role, url, init_ports: ports } = JSON.parse(running.line);
  assertEquals([role, Array.isArray(ports)], ["prefill", true]);
  const models = await (await fetch(`${url}/v1/models`)).json();
  assertEquals(models.data.map(({ id }: { readonly id: string }) => id), ["a", "b"]);
  assertEquals((await running.stop()).code, 0);
});

Deno.test("sim takes flags that begin with no-", async () => {
  const { ports, err } = fakeProcess();
  const code = await dispatch(["sim", "--no-save-unfull-chunk", "--no-first-token", "--x"], ports);
  assertEquals([code, err.lines], [2, [
    "pd-router: --x: unknown flag",
    "Try: pd-router --help",
  ]]);
});

Deno.test("sim tells all problems at once, and ends with 2", async () => {
  const { ports, out, err } = fakeProcess();
  const argv = ["sim", "--rnks", "3", "--role=both", "--port=x", "--log-level=loud", "--ranks=0"];
  assertEquals([await dispatch(argv, ports), out.text], [2, ""]);
  for (
    const part of [
      "--rnks: unknown flag; did you mean --ranks?",
      "--role: must be one of prefill, decode, any",
      "--port: must be a whole number",
      '--log-level "loud": expected one of critical',
      "--ranks: must be at least 1",
    ]
  ) {
    assertStringIncludes(err.text, part);
  }
});

Deno.test("sim ends with 1 and one line when its address is taken", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { ports, out, err } = fakeProcess();
  const code = await dispatch(["sim", `--port=${taken.addr.port}`], ports);
  assertEquals([code, out.text], [1, ""]);
  assertMatch(err.text, /^pd-router: Cannot start the engine: [^\n]+\n$/);
});

Deno.test("simHelp() has every flag, within 100 columns", async () => {
  const help = simHelp();
  for (const { name } of SIM_FLAGS) assertMatch(help, new RegExp(`^ {2}--${name}( |$)`, "m"));
  for (const line of help.split("\n")) assert(line.length <= 100, line);
  for (const argv of [["sim", "--help"], ["help", "sim"]]) {
    const { ports, out } = fakeProcess();
    assertEquals([await dispatch(argv, ports), out.text], [0, `${help}\n`]);
  }
});

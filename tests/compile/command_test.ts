import { lastLine, run } from "../../scripts/compile/command.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

const sh = (script: string, options: Partial<Parameters<typeof run>[1]> = {}): ReturnType<
  typeof run
> => run("/bin/sh", { args: ["-c", script], timeoutMs: 20_000, ...options });

Deno.test("run() gives both outputs and the status", async () => {
  assertEquals(await sh("echo out; echo err >&2; exit 3"), {
    code: 3,
    stdout: "out\n",
    stderr: "err\n",
    timedOut: false,
  });
});

Deno.test("run() ends what takes too long, and says so", async () => {
  const { code, stdout, timedOut } = await sh("echo begun; exec sleep 60", { timeoutMs: 200 });
  assertEquals([code, stdout, timedOut], [128 + 9, "begun\n", true]);
});

Deno.test("run() passes nothing on but env when clearEnv is set", async () => {
  const { stdout } = await sh('echo "$HOME|$A"', { env: { A: "1" }, clearEnv: true });
  assertEquals(stdout, "|1\n");
  const kept = await sh('echo "${PATH:+set}|$A"', { env: { A: "1" } });
  assertEquals(kept.stdout, "set|1\n");
});

Deno.test("run() rejects when there is no such program", async () => {
  const start = () => run("/nonexistent/program", { args: [], timeoutMs: 1000 });
  await assertRejects(start, Error, "/nonexistent/program");
});

Deno.test("lastLine() is the last line that says something", () => {
  assertEquals(lastLine("a\n  b \n\n"), "b");
  assertEquals(lastLine(" \n"), "");
  assert(lastLine("only") === "only");
});

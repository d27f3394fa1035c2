import { Processes, run, until } from "../../scripts/real/process.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

/** Whether a process is there and is more than a remainder. */
async function lives(pid: number): Promise<boolean> {
  try {
    return !/^State:\s+Z/m.test(await Deno.readTextFile(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function withLog(test: (log: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/log`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const SHELL = "/bin/sh";

Deno.test("Processes stop what they started, and what that started", async () => {
  await withLog(async (log) => {
    let child = 0;
    {
      await using processes = new Processes();
      const running = processes.start({
        name: "parent",
        command: SHELL,
        args: ["-c", "trap 'exit 0' TERM; sleep 60 & echo $!; wait"],
        log,
      });
      assert(await until(async () => /\d\n/.test(await running.output()), 10_000));
      child = Number(await running.output());
      assert(await lives(child) && !running.ended);
    }
    assert(await until(async () => !await lives(child), 10_000), `${child} is left`);
  });
});

Deno.test("Processes.start() refuses once they have been stopped", async () => {
  const processes = new Processes();
  await processes[Symbol.asyncDispose]();
  let problem = "";
  try {
    processes.start({ name: "late", command: SHELL, args: [], log: "/dev/null" });
  } catch (error) {
    problem = String(error);
  }
  assertStringIncludes(problem, "Cannot start late");
});

Deno.test("Running.serving() rejects with the last lines of a process that ends", async () => {
  await withLog(async (log) => {
    await using processes = new Processes();
    const running = processes.start({
      name: "brief",
      command: SHELL,
      args: ["-c", "echo the reason"],
      log,
    });
    const error = await assertRejects(() => running.serving("http://127.0.0.1:9/", 10_000), Error);
    assertStringIncludes(String(error), "the reason");
  });
});

Deno.test("run() gives the output, and rejects with it when the program fails", async () => {
  assertEquals(await run(SHELL, ["-c", "echo $A"], { A: "b" }), "b\n");
  const error = await assertRejects(() => run(SHELL, ["-c", "echo why; exit 3"]), Error);
  assertStringIncludes(String(error), "ended with 3");
  assertStringIncludes(String(error), "why");
});

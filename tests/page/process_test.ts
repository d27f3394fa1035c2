/** The page of a router that may read nothing: its files are part of the program. */
import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";

const ROOT = new URL("../../", import.meta.url);

/** Far above what a start takes; a hang must not last for ever. */
const DEADLINE_MS = 60_000;

Deno.test("main.ts serves the page without a permission to read its files", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--no-prompt", "--allow-net", "--allow-env"],
      ...["--allow-read=/dev/null", "--allow-sys=systemMemoryInfo", "main.ts"],
      ...["--port=0", "--admin-listen=127.0.0.1:0", "--routing-logic=roundrobin"],
      ...["--static-backends=http://127.0.0.1:9", "--static-models=m"],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).spawn();
  let out = "";
  const read = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) out += text;
  })();
  const page = (): string => /live page at (http:\S+)/.exec(out)?.[1] ?? "";
  await eventually(() => page() !== "", () => out, DEADLINE_MS);
  for (const path of ["", "page/main.js", "page/icon.svg"]) {
    const answer = await fetch(page() + path);
    assertEquals([answer.status, (await answer.text()).length > 0], [200, true], path);
  }
  child.kill("SIGTERM");
  await read;
  assertEquals((await child.status).code, 0, out);
});

/** curl, as it is on the command line. @module */
import { run } from "../process.ts";
import { bodyOf, EVENTS, LARGE, leaver, PROMPT, type Seen, streamSeen, textOf } from "./checks.ts";
import { digestOf } from "./engine.ts";
import type { Subject } from "./subject.ts";

const NAME = "curl";
const TYPE = ["--silent", "--show-error", "--header", "content-type: application/json"];

/** What it ends with when its time is over. */
const TIMED_OUT = 28;

/** curl. */
export const CURL: Subject = {
  name: NAME,
  prepare: async () => (await run("curl", ["--version"])).split(" ")[1] ?? "",
  async run({ url, folder }) {
    const to = `${url}/v1/completions`;
    const large = `${folder}/large.json`;
    await Deno.writeTextFile(large, bodyOf(LARGE));
    const small = ["--data", bodyOf(PROMPT)];
    const ask = (...args: readonly string[]): Promise<string> =>
      run("curl", [...TYPE, ...args, to]);
    const isRight = async (answer: string, prompt: string): Promise<boolean> =>
      textOf(answer) === await digestOf(prompt);
    const rows: Seen[] = [];
    const seen = (check: Seen["check"], ok: boolean, text: string): void =>
      void rows.push({ check, ok, seen: text });
    seen("whole", await isRight(await ask(...small), PROMPT), "200");
    rows.push(await stream(to));
    rows.push(await keptAlive(to));
    const body = ["--data-binary", `@${large}`];
    seen("large", await isRight(await ask(...body, "--header", "expect:"), LARGE), "4 MiB");
    const chunked = ["--header", "transfer-encoding: chunked", "--header", "expect:"];
    seen("chunked", await isRight(await ask(...body, ...chunked), LARGE), "4 MiB");
    // It asks for the word by itself where a body is large, and says on standard error what came.
    const told = await run("sh", ["-c", '"$@" 2>&1', "sh", "curl", ...TYPE, "-v", ...body, to]);
    seen("100-continue", told.includes("< HTTP/1.1 100 Continue"), "asked for and got");
    for (const check of ["leaves a stream", "leaves its answer"] as const) {
      const asked = { user: leaver(check, NAME), stream: check === "leaves a stream" };
      const code = await codeOf([
        ...TYPE,
        "--max-time",
        "0.5",
        "--data",
        bodyOf(PROMPT, asked),
        to,
      ]);
      seen(check, code === TIMED_OUT, "timed out");
    }
    const offer = ["--http2", "--write-out", " %{http_version}"];
    const [answer = "", version] = (await ask(...small, ...offer)).split(/ (?=[\d.]+$)/);
    seen("h2c offer", await isRight(answer, PROMPT), `answered in HTTP/${version}`);
    seen("HTTP/1.0", await isRight(await ask(...small, "--http1.0"), PROMPT), "200");
    return rows;
  },
};

async function stream(to: string): Promise<Seen> {
  const asked = bodyOf(PROMPT, { stream: true, max_tokens: EVENTS });
  const child = new Deno.Command("curl", {
    args: [...TYPE, "--no-buffer", "--data", asked, to],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const seen = await streamSeen(child.stdout);
  await child.status;
  return seen;
}

/** Several requests of one call, each with the connections that were made for it. */
async function keptAlive(to: string): Promise<Seen> {
  const count = 20;
  const one = [...TYPE, "--data", bodyOf(PROMPT), "--output", "/dev/null"];
  const args = Array.from({ length: count }, () => [...one, "-w", "%{num_connects}\n", to]);
  const made =
    (await run("curl", args.flatMap((each, at) => at === 0 ? each : ["--next", ...each])))
      .trim().split("\n").map(Number);
  const connects = made.reduce((sum, each) => sum + each, 0);
  const ok = made.length === count && connects === 1;
  return { check: "keep-alive", ok, seen: `${made.length} requests, ${connects} connection` };
}

async function codeOf(args: readonly string[]): Promise<number> {
  const outputs = { stdin: "null", stdout: "null", stderr: "null" } as const;
  return (await new Deno.Command("curl", { args: [...args], ...outputs }).output()).code;
}

import { COMMAND_NAMES, completionScript, SHELLS } from "../../lib/cli/completions.ts";
import { dispatch } from "../../lib/cli/dispatch.ts";
import { COMMANDS } from "../../lib/cli/help.ts";
import { FLAGS } from "../../lib/config/mod.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { fakeProcess } from "./support.ts";

/** What bash offers for the last of `words`. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const list = words.map((word) => `'${word}'`).join(" ");
  const script = `${completionScript("bash")}
COMP_WORDS=(pd-router ${list}); COMP_CWORD=${words.length}; _pd_router; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { code, stdout, stderr } = await new Deno.Command("bash", { args: ["-c", script] })
    .output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

Deno.test("completionScript() has bash offer commands, flags and what flags may be", async () => {
  assertEquals(await offered("e"), ["engines", "explain"]);
  assertEquals(await offered("engines", "dr"), ["drain"]);
  assertEquals(await offered("--kv-proto"), ["--kv-protocol"]);
  const choices = FLAGS.find(({ name }) => name === "kv-protocol")?.choices;
  assertEquals(await offered("--kv-protocol", ""), choices);
  assertEquals(await offered("check", "--nixl-proxy-p"), ["--nixl-proxy-port"]);
  assertEquals(await offered("--port", ""), []);
});

Deno.test("completionScript() knows every command of the help, and every flag, in all shells", () => {
  const helped = COMMANDS.flatMap(([usage]) => /^pd-router ([a-z]+)/.exec(usage)?.[1] ?? []);
  assertEquals([...COMMAND_NAMES].sort(), [...new Set(helped)].sort());
  for (const shell of SHELLS) {
    const script = completionScript(shell);
    const dash = shell === "fish" ? "-l " : "--";
    for (const { name } of FLAGS) assertStringIncludes(script, `${dash}${name}`);
  }
});

Deno.test("pd-router completions refuses shells that it does not know", async () => {
  const { ports, err, out } = fakeProcess();
  assertEquals(await dispatch(["completions", "bsh"], ports), 2);
  assertStringIncludes(err.text, "did you mean bash?");
  assertEquals(await dispatch(["completions", "fish"], ports), 0);
  assertEquals(out.text, `${completionScript("fish")}\n`);
});

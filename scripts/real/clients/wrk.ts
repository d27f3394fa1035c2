/** wrk: many connections at once, and requests sent ahead by its script. @module */
import { run } from "../process.ts";
import { bodyOf, type Check, PROMPT, type Seen } from "./checks.ts";
import type { Scene, Subject } from "./subject.ts";

const SECONDS = 2;

/** Requests that are sent ahead. */
const AHEAD = 8;

/** wrk. */
export const WRK: Subject = {
  name: "wrk",
  async prepare() {
    // It has no call that tells its version and ends well.
    const text = await run("sh", ["-c", "command -v wrk >/dev/null && { wrk -v; true; }"]);
    return text.split(" ")[1] ?? "";
  },
  run: async (scene) => [
    await load(scene, "whole", 1),
    await load(scene, "keep-alive", 1),
    await load(scene, "pipelining", AHEAD),
  ],
};

/** 16 connections, of which each has `ahead` requests under way. */
async function load({ url, folder }: Scene, check: Check, ahead: number): Promise<Seen> {
  const script = `${folder}/wrk.lua`;
  await Deno.writeTextFile(
    script,
    `
local headers = { ["content-type"] = "application/json" }
local batch
function init()
  local one = wrk.format("POST", "/v1/completions", headers, [[${bodyOf(PROMPT)}]])
  batch = one:rep(${ahead})
end
function request() return batch end
`,
  );
  const text = await run("wrk", ["-t1", "-c16", `-d${SECONDS}s`, "-s", script, url]);
  const count = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  const problem = /^\s*(?:Non-2xx|Socket errors).*$/m.exec(text)?.[0].trim();
  return { check, ok: count > 16 && problem === undefined, seen: problem ?? `${count} answers` };
}

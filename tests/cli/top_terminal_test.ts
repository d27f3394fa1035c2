/** `pd-router top` in a real pseudo-terminal: drawn, sorted, resized, left. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { MODEL } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { type ObservedFleet, startObserved } from "../support/observed.ts";
import { Pty } from "../support/pty.ts";
import { post } from "../support/router.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

function top(
  { router }: ObservedFleet,
  size: { readonly rows: number; readonly columns: number },
  env: Readonly<Record<string, string>> = {},
): Pty {
  const permissions = ["--no-prompt", "--allow-net", "--allow-read=/dev/null", "--ignore-env"];
  return new Pty([
    ...[Deno.execPath(), "run", "--quiet", "--no-check", ...permissions],
    ...["--allow-env=PD_ROUTER_*", `${ROOT}main.ts`, "top", "--admin", router.adminUrl],
  ], { ...size, env });
}

function shown(pty: Pty): string {
  return pty.screen.lines.join("\n");
}

Deno.test("pd-router top draws a fleet in 80x24, sorts it by keys, fits what it is resized to, and leaves the terminal as it was", async () => {
  await using fleet = await startObserved();
  const { router, ids } = fleet;
  await using pty = top(fleet, { rows: 24, columns: 80 }, { NO_COLOR: "1" });
  // The first screen comes in pieces: whole is it with its last line.
  const whole = () => pty.screen.lines.length === 23 && shown(pty).includes(ids.decode);
  await eventually(whole, () => pty.output, 30_000);
  assertStringIncludes(pty.output, "\x1b[?1049h");
  // deno-lint-ignore no-control-regex
  assert(!/\x1b\[\d+m/.test(pty.output), "a color with NO_COLOR");
  assertMatch(
    shown(pty),
    /^pd-router \d+\.\d+\.\d+ at http:\/\/127\.0\.0\.1:\d+, up \d+ s: ready$/m,
  );
  assertMatch(pty.screen.lines.at(-1) ?? "", /^q quit/);
  assertMatch(shown(pty), /ROLE▼/);
  await pty.send("\x1b[C\x1b[C");
  await eventually(() => /▼BUSY/.test(shown(pty)), () => shown(pty));
  await pty.send("\x1b[A");
  await eventually(() => /▲BUSY/.test(shown(pty)), () => shown(pty));
  const answer = await post(
    `${router.url}/v1/completions`,
    { model: MODEL, prompt: "A river", max_tokens: 4 },
    { headers: { "x-request-id": "seen-by-top" } },
  );
  await answer.body?.cancel();
  const pair = new RegExp(`${ids.prefill} > ${ids.decode} +0 +1 +0 `);
  for (const part of [/seen-by-top/, /1 ok, 0 failed/, pair]) {
    await eventually(() => part.test(shown(pty)), () => shown(pty));
  }
  await pty.resize(12, 60);
  await eventually(
    () => pty.screen.lines.length === 11 && pty.screen.lines.every((line) => line.length <= 60),
    () => shown(pty),
  );
  await pty.send("q");
  const { code, terminal } = await pty.ended();
  assertEquals([code, terminal], [0, { echo: true, lines: true }]);
  assert(
    pty.output.trimEnd().endsWith("\x1b[?25h\x1b[?1049l"),
    JSON.stringify(pty.output.slice(-60)),
  );
});

Deno.test("pd-router top has colors without NO_COLOR, and ends by Ctrl-C", async () => {
  await using fleet = await startObserved();
  await using pty = top(fleet, { rows: 24, columns: 80 }, { NO_COLOR: "" });
  await eventually(() => shown(pty).includes("q quit"), () => pty.output, 30_000);
  // deno-lint-ignore no-control-regex
  assertMatch(pty.output, /\x1b\[32mpd-router /);
  await pty.send("\x03");
  const { code, terminal } = await pty.ended();
  assertEquals([code, terminal], [0, { echo: true, lines: true }]);
});

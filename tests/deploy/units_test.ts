/** The systemd units and the Dockerfile: what can be seen without systemd and Docker. */
import { parseArgv } from "../../lib/cli/argv.ts";
import { FLAGS } from "../../lib/config/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const DEPLOY = new URL("../../scripts/deploy/", import.meta.url);

function read(name: string): string {
  return Deno.readTextFileSync(new URL(name, DEPLOY));
}

/** The default of a flag that is a number. */
function defaultOf(flag: string): number {
  return Number(FLAGS.find(({ name }) => name === flag)?.default);
}

/** The values of `key` in a unit. */
function valuesOf(unit: string, key: string): readonly string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);
}

Deno.test("pd-router.service starts the router by flags that there are", () => {
  const [start = ""] = valuesOf(read("systemd/pd-router.service"), "ExecStart");
  const [program, ...args] = start.split(" ");
  assertEquals(program, "/usr/local/bin/pd-router");
  const { flags, problems } = parseArgv(FLAGS, args);
  assertEquals(problems, []);
  assertEquals([...flags.keys()], ["config"]);
});

Deno.test("pd-router.service waits for longer than a router drains by default", () => {
  const unit = read("systemd/pd-router.service");
  const stop = Number(valuesOf(unit, "TimeoutStopSec")[0]);
  assert(stop > defaultOf("drain-delay") + defaultOf("drain-timeout"), `${stop} s`);
  assertEquals(valuesOf(unit, "LimitNOFILE"), ["65536"]);
  // The exit code of a command line that cannot be used.
  assertEquals(valuesOf(unit, "RestartPreventExitStatus"), ["2"]);
});

Deno.test("the Dockerfile copies files that there are, and starts nothing as root", () => {
  const text = read("docker/Dockerfile");
  for (const [, path = ""] of text.matchAll(/^COPY (?:--\S+ )*(scripts\/\S+)/gm)) {
    assert(Deno.statSync(new URL(`../../${path}`, import.meta.url)).isFile, path);
  }
  const stages = text.split(/^FROM /m);
  assert(stages.at(-1)?.startsWith("scratch\n"));
  assert(/^USER 65532:65532$/m.test(stages.at(-1) ?? ""));
  const ignored = read("docker/Dockerfile.dockerignore");
  for (const [, path = ""] of text.matchAll(/^COPY (?:--chmod=\d+ )?([\w/.-]+) /gm)) {
    assert(ignored.includes(`!${path}\n`), path);
  }
});

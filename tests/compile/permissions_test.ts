import { ENVIRONMENT_ONLY, envName, FLAGS } from "../../lib/config/mod.ts";
import { GRANTS, runtimeFlags } from "../../scripts/compile/permissions.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Whether `--allow-env` names `variable`. */
function granted(variable: string): boolean {
  const flag = runtimeFlags([]).find((candidate) => candidate.startsWith("--allow-env="));
  const names = flag?.slice("--allow-env=".length).split(",") ?? [];
  return names.some((name) =>
    name.endsWith("*") ? variable.startsWith(name.slice(0, -1)) : variable === name
  );
}

Deno.test("runtimeFlags() passes unstable features on", () => {
  const flags = runtimeFlags(["net", "no-legacy-abort"]);
  assert(flags.includes("--unstable-net") && flags.includes("--unstable-no-legacy-abort"));
});

Deno.test("runtimeFlags() lets the program write, run and ask for nothing", () => {
  const flags = runtimeFlags([]);
  for (const flag of flags) {
    assert(!/^(--allow-(all|write|run|import|ffi)|-A)/.test(flag), flag);
  }
  assert(flags.includes("--no-prompt"));
  assert(!flags.includes("--allow-env"), "variables are named one by one");
});

Deno.test("runtimeFlags() fetches and checks nothing at a start", () => {
  const flags = runtimeFlags([]);
  for (const flag of ["--no-check", "--no-remote", "--no-npm", "--cached-only", "--no-config"]) {
    assert(flags.includes(flag), flag);
  }
});

Deno.test("runtimeFlags() grants every variable of the configuration, and no other", () => {
  const known = [...FLAGS.map(({ name }) => envName(name)), ...ENVIRONMENT_ONLY.map((v) => v.name)];
  assertEquals(known.filter((name) => !granted(name)), []);
  for (const name of ["HOME", "AWS_SECRET_ACCESS_KEY", "PD_ROUTE"]) assert(!granted(name), name);
});

Deno.test("GRANTS gives a reason for each permission", () => {
  for (const { flag, why } of GRANTS) assert(flag.startsWith("--") && why.length > 10, flag);
});

import manifest from "../../deno.json" with { type: "json" };
import { parseArgv } from "../../lib/cli/argv.ts";
import { demoHelp } from "../../lib/cli/demo.ts";
import { dispatch } from "../../lib/cli/dispatch.ts";
import { enginesHelp, readEnginesLine } from "../../lib/cli/engines_flags.ts";
import { explainHelp } from "../../lib/cli/explain.ts";
import { loadConfig } from "../../lib/cli/load.ts";
import { FLAGS, problemText } from "../../lib/config/mod.ts";
import { routeOf } from "../../lib/http/routes.ts";
import { METRICS, type MetricSpec } from "../../lib/metrics/mod.ts";
import { mergeFaults } from "../../lib/sim/faults.ts";
import { noFaults, parseSimOptions, SIM_FLAGS } from "../../lib/sim/mod.ts";
import { BENCH_FLAGS } from "../../scripts/bench/cost/options.ts";
import { DEFAULTS as CHAOS_DEFAULTS } from "../../scripts/chaos/options.ts";
import { GRANTS } from "../../scripts/compile/permissions.ts";
import { findPages } from "../../scripts/readme/render.ts";
import { REAL_FLAGS } from "../../scripts/real/options.ts";
import { fakeProcess } from "../cli/support.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGES = findPages(ROOT).map((path) => ({
  path,
  text: Deno.readTextFileSync(new URL(path, ROOT)),
}));

/** All pages as one: what they say has to be right wherever it stands. */
const README = PAGES.map(({ text }) => text).join("\n");

/** Contents of the fenced blocks of one language. */
function fenced(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))]
    .map(([, content = ""]) => content);
}

/** The commands of a shell text as words; knows single quotes, and lines that go on. */
function commandsOf(text: string): string[][] {
  const commands: string[][] = [];
  let words: string[] = [];
  const pattern = /(?:'[^']*'|[^\s'\\]|\\[^\n])+|\\\n|\n/g;
  for (const [token] of `${text}\n`.matchAll(pattern)) {
    if (token === "\\\n") continue;
    if (token !== "\n") words.push(token.replaceAll(/'([^']*)'/g, "$1"));
    else if (words.length > 0) {
      commands.push(words);
      words = [];
    }
  }
  return commands;
}

const COMMANDS = fenced("sh").flatMap(commandsOf);

/** Arguments of the commands that begin with `words`. */
function argumentsOf(...words: readonly string[]): string[][] {
  return COMMANDS.filter((command) => words.every((word, index) => command[index] === word))
    .map((command) => command.slice(words.length));
}

/** Arguments of `pd-router`, run by the task of that name or as the compiled program. */
function routerArguments(task: string, subcommand?: string): string[][] {
  const tasks = argumentsOf("npx", "--yes", "deno@2.9.6", "task", task);
  const programs = argumentsOf("dist/pd-router", ...(subcommand === undefined ? [] : [subcommand]));
  return [...tasks, ...programs];
}

Deno.test("commandsOf() splits at spaces and lines, not within quotes", () => {
  assertEquals(commandsOf("a 'b c' --d='e;f'\n\ng \\\n  h 'i\nj'"), [
    ["a", "b c", "--d=e;f"],
    ["g", "h", "i\nj"],
  ]);
});

Deno.test("README.md runs Deno in the version that is tested, and tasks that there are", () => {
  const ci = Deno.readTextFileSync(new URL(".ci/run", ROOT));
  const npx = argumentsOf("npx", "--yes");
  assert(npx.length >= 8);
  for (const [deno = "", verb, name = ""] of npx) {
    assertStringIncludes(ci, `npx --yes ${deno} `);
    if (verb === "task") assert(Object.hasOwn(manifest.tasks, name), name);
    else assertEquals([verb, name], ["run", "-A"]);
  }
  for (const [script = ""] of argumentsOf("npx", "--yes", "deno@2.9.6", "run", "-A")) {
    assert(Deno.statSync(new URL(script, ROOT)).isFile, script);
  }
});

/** What commands begin with that start vLLM. */
const VLLM = ["PYTHONHASHSEED=0", "VLLM_NIXL_SIDE_CHANNEL_HOST=10.0.0.1"];

Deno.test("README.md has no command that nothing here checks", () => {
  const known = ["npx", "dist/pd-router", "curl", ...VLLM];
  const others = COMMANDS.filter(([program = ""]) => !known.includes(program));
  assertEquals(others, []);
});

Deno.test("README.md starts routers with configurations that are right", () => {
  const files = fenced("yaml").filter((text) => text.includes("\nengines:"));
  assertEquals(files.length, 1);
  const readFile = (path: string): string => {
    assertEquals(path, "pd.yaml");
    return files[0] ?? "";
  };
  const others = ["completions", "config", "engines", "explain", "man"];
  const starts = routerArguments("start").filter((args) =>
    !args.includes("--version") && !others.includes(args[0] ?? "")
  );
  assert(starts.length >= 4);
  for (const args of starts) {
    const argv = parseArgv(
      FLAGS,
      ["check", "doctor"].includes(args[0] ?? "") ? args.slice(1) : args,
    );
    const result = loadConfig(argv, { env: () => undefined, readFile });
    assertEquals(result.ok ? [] : result.problems.map(problemText), [], args.join(" "));
    assert(result.ok && result.config.handoff.kind !== "none");
  }
});

Deno.test("README.md speaks to a running router by commands that are right", () => {
  const lines = argumentsOf("dist/pd-router", "engines");
  assert(lines.length >= 4);
  for (const line of lines) assertEquals(readEnginesLine(line).kind, "ask", line.join(" "));
});

Deno.test("README.md explains a request as the command does", async () => {
  const [args, ...others] = routerArguments("start").filter(([command]) => command === "explain");
  assertEquals(others, []);
  const request = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }] });
  const { ports, out } = fakeProcess({}, { "request.json": request });
  assertEquals(await dispatch(args ?? [], ports), 0);
  assertStringIncludes(out.text, "handoff in mode P1");
});

Deno.test("README.md starts simulated engines with options that are right", () => {
  const starts = routerArguments("sim", "sim");
  assert(starts.length >= 2);
  for (const args of starts) {
    const { flags, problems } = parseArgv(SIM_FLAGS, args);
    assertEquals(problems, []);
    parseSimOptions(Object.fromEntries(flags));
  }
});

Deno.test("README.md starts the demo with flags that it has", () => {
  const starts = routerArguments("demo", "demo");
  assert(starts.length > 0);
  const help = demoHelp();
  for (const flag of starts.flat().filter((arg) => arg.startsWith("--"))) {
    assertStringIncludes(help, ` ${flag} `);
  }
});

Deno.test("README.md asks for paths that there are", () => {
  for (const args of argumentsOf("curl")) {
    const url = new URL(args.find((arg) => arg.startsWith("http")) ?? "");
    const body = args.includes("-d") ? args[args.indexOf("-d") + 1] ?? "" : undefined;
    if (url.pathname === "/sim/faults") {
      assertEquals(mergeFaults(noFaults(), JSON.parse(body ?? "")), []);
      continue;
    }
    if (body !== undefined) assert(JSON.parse(body).model);
    routeOf(body === undefined ? "GET" : "POST", url.pathname);
    const pattern = /^pd_router_\w+?(?=_count)/.exec(args[args.indexOf("grep") + 1] ?? "")?.[0];
    if (pattern !== undefined) assert(Object.hasOwn(METRICS, pattern), pattern);
  }
  const rows = [...README.matchAll(/^\| (GET|POST) (.*?) \|/gm)];
  assert(rows.length >= 4);
  for (const [, method = "", cell = ""] of rows) {
    for (const [, path = ""] of cell.matchAll(/`([^`]+)`/g)) routeOf(method, path);
  }
});

Deno.test("README.md gives vLLM a KV transfer configuration that is JSON", () => {
  const configs = VLLM.flatMap((first) => argumentsOf(first)).map((args) =>
    JSON.parse(args[args.indexOf("--kv-transfer-config") + 1] ?? "")
  );
  assertEquals(configs.map(({ kv_role }) => kv_role), ["kv_producer", "kv_consumer", "kv_both"]);
});

/** Flags of other programs that the text speaks of. */
const FOREIGN_FLAGS = [
  "no-enable-prefix-caching",
  "tensor-parallel-size",
  "kv-transfer-config",
  "kv-events-config",
  "otlp-traces-endpoint",
  "self-extracting",
  "check",
  "quick",
  "routers",
  "hour",
  "load",
  "json",
  "yes",
];

Deno.test("README.md speaks of flags that there are", () => {
  const own = [...FLAGS, ...SIM_FLAGS].map(({ name }) => name);
  const general = ["help", "version", "once", "permissions"];
  const real = REAL_FLAGS.map(([flag]) => flag.slice("--".length));
  const explain = [...explainHelp().matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name = ""]) => name);
  assert(explain.length >= 5);
  const engines = [...enginesHelp().matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name = ""]) => name);
  const chaos = Object.keys(CHAOS_DEFAULTS);
  const bench = [...engines, ...BENCH_FLAGS];
  const known = [...own, ...general, ...real, ...chaos, ...explain, ...bench, ...FOREIGN_FLAGS];
  const granted = GRANTS.map(({ flag }) => flag).join(" ");
  for (const [code] of README.matchAll(/`[^`\n]+`/g)) {
    for (const [flag, name = "", rest] of code.matchAll(/(?<=[`\s])--([a-z][a-z0-9-]*)(\*?)/g)) {
      const isKnown = rest === "*"
        ? known.some((other) => other.startsWith(name))
        : known.includes(name) || name.startsWith("allow-") || granted.includes(flag);
      assert(isKnown, code);
    }
  }
});

Deno.test("README.md names metrics that there are, with labels that they have", () => {
  const specs = new Map<string, MetricSpec>(Object.entries(METRICS));
  const names = [...README.matchAll(/(pd_router_[a-z_]*[a-z])(?:\{([^}]*)\})?/g)];
  assert(names.length > 40);
  for (const [found, full = "", labels = ""] of names) {
    const spec = specs.get(full.replace(/_(count|sum|bucket)$/, ""));
    assert(spec !== undefined, found);
    for (const [, label = ""] of labels.matchAll(/(\w+)=~?"/g)) {
      assert(spec.labels.includes(label), found);
    }
  }
});

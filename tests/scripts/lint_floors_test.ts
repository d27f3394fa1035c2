import floors from "../../scripts/lint_floors.ts";
import { assertEquals } from "../support/assert.ts";

/** What the plugin reports of `source` as the file `path`. */
function reported(path: string, source: string): readonly string[] {
  return Deno.lint.runPlugin(floors, path, source).map(({ id, message }) => `${id}: ${message}`);
}

/** Every way to name a module. */
const STATEMENTS: readonly ((module: string) => string)[] = [
  (module) => `import { a } from "${module}";`,
  (module) => `import type { A } from "${module}";`,
  (module) => `import { type A } from "${module}";`,
  (module) => `import "${module}";`,
  (module) => `export * from "${module}";`,
  (module) => `export * as a from "${module}";`,
  (module) => `export { a } from "${module}";`,
  (module) => `export type { A } from "${module}";`,
  (module) => `const a = await import("${module}");`,
  (module) => `type A = import("${module}").A;`,
  (module) => `const a: typeof import("${module}") = b;`,
];

for (const statement of STATEMENTS) {
  Deno.test(`The lint plugin checks ${statement("...")}`, () => {
    const up = statement("../openai/mod.ts");
    const wrong = 'floors/imports: "base" may not import "openai"';
    assertEquals(reported("/r/lib/base/x.ts", up), [wrong]);
    assertEquals(reported("/r/lib/flow/x.ts", up), []);
    const nested = statement("../../openai/mod.ts");
    const wrongNested = 'floors/imports: "base/deep" may not import "openai"';
    assertEquals(reported("/r/lib/base/deep/x.ts", nested), [wrongNested]);
    assertEquals(reported("/r/lib/front/http1/x.ts", nested), []);
    assertEquals(reported("/r/tests/base/x.ts", nested), []);
  });
}

Deno.test("The lint plugin reports an import of a computed module in lib/", () => {
  const source = "const a = await import(name);";
  const problem = "floors/imports: an import whose module is computed: write its name";
  for (const path of ["/r/lib/app.ts", "/r/lib/base/x.ts", "/r/lib/front/http1/x.ts"]) {
    assertEquals(reported(path, source), [problem]);
  }
  assertEquals(reported("/r/scripts/x.ts", source), []);
});

const AMBIENT = "floors/ambient: ambient time, chance, environment or console: take it as an " +
  "argument";

const TIME_AND_CHANCE = [
  "Date.now()",
  "new Date()",
  "Math.random()",
  "performance.now()",
  "crypto.randomUUID()",
  "crypto.getRandomValues(bytes)",
  "setTimeout(run, 5)",
  "setInterval(run, 5)",
  "globalThis.setTimeout(run, 5)",
  "AbortSignal.timeout(5)",
  'Math["random"]()',
  "(() => { const { now } = Date; return now; })()",
  "(() => { const later = setTimeout; return later; })()",
];

const PROCESS = [
  'Deno.env.get("HOME")',
  'Deno["env"]',
  "globalThis.Deno.env",
  "Deno.env[name]",
  "Deno.args",
  "Deno.exit(1)",
  'Deno.addSignalListener("SIGINT", stop)',
  'Deno.removeSignalListener("SIGINT", stop)',
  "Deno.stdin",
  "Deno.stdout",
  "Deno.stderr",
  'console.log("x")',
  "process.env.HOME",
  "(() => { const { env } = Deno; return env; })()",
];

/** Files that own neither, nested ones too. */
const OTHERS = [
  "/r/lib/openai/x.ts",
  "/r/lib/flow/x.ts",
  "/r/lib/sim/x.ts",
  "/r/lib/front/http1/x.ts",
  "/r/lib/front/http1/deep/x.ts",
  "/r/lib/app.ts",
];

for (const expression of [...TIME_AND_CHANCE, ...PROCESS]) {
  const isTime = TIME_AND_CHANCE.includes(expression);
  Deno.test(`The lint plugin reports ${expression} outside the folders that own it`, () => {
    const source = `export const x = ${expression};`;
    for (const path of OTHERS) assertEquals(reported(path, source), [AMBIENT], path);
    for (const path of ["/r/lib/base/x.ts", "/r/lib/base/deep/x.ts"]) {
      assertEquals(reported(path, source), isTime ? [] : [AMBIENT], path);
    }
    for (const path of ["/r/lib/cli/x.ts", "/r/lib/cli/deep/x.ts", "/r/main.ts", "/r/tests/x.ts"]) {
      assertEquals(reported(path, source), [], path);
    }
  });
}

for (const module of ["node:process", "node:timers", "node:timers/promises", "node:console"]) {
  Deno.test(`The lint plugin reports an import of ${module} but by the command line`, () => {
    const source = `import { a } from "${module}";`;
    for (const path of ["/r/lib/base/x.ts", ...OTHERS]) {
      assertEquals(reported(path, source), [AMBIENT]);
    }
    for (const path of ["/r/lib/cli/x.ts", "/r/scripts/x.ts"]) {
      assertEquals(reported(path, source), []);
    }
  });
}

Deno.test("The lint plugin has nothing against what only looks ambient", () => {
  const source = `
    import { a } from "./a.ts";
    import zlib from "node:zlib";
    export const local = 1;
    export { local as renamed };
    export const x = [clock.now(), random.next(), Date.UTC(2024), Math.max(1, 2), env("A")];
    export const y = [deps.Date.now(), clock["now"](), clock.setTimeout(a, 5), Deno.listen];
    export const z = [new Date(5), { console: 1, setTimeout: 2 }, port.process.env];
  `;
  assertEquals(reported("/r/lib/flow/x.ts", source), []);
  assertEquals(reported("/r/lib/front/http1/x.ts", source), []);
});

/** A project with the plugin as `deno.json` names it; each file of `lib/` breaks one rule, or none. */
const PROJECT: Readonly<Record<string, string>> = {
  "main.ts": 'import "./lib/cli/mod.ts";\nexport const x = Deno.args;\n',
  "lib/app.ts": 'import "./base/mod.ts";\nexport const x = Deno.args;\n',
  "lib/base/mod.ts": "export const x = Date.now();\n",
  "lib/cli/mod.ts": 'import "../app.ts";\nexport const x = Deno.args;\n',
  "lib/front/mod.ts": 'export * from "./http1/mod.ts";\n',
  "lib/front/http1/mod.ts": 'export * from "../../base/mod.ts";\n',
  "lib/front/http1/up.ts": 'export * from "../mod.ts";\n',
  "lib/front/http1/clock.ts": "export const x = Date.now();\n",
};

for (const parent of ["", "lib/"]) {
  Deno.test(`deno lint runs the plugin in a project in ${parent || "a folder"}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const project = `${folder}/${parent}project`;
      for (const [path, text] of Object.entries(PROJECT)) await write(`${project}/${path}`, text);
      for (const path of ["lint_floors.ts", "floors.ts", "ambient.ts"]) {
        const plugin = new URL(`../../scripts/${path}`, import.meta.url);
        await write(`${project}/scripts/${path}`, await Deno.readTextFile(plugin));
      }
      const lint = { plugins: ["./scripts/lint_floors.ts"], rules: { tags: [] } };
      await write(`${project}/deno.json`, JSON.stringify({ lint }));
      assertEquals(await linted(project), [
        `lib/app.ts ${AMBIENT}`,
        `lib/front/http1/clock.ts ${AMBIENT}`,
        'lib/front/http1/up.ts floors/imports: "front/http1" may not import "front"',
      ]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
}

/** What `deno lint` says of a project: the file and the problem, in order. */
async function linted(project: string): Promise<readonly string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["lint", "--json"],
    cwd: project,
    stderr: "null",
  }).output();
  const report: {
    readonly diagnostics: readonly {
      readonly filename: string;
      readonly code: string;
      readonly message: string;
    }[];
  } = JSON.parse(new TextDecoder().decode(stdout));
  return report.diagnostics.map(({ filename, code, message }) =>
    `${filename.slice(filename.indexOf("/project/") + "/project/".length)} ${code}: ${message}`
  ).sort();
}

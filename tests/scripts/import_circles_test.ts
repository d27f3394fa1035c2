import { posix } from "node:path";
import { onImports } from "../../scripts/lint_floors.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { circlesIn, type Graph } from "../support/circles.ts";

const PROJECT = new URL("../../", import.meta.url).pathname;

/** What `source`, the file `path`, imports of the project; types and dynamic imports included. */
function importsOf(path: string, source: string): readonly string[] {
  const found: string[] = [];
  const collect = onImports((_node, specifier) => {
    if (specifier.startsWith(".")) found.push(posix.join(posix.dirname(path), specifier));
  });
  const plugin = { name: "imports", rules: { collect: { create: () => collect } } };
  Deno.lint.runPlugin(plugin, path, source);
  return found;
}

/** What each of `files` imports. */
function graphOf(files: ReadonlyMap<string, string>): Graph {
  return new Map([...files].map(([path, source]) => [path, importsOf(path, source)]));
}

async function sourcesIn(folder: string, into: Map<string, string>): Promise<Map<string, string>> {
  for await (const { name, isDirectory } of Deno.readDir(PROJECT + folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await sourcesIn(path, into);
    else if (name.endsWith(".ts")) into.set(path, await Deno.readTextFile(PROJECT + path));
  }
  return into;
}

Deno.test("lib/ has no circle of imports, not even of types", async () => {
  const graph = graphOf(await sourcesIn("lib", new Map()));
  // Both ends of what the walk must see: enough files, and an import that is known.
  assert(graph.size > 200, `${graph.size} files`);
  assert(graph.get("lib/base/mod.ts")?.includes("lib/base/bytes.ts"));
  assertEquals(circlesIn(graph), []);
});

const LINKS = [
  'import { b } from "./b.ts";',
  'import type { B } from "./b.ts";',
  'export * from "./b.ts";',
  'const b = await import("./b.ts");',
  'type B = import("./b.ts").B;',
];

for (const link of LINKS) {
  Deno.test(`a circle that is closed by ${link} is found`, () => {
    const files = new Map([["lib/x/a.ts", link], ["lib/x/b.ts", 'import "../x/a.ts";']]);
    assertEquals(circlesIn(graphOf(files)), [["lib/x/a.ts", "lib/x/b.ts"]]);
  });
}

const GRAPHS: readonly (readonly [
  what: string,
  graph: Readonly<Record<string, readonly string[]>>,
  circles: readonly (readonly string[])[],
])[] = [
  ["nothing", {}, []],
  ["two ways to one node", { a: ["b", "c"], b: ["d"], c: ["d"], d: [] }, []],
  ["a node that leads nowhere known", { a: ["zod"] }, []],
  ["a node that leads to itself", { a: ["a"] }, [["a"]]],
  ["a long circle with a way into it", { a: ["b"], b: ["c"], c: ["d"], d: ["b"] }, [[
    "b",
    "c",
    "d",
  ]]],
  ["two circles apart", { a: ["b"], b: ["a"], c: ["d"], d: ["c"] }, [["a", "b"], ["c", "d"]]],
];

for (const [what, graph, circles] of GRAPHS) {
  Deno.test(`circlesIn() of ${what} finds ${circles.length}`, () => {
    assertEquals(circlesIn(new Map(Object.entries(graph))), circles);
  });
}

/**
 * Lint plugin for the floors of `lib/`: a file imports its own folder, or the `mod.ts` of a folder
 * on a lower floor, never the same floor; and nothing ambient (time, chance, environment, console,
 * argv) is used outside the places that own it.
 * @module
 */

const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  openai: 1,
  sse: 1,
  http1: 1,
  metrics: 1,
  config: 1,
  discovery: 2,
  upstream: 2,
  tokenization: 2,
  zmq: 2,
  disagg: 3,
  selection: 3,
  flow: 4,
  http: 5,
  cli: 6,
};

/** Folders that own argv, environment, time and the console. `sim` is a program of its own. */
const AMBIENT_ALLOWED = new Set(["base", "cli"]);

const AMBIENT: ReadonlyMap<string, readonly string[]> = new Map([
  ["Date", ["now"]],
  ["Math", ["random"]],
  ["performance", ["now"]],
  ["crypto", ["randomUUID", "getRandomValues"]],
  ["Deno", ["env", "args", "exit", "addSignalListener", "stdout", "stderr"]],
]);

const AMBIENT_CALLS = new Set(["setTimeout", "setInterval"]);

/** The folder of `lib/` a file is in, or undefined outside `lib/` and directly in it. */
export function folderOf(filename: string): string | undefined {
  return /\/lib\/([a-z0-9_]+)\/[^/]+\.ts$/.exec(filename)?.[1];
}

/** Why `from` (a file of `lib/`) may not import `specifier`, or undefined when it may. */
export function importProblem(filename: string, specifier: string): string | undefined {
  const from = folderOf(filename);
  if (from === undefined || !specifier.startsWith(".")) return undefined;
  if (specifier.startsWith("./")) return undefined;
  const target = /^\.\.\/([a-z0-9_]+)\/(.+)$/.exec(specifier);
  const folder = target?.[1];
  if (folder === undefined) {
    return from === "cli" && specifier === "../app.ts"
      ? undefined
      : `"${specifier}" is not a folder of lib/`;
  }
  if (target?.[2] !== "mod.ts") return `import "../${folder}/mod.ts", not "${specifier}"`;
  if (from === "sim") return folder === "base" ? undefined : `"sim" imports "base" only`;
  const here = FLOORS[from];
  // The simulator is a product of its own: only the command line starts it.
  const there = folder === "sim" ? 5 : FLOORS[folder];
  if (folder === "sim" && from !== "cli") return `"${from}" may not import "sim"`;
  if (here === undefined || there === undefined) return `"${from}" or "${folder}" has no floor`;
  return there < here ? undefined : `"${from}" may not import "${folder}"`;
}

export default {
  name: "floors",
  rules: {
    imports: {
      create(context) {
        const check = (node: Deno.lint.Node, source: string): void => {
          const message = importProblem(context.filename, source);
          if (message !== undefined) context.report({ node, message });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source.value),
          ExportAllDeclaration: (node) => check(node, node.source.value),
          ExportNamedDeclaration: (node) => {
            if (node.source) check(node, node.source.value);
          },
        };
      },
    },
    ambient: {
      create(context) {
        const folder = folderOf(context.filename);
        const owns = AMBIENT_ALLOWED.has(folder ?? "");
        if (owns || !/\/lib\//.test(context.filename)) return {};
        const message = "ambient time, chance, environment or console: take it as an argument";
        return {
          MemberExpression(node) {
            if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
            if (AMBIENT.get(node.object.name)?.includes(node.property.name)) {
              context.report({ node, message });
            }
          },
          CallExpression(node) {
            if (node.callee.type === "Identifier" && AMBIENT_CALLS.has(node.callee.name)) {
              context.report({ node, message });
            }
          },
        };
      },
    },
  },
} satisfies Deno.lint.Plugin;

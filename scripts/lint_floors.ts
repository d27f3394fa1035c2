/**
 * Lint plugin: the floors of `lib/` (see floors.ts), and nothing ambient (see ambient.ts) outside the
 * folders that own it.
 * @module
 */
import { dottedName, isAmbient, isAmbientModule } from "./ambient.ts";
import { importProblem, roomOf } from "./floors.ts";

const AMBIENT = "ambient time, chance, environment or console: take it as an argument";
const COMPUTED = "an import whose module is computed: write its name";

/** Calls `found` with every module that a file names, types and dynamic imports included. */
export function onImports(
  found: (node: Deno.lint.Node, specifier: string) => void,
  onComputed: (node: Deno.lint.Node) => void = () => {},
): Deno.lint.LintVisitor {
  return {
    ImportDeclaration: (node) => found(node, node.source.value),
    ExportAllDeclaration: (node) => found(node, node.source.value),
    ExportNamedDeclaration(node) {
      if (node.source) found(node, node.source.value);
    },
    ImportExpression(node) {
      const { source } = node;
      if (source.type === "Literal" && typeof source.value === "string") found(node, source.value);
      else onComputed(node);
    },
    TSImportType(node) {
      const { argument } = node;
      const { literal } = argument.type === "TSLiteralType" ? argument : {};
      if (literal?.type === "Literal" && typeof literal.value === "string") {
        found(node, literal.value);
      }
    },
  };
}

export default {
  name: "floors",
  rules: {
    imports: {
      create(context) {
        const { filename } = context;
        return onImports((node, specifier) => {
          const message = importProblem(filename, specifier);
          if (message !== undefined) context.report({ node, message });
        }, (node) => {
          if (roomOf(filename) !== undefined) context.report({ node, message: COMPUTED });
        });
      },
    },
    ambient: {
      create(context) {
        const { filename } = context;
        const check = (node: Deno.lint.Node, name: string | undefined): void => {
          if (name !== undefined && isAmbient(filename, name)) {
            context.report({ node, message: AMBIENT });
          }
        };
        return {
          ...onImports((node, specifier) => {
            if (isAmbientModule(filename, specifier)) context.report({ node, message: AMBIENT });
          }),
          MemberExpression(node) {
            const { object } = node;
            const inner = object.type === "MemberExpression" ? dottedName(object) : undefined;
            // `Deno.env.get` is reported once, as `Deno.env`.
            if (inner === undefined || !isAmbient(filename, inner)) check(node, dottedName(node));
          },
          CallExpression({ callee }) {
            if (callee.type === "Identifier") check(callee, callee.name);
          },
          NewExpression(node) {
            const isNow = dottedName(node.callee) === "Date" && node.arguments.length === 0;
            if (isNow) check(node, "Date.now");
          },
          VariableDeclarator({ id, init }) {
            const name = init === null ? undefined : dottedName(init);
            if (name === undefined) return;
            if (init?.type === "Identifier") check(id, name);
            if (id.type !== "ObjectPattern") return;
            for (const property of id.properties) {
              const key = property.type === "Property" ? dottedName(property.key) : undefined;
              if (key !== undefined) check(property, `${name}.${key}`);
            }
          },
        };
      },
    },
  },
} satisfies Deno.lint.Plugin;

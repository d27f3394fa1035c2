/**
 * Libraries that most starts do without. They are in the program as texts, which cost next to nothing, and
 * are compiled when somebody asks for them.
 * @module
 */
import { encodeUtf8 } from "../../lib/base/mod.ts";

/** By name, with what is taken of each. */
export const ASIDE: Readonly<Record<string, readonly string[]>> = { iovalkey: ["Redis"] };

/** A module that gives what is taken of the library `name`. */
export function asideEntry(name: string): string {
  return `export { ${ASIDE[name]?.join(", ")} } from "${name}";\n`;
}

/**
 * `bundle`, which imports the library `name` when it needs it, with the text of the library in it:
 * `library` is one module, which is where no file is. Throws where it is not imported exactly once.
 */
export function putAside(bundle: string, name: string, library: string): string {
  const call = `import("${name}")`;
  const parts = bundle.split(call);
  if (parts.length !== 2) {
    throw new Error(`Cannot put ${name} aside: it is imported ${parts.length - 1} times`);
  }
  const text = encodeUtf8(withoutPlace(library)).toBase64();
  // Put together at run time, or else Deno would read it with the program.
  const url = `["data:text/javascript;base64,", "${text}"].join("")`;
  return parts.join(`import(${url})`);
}

/** Modules of a bundle find those of Node from a file, and iovalkey its own folder in stacks. */
function withoutPlace(library: string): string {
  return library.replaceAll("(import.meta.url)", '("file:///")')
    .replaceAll(/\b__dirname\b/g, '""');
}

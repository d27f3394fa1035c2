import { ASIDE, asideEntry, putAside } from "../../scripts/compile/aside.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const LIBRARY = 'import{createRequire as r} from "node:module";' +
  'const need=r(import.meta.url);export const sep=need("node:path").sep+__dirname;';

Deno.test("putAside() has a library be there when it is imported, and not before", async () => {
  const program = putAside('const load = () => import("lib"); export { load };', "lib", LIBRARY);
  // Nothing that Deno would read with the program.
  assert(!/import\("/.test(program), program);
  const module = await import(`data:text/javascript,${encodeURIComponent(program)}`);
  const { sep } = await module.load();
  assertEquals(sep, "/");
});

Deno.test("putAside() needs the library to be imported exactly once", () => {
  assertThrows(() => putAside("main();", "lib", LIBRARY), Error, "imported 0 times");
  assertThrows(
    () => putAside('import("lib"); import("lib");', "lib", LIBRARY),
    Error,
    "imported 2 times",
  );
});

Deno.test("asideEntry() gives what is taken of a library", () => {
  assertEquals(Object.keys(ASIDE), ["iovalkey"]);
  assertEquals(asideEntry("iovalkey"), 'export { Redis } from "iovalkey";\n');
});

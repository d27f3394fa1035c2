import { COMPILED_ADDON } from "../../lib/zmq/addon_pull.ts";
import { bundleArgs, pinAddon } from "../../scripts/compile/bundle.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const CALL =
  'var addon = (0, loader_1.loadAddon)(path_1.default.resolve(__dirname, "..", "build"));';

Deno.test("pinAddon() loads the addon from beside the program and changes nothing else", () => {
  const pinned = pinAddon(`const before = "$&";\n${CALL}\nafter();\n`);
  assert(pinned.startsWith('const before = "$&";\nvar addon = ('), pinned);
  assert(pinned.endsWith(";\nafter();\n"), pinned);
  assertStringIncludes(pinned, "process.dlopen(module, `${import.meta.dirname}/addon.node`)");
  assert(!pinned.includes("__dirname"));
});

Deno.test("pinAddon() puts the module's exports where the loader's result was", () => {
  const pinned = pinAddon(CALL).replace("import.meta.dirname", "dir");
  const loaded = new Function("process", "dir", `${pinned} return addon;`)({
    dlopen(module: { exports: unknown }, path: string): void {
      module.exports = { path };
    },
  }, "/x");
  assertEquals(loaded, { path: "/x/addon.node" });
});

Deno.test("pinAddon() loads the file that a router asks leave to load", () => {
  assertStringIncludes(pinAddon(CALL), `\${import.meta.dirname}/${COMPILED_ADDON}\``);
});

Deno.test("pinAddon() needs zeromq's loader exactly once", () => {
  assertThrows(() => pinAddon("main();"), Error, "occurs 0 times");
  assertThrows(() => pinAddon(`${CALL}\n${CALL}`), Error, "occurs 2 times");
});

Deno.test("pinAddon() refuses a bundle that needs files beside the source", () => {
  for (
    const [code, what] of [
      ['read(new URL("./page.html", import.meta.url));', "./page.html"],
      ['new Worker(new URL("./w.ts", import.meta.url), {});', "./w.ts"],
      ['require(__dirname + "/x");', "__dirname"],
      ['import x from "npm:x@1";', "npm:"],
    ] as const
  ) {
    const error = assertThrows(() => pinAddon(`${CALL}\n${code}`), Error, "Cannot bundle");
    assertStringIncludes(error.message, what);
  }
});

Deno.test("bundleArgs() keeps to the lock file", () => {
  const args = bundleArgs("./main.ts", "/w/bundle.js");
  assert(args.includes("--frozen"));
  assertEquals(args.slice(-3), ["-o", "/w/bundle.js", "./main.ts"]);
});

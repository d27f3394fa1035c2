import { compileArgs, compileProblem } from "../../scripts/compile/native.ts";
import { assert, assertEquals } from "../support/assert.ts";

const ENDED = { code: 1, stdout: "", stderr: "", timedOut: false };

Deno.test("compileArgs() embeds the addon and gives the program last", () => {
  const args = compileArgs(["--allow-net"], "/d/pd-router");
  assertEquals(args.slice(0, 2), ["compile", "--allow-net"]);
  assertEquals(args.at(-1), "main.js");
  assert(args.includes("--include=addon.node"));
  assert(args.includes("--output=/d/pd-router"));
  assert(args.includes("--no-code-cache"));
  assert(args.includes("--target=x86_64-unknown-linux-gnu"));
});

Deno.test("compileProblem() is undefined when a file was made", () => {
  assertEquals(compileProblem({ ...ENDED, code: 0, stderr: "Compile main.js" }), undefined);
});

Deno.test("compileProblem() joins the causes, each said once, to one line", () => {
  const stderr = `Compile main.js to pd-router
Download https://dl.example/denort.zip
error: Writing deno compile executable to temporary file 'pd-router.tmp-1'

Caused by:
    0: Setting up base binary.
    1: error sending request for url (https://dl.example/denort.zip): client error (Connect): dns
    2: client error (Connect)
    3: no such name

Stack backtrace:
   0: <unknown>
`;
  assertEquals(
    compileProblem({ ...ENDED, stderr }),
    "Setting up base binary: error sending request for url (https://dl.example/denort.zip): " +
      "client error (Connect): dns: no such name",
  );
});

Deno.test("compileProblem() takes an error without causes, and no text at all", () => {
  const stderr = "Compile main.js\nerror: Module not found\n\nStack backtrace:\n   0: a\n";
  assertEquals(compileProblem({ ...ENDED, stderr }), "error: Module not found");
  assertEquals(compileProblem(ENDED), "it ended with 1");
});

Deno.test("compileProblem() says when time was up", () => {
  assertEquals(compileProblem({ ...ENDED, code: 137, timedOut: true }), "no end after 300 s");
});

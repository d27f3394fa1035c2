import { encodeUtf8 } from "../../lib/base/mod.ts";
import { type PackedFile, renderStub, shellQuote } from "../../scripts/compile/stub.ts";
import { run } from "../../scripts/compile/command.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const FILE: PackedFile = {
  path: "ab12/main.js",
  executable: false,
  size: 10,
  sha256: "c0ffee",
  packedSize: 7,
};
const VALUES = {
  version: "1.2.3-rc.1",
  runtime: { ...FILE, path: "cd34/pd-router", executable: true, packedSize: 5 },
  program: FILE,
  addon: { ...FILE, path: "ab12/addon.node", packedSize: 3 },
  flags: ["--no-prompt", "--allow-env=A,B*"],
};

Deno.test("shellQuote() gives one word that sh reads back unchanged", async () => {
  for (const text of ["", "a b", "it's", '$HOME `id` \\ "x"', "*", "line\nline", "''"]) {
    const { stdout } = await run("/bin/sh", {
      args: ["-c", `printf '%s|' ${shellQuote(text)} end`],
      timeoutMs: 10_000,
    });
    assertEquals(stdout, `${text}|end|`);
  }
});

Deno.test("renderStub() fills in every name", () => {
  const template = "v=@VERSION@ r=@RUNTIME@ p=@PROGRAM@ a=@ADDON@ c=@CACHES@\n@FLAGS@\n@FILES@\n";
  assertEquals(
    renderStub(template, VALUES),
    "v=1.2.3-rc.1 r=cd34/pd-router p=ab12/main.js a=ab12/addon.node c=ab12/caches\n" +
      "'--no-prompt' \\\n    '--allow-env=A,B*'\n" +
      '  "$1" cd34/pd-router 500 10 c0ffee 0 5 &&\n' +
      '  "$1" ab12/main.js 400 10 c0ffee 5 7 &&\n' +
      '  "$1" ab12/addon.node 400 10 c0ffee 12 3\n',
  );
});

Deno.test("renderStub() knows its own length and that of the whole file, in bytes", () => {
  for (const padding of ["", "é".repeat(3), "x".repeat(9_985)]) {
    const text = renderStub(`start=@START@ total=@TOTAL@ ${padding}`, VALUES);
    const length = encodeUtf8(text).length;
    const [, start, total] = /^start=(\d+) +total=(\d+) /.exec(text) ?? [];
    assertEquals([Number(start), Number(total)], [length, length + 15]);
  }
});

Deno.test("renderStub() refuses a name it does not know", () => {
  assertThrows(() => renderStub("@RUNTIME@ @HOME@", VALUES), TypeError, '"HOME" is unknown');
});

Deno.test("renderStub() refuses versions and paths that sh would not take as one word", () => {
  for (const bad of ["", "1 2", "1;id", "1\n2", "$x", "-1", "a'b"]) {
    const message = `${JSON.stringify(bad)} is not plain`;
    assertThrows(() => renderStub("", { ...VALUES, version: bad }), TypeError, message);
    const program = { ...FILE, path: bad };
    assertThrows(() => renderStub("", { ...VALUES, program }), TypeError, message);
  }
});

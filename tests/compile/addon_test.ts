import { encodeUtf8 } from "../../lib/base/mod.ts";
import {
  addonChoices,
  chooseAddon,
  compareGlibc,
  neededGlibc,
} from "../../scripts/compile/addon.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";

const ZEROMQ = new URL("../../node_modules/zeromq", import.meta.url).pathname;

function manifest(...builds: readonly (readonly [Record<string, unknown>, unknown])[]): string {
  return JSON.stringify(
    Object.fromEntries(builds.map(([key, path]) => [JSON.stringify(key), path])),
  );
}

const HERE = { os: "linux", arch: "x64", libc: "glibc" };

Deno.test("addonChoices() keeps Linux x86-64 glibc builds, highest abi first", () => {
  const text = manifest(
    [{ ...HERE, abi: 72 }, "a"],
    [{ ...HERE, abi: 127, os: "darwin" }, "mac"],
    [{ ...HERE, abi: 127, arch: "arm64" }, "arm"],
    [{ ...HERE, abi: 127 }, "c"],
    [{ ...HERE, abi: 128, libc: "musl" }, "musl"],
    [{ ...HERE, abi: 115 }, "b"],
  );
  assertEquals(addonChoices(text), [
    { path: "c", abi: 127 },
    { path: "b", abi: 115 },
    { path: "a", abi: 72 },
  ]);
});

Deno.test("addonChoices() refuses what is not a manifest", () => {
  for (const text of ["", "[", "null", "3", '{"not json": "a"}', '{"1": "a"}']) {
    assertThrows(() => addonChoices(text), SyntaxError);
  }
  assertThrows(
    () => addonChoices(manifest([{ ...HERE, abi: "x" }, "a"])),
    SyntaxError,
    "bad entry",
  );
  assertThrows(() => addonChoices(manifest([{ ...HERE, abi: 1 }, 2])), SyntaxError, "bad entry");
});

Deno.test("neededGlibc() finds the newest version name, by number", () => {
  const names = "\0libc.so.6\0GLIBC_2.9\0GLIBC_2.25\0GLIBC_2.2.5\0GLIBCXX_3.4.99\0GLIBC_2.17\0";
  assertEquals(neededGlibc(encodeUtf8(names)), [2, 25]);
  assertEquals(neededGlibc(encodeUtf8("\0GLIBC_2.38 is not a name of its own\0")), [0, 0]);
  assertEquals(neededGlibc(new Uint8Array([0xff, 0x00, ...encodeUtf8("GLIBC_2.4"), 0])), [2, 4]);
});

Deno.test("compareGlibc() orders by major, then minor number", () => {
  assert(compareGlibc([2, 9], [2, 10]) < 0);
  assert(compareGlibc([3, 0], [2, 99]) > 0);
  assertEquals(compareGlibc([2, 27], [2, 27]), 0);
});

Deno.test("chooseAddon() takes an addon that runs wherever Deno does", async () => {
  const { bytes, glibc, path } = await chooseAddon(ZEROMQ);
  assert(compareGlibc(glibc, [2, 27]) <= 0, `${path} needs glibc ${glibc.join(".")}`);
  assertEquals([...bytes.subarray(0, 4)], [0x7f, 0x45, 0x4c, 0x46]);
});

Deno.test("chooseAddon() prefers an older glibc to a higher abi, and needs one addon", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${dir}/build`);
    const elf = (version: string): Uint8Array => encodeUtf8(`\0GLIBC_${version}\0`);
    await Deno.writeFile(`${dir}/build/new`, elf("2.38"));
    await Deno.writeFile(`${dir}/build/old`, elf("2.25"));
    await Deno.writeFile(`${dir}/build/same`, elf("2.25"));
    const builds = manifest(
      [{ ...HERE, abi: 3 }, "new"],
      [{ ...HERE, abi: 1 }, "same"],
      [{ ...HERE, abi: 2 }, "old"],
    );
    await Deno.writeTextFile(`${dir}/build/manifest.json`, builds);
    const { path, glibc } = await chooseAddon(dir);
    assertEquals([path, glibc], ["old", [2, 25]]);
    await Deno.writeTextFile(`${dir}/build/manifest.json`, "{}");
    await assertRejects(() => chooseAddon(dir), Error, "Cannot find an addon");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

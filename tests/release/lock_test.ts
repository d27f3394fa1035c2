import { ZodError } from "zod";
import { closure, readLock } from "../../scripts/release/lock.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

function lockOf(npm: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ version: "5", npm });
}

const INTEGRITY = `sha512-${btoa("\x00\x01\xff")}`;

Deno.test("readLock() tells packages with scopes and peers apart, and their digests in hex", () => {
  const packages = readLock(lockOf({
    "@a/b@1.2.3_zod@4.6.7": { integrity: INTEGRITY, dependencies: ["c", "zod"] },
    "c@2.0.0-rc.1": { integrity: INTEGRITY },
    "zod@4.6.7": { integrity: INTEGRITY, optionalDependencies: ["for-another-machine"] },
  }));
  assertEquals(packages, [
    {
      key: "@a/b@1.2.3_zod@4.6.7",
      name: "@a/b",
      version: "1.2.3",
      sha512: "0001ff",
      dependencies: ["c@2.0.0-rc.1", "zod@4.6.7"],
    },
    { key: "c@2.0.0-rc.1", name: "c", version: "2.0.0-rc.1", sha512: "0001ff", dependencies: [] },
    { key: "zod@4.6.7", name: "zod", version: "4.6.7", sha512: "0001ff", dependencies: [] },
  ]);
});

Deno.test("readLock() takes a dependency by its key where there are two of its name", () => {
  const two = { "c@1.0.0": { integrity: INTEGRITY }, "c@2.0.0": { integrity: INTEGRITY } };
  const [first] = readLock(
    lockOf({ "a@1.0.0": { integrity: INTEGRITY, dependencies: ["c@2.0.0"] }, ...two }),
  );
  assertEquals(first?.dependencies, ["c@2.0.0"]);
  assertThrows(
    () => readLock(lockOf({ "a@1.0.0": { integrity: INTEGRITY, dependencies: ["c"] }, ...two })),
    Error,
    "Cannot tell which c",
  );
});

Deno.test("readLock() refuses another form, a digest of another kind and what is missing", () => {
  assertThrows(() => readLock(JSON.stringify({ version: "4", npm: {} })), ZodError);
  assertThrows(() => readLock(lockOf({ "a@1.0.0": { integrity: "sha1-AAAA" } })), ZodError);
  assertThrows(
    () => readLock(lockOf({ "a@1.0.0": { integrity: INTEGRITY, dependencies: ["b"] } })),
    Error,
    "Cannot tell which b",
  );
  assertThrows(() => readLock(lockOf({ "nonsense": { integrity: INTEGRITY } })), SyntaxError);
});

Deno.test("closure() follows dependencies, in circles too, and refuses what is not there", () => {
  const locked = (key: string, ...dependencies: string[]) => ({
    ...{ key, name: key, version: "1", sha512: "" },
    dependencies,
  });
  const packages = [locked("a", "b"), locked("b", "a", "c"), locked("c"), locked("d")];
  assertEquals([...closure(packages, ["a"])].sort(), ["a", "b", "c"]);
  assertThrows(() => closure(packages, ["e"]), Error, "Cannot find e");
});

Deno.test("readLock() reads this project's own lock", () => {
  const text = Deno.readTextFileSync(new URL("../../deno.lock", import.meta.url));
  const packages = readLock(text);
  assert(packages.length > 20);
  assert(packages.every(({ sha512 }) => /^[0-9a-f]{128}$/.test(sha512)));
  assert(packages.some(({ name }) => name === "zod"));
});

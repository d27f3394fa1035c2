import { sameInConstantTime, sha256 } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("sha256() is that of the standard's examples, and of UTF-8", () => {
  const rows = [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["\u00e9\u4e16", "3f91a566b940c2a47dbd80de63fac104df17922241f7db57e7b304b1a63b53a8"],
  ];
  for (const [text = "", digest] of rows) assertEquals(sha256(text), digest);
});

Deno.test("sameInConstantTime() compares whole texts", () => {
  const rows = [
    ["", "", true],
    ["abc", "abc", true],
    ["abc", "abd", false],
    ["abc", "bbc", false],
    ["abc", "ab", false],
    ["\u0100", "\u0000", false],
  ] as const;
  for (const [one, other, same] of rows) assertEquals(sameInConstantTime(one, other), same);
});

import { sha256 } from "../../lib/base/mod.ts";
import { KeyRing } from "../../lib/doors/key_ring.ts";
import { assertEquals } from "../support/assert.ts";

const entry = (key: string, name = key): { digest: string; name: string } => ({
  digest: sha256(key),
  name,
});

Deno.test("KeyRing finds what a key opens, and nothing for any other text", () => {
  const ring = new KeyRing([entry("sk-a"), entry("sk-b")], "secret");
  assertEquals([ring.find("sk-a")?.name, ring.find("sk-b")?.name], ["sk-a", "sk-b"]);
  const others = ["", "sk-", "sk-A", "sk-a ", "sk-ab", sha256("sk-a"), "x".repeat(100_000)];
  for (const other of others) assertEquals(ring.find(other), undefined);
});

Deno.test("KeyRing has the last of several with one key", () => {
  const ring = new KeyRing([entry("sk-a", "first"), entry("sk-a", "second")], "secret");
  assertEquals([ring.size, ring.find("sk-a")?.name], [1, "second"]);
});

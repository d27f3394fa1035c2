import { KV_NAMES, KV_PROTOCOLS, kvNameOf } from "../../lib/base/mod.ts";
import { KV_TABLE } from "../../lib/kv/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("kvNameOf() knows protocols by their exact names", () => {
  for (const name of ["lmcache", "nixl", "shared_storage"] as const) {
    assertEquals(kvNameOf(name), name);
  }
});

Deno.test("kvNameOf() knows no other, nor what every object has", () => {
  const others = [undefined, "", "none", "LMCache", "nixl ", "toString", "__proto__"];
  for (const name of others) assertEquals(kvNameOf(name), undefined, String(name));
});

Deno.test("KV_NAMES has all protocols in the order in which they are told", () => {
  assertEquals(KV_NAMES, ["lmcache", "nixl", "shared_storage"]);
});

Deno.test("KV_PROTOCOLS says of those that notify what their table of transfers awaits", () => {
  const notifying = KV_NAMES.filter((name) => KV_PROTOCOLS[name].notifies);
  assertEquals(notifying, ["lmcache"]);
  const engine = { id: "e", url: "http://e", role: "decode", models: ["m"] } as const;
  for (const kv of KV_NAMES) assertEquals(KV_TABLE.of({ ...engine, kv }) !== undefined, true, kv);
});

import { type Engine, MODES, speakAlike } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

function engine(kv: Engine["kv"], models: readonly string[] = ["m"]): Engine {
  return { id: "e", url: "http://e", role: "any", models, kv };
}

Deno.test("speakAlike() holds for one protocol, whatever is served", () => {
  for (const kv of ["lmcache", "nixl", "shared_storage", "none"] as const) {
    assertEquals(speakAlike(engine(kv), engine(kv, ["other"])), true, kv);
  }
});

Deno.test("speakAlike() does not hold for two protocols, nor for one and none", () => {
  const pairs = [["lmcache", "nixl"], ["nixl", "lmcache"], ["lmcache", "none"]] as const;
  for (const [one, other] of pairs) {
    assertEquals(speakAlike(engine(one), engine(other)), false, `${one} ${other}`);
  }
});

Deno.test("MODES begins with the mode that is tried first", () => {
  assertEquals(MODES, ["p1", "d1"]);
});

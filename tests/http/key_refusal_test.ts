import { RouterError } from "../../lib/base/mod.ts";
import { keyRefused, refusesKey, withoutKeyRefusal } from "../../lib/http/key_refusal.ts";
import { assert, assertEquals } from "../support/assert.ts";

const KEEPS = { keepsKeys: true };
const PASSES = { keepsKeys: false };

function refusedWith(status: number): RouterError {
  const refusal = { status, headers: [], body: new Uint8Array() };
  return new RouterError("decode-failed", "the engine's key is sk-1", { refusal });
}

Deno.test("refusesKey() holds for 401 and 403 where the router keeps the engines' key", () => {
  const found = [400, 401, 402, 403, 404, 429, 500, 503].filter((each) => refusesKey(KEEPS, each));
  assertEquals(found, [401, 403]);
});

Deno.test("refusesKey() does not hold where the client's own key is passed on", () => {
  assertEquals([refusesKey(PASSES, 401), refusesKey(PASSES, 403)], [false, false]);
});

Deno.test("withoutKeyRefusal() tells of the router's key, and nothing of what the engine said", () => {
  const told = withoutKeyRefusal(KEEPS, refusedWith(401));
  assert(told instanceof RouterError);
  assertEquals([told.code, told.message], [keyRefused().code, keyRefused().message]);
  assertEquals(told.refusal, undefined);
});

Deno.test("withoutKeyRefusal() leaves other errors as they are", () => {
  const others = [
    [KEEPS, refusedWith(400)],
    [KEEPS, refusedWith(503)],
    [KEEPS, new RouterError("kv-timeout", "late")],
    [KEEPS, new TypeError("no")],
    [PASSES, refusedWith(401)],
  ] as const;
  for (const [doors, error] of others) assert(withoutKeyRefusal(doors, error) === error);
});

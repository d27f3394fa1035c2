import { ByteBudget, encodeUtf8 } from "../../lib/base/mod.ts";
import type { FrontBody } from "../../lib/front/mod.ts";
import { jsonHere } from "../../lib/http/body.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** A body that has come with its head. */
function hereOf(text: string): FrontBody & { readonly here: Uint8Array } {
  const here = encodeUtf8(text);
  return { length: here.length, here, read: () => Promise.reject(new Error("read")) };
}

Deno.test("jsonHere() takes what is here and plain, within its bounds, and nothing else", () => {
  const text = '{"a":1}';
  const share = new ByteBudget(10).share();
  const body = hereOf(text);
  assert(jsonHere(body, 7, { share }) === body.here);
  assertEquals(share.bytes, 7);
  // Its share cannot grow; it is longer than allowed; it may be another encoding; it is not here.
  assertEquals(jsonHere(hereOf(text), 7, { share }), undefined);
  assertEquals(share.bytes, 7);
  for (const odd of ["", "{", "{\0}\0", "\ufeff{}", " {}", "[]"]) {
    assertEquals(jsonHere(hereOf(odd), 7, {}), undefined, odd);
  }
  assertEquals(jsonHere(hereOf(text), 6, {}), undefined);
  const { here: _here, ...rest } = hereOf(text);
  assertEquals(jsonHere(rest, 7, {}), undefined);
});

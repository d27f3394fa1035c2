import { decodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { isOverload, readError, refusedError } from "../../lib/request/mod.ts";
import type { HeaderField } from "../../lib/upstream/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeResponse } from "./support.ts";

const JSON_TYPE = ["content-type", "application/json"] as const;
const PAGE = "<html>Bad</html>";

Deno.test("isOverload() is true of no room at the moment alone", () => {
  const statuses = [200, 302, 400, 404, 408, 425, 429, 500, 502, 503, 504];
  assertEquals(statuses.filter(isOverload), [429, 503]);
});

for (const status of [400, 401, 404, 408, 413, 422, 429, 499, 503]) {
  Deno.test(`readError() keeps an engine's ${status} for the client, field by field`, async () => {
    const fields: readonly HeaderField[] = [
      JSON_TYPE,
      ["Retry-After", "7"],
      ["x-ratelimit-remaining-requests", "0"],
      ["connection", "keep-alive"],
    ];
    const text = '{"error":{"message":"no"}}';
    const { refusal, message, page } = await readError(
      new FakeResponse([text], { status, headers: fields }),
    );
    assertEquals([message, page], ["no", false]);
    assertEquals(
      [refusal?.status, refusal?.headers, decodeUtf8(refusal?.body ?? new Uint8Array(0))],
      [status, fields.slice(0, 3), text],
    );
  });
}

for (const status of [302, 500, 501, 502, 504, 520]) {
  Deno.test(`readError() keeps no ${status} for the client`, async () => {
    const text = '{"error":{"message":"broken"}}';
    const { refusal, message } = await readError(new FakeResponse([text], { status }));
    assertEquals([refusal, message], [undefined, "broken"]);
  });
}

Deno.test("readError() says nothing of where a redirection leads", async () => {
  for (const text of ["Moved to http://10.0.0.7/x", '<a href="http://10.0.0.7">', ""]) {
    const headers = [["location", "http://10.0.0.7/"]] as const;
    const { message } = await readError(new FakeResponse([text], { status: 302, headers }));
    assertEquals(message.includes("10.0.0.7"), false, message);
  }
});

const PAGES: readonly (readonly [type: string | undefined, text: string])[] = [
  ["text/html", PAGE],
  ["text/html; charset=utf-8", "oh"],
  ["application/xhtml+xml", "oh"],
  [undefined, " \n<!DOCTYPE html><html>"],
  ["text/plain", "<HTML>"],
];

for (const [type, text] of PAGES) {
  Deno.test(`readError() puts words in the place of a page: ${type} ${text.trim()}`, async () => {
    for (const status of [403, 413, 429, 503]) {
      const headers: readonly HeaderField[] = [
        ...(type === undefined ? [] : [["content-type", type] as const]),
        ["retry-after", "9"],
        ["content-length", "99"],
        ["location", "http://10.0.0.7/"],
        ["etag", "x"],
      ];
      const { refusal, page } = await readError(new FakeResponse([text], { status, headers }));
      assert(page && refusal !== undefined);
      assertEquals([refusal.status, refusal.headers], [status, [JSON_TYPE, ["retry-after", "9"]]]);
      const { error } = JSON.parse(decodeUtf8(refusal.body));
      assertEquals([error.code, typeof error.type, error.param], [status, "string", null]);
      assertEquals(decodeUtf8(refusal.body).includes("<"), false);
    }
    const { refusal, page, message } = await readError(new FakeResponse([text], { status: 502 }));
    assertEquals([refusal, page || type !== undefined], [undefined, true]);
    if (page) assertStringIncludes(message, "a page in HTML");
  });
}

Deno.test("refusedError() carries the engine's own words", async () => {
  const text = '{"error":{"message":"full"}}';
  const { refusal } = await readError(new FakeResponse([text], { status: 429 }));
  assert(refusal !== undefined);
  const error = refusedError("prefill-failed", "Prefill on engine e", refusal);
  assert(error instanceof RouterError && error.refusal === refusal);
  assertEquals([error.code, error.message], [
    "prefill-failed",
    "Prefill on engine e answered 429: full",
  ]);
});

import { encodeUtf8 } from "../../../lib/base/mod.ts";
import { watchEventOf } from "../../../lib/discovery/kubernetes/watch_event.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

function read(value: unknown): ReturnType<typeof watchEventOf> {
  return watchEventOf(encodeUtf8(typeof value === "string" ? value : JSON.stringify(value)));
}

const POD = { metadata: { name: "a", resourceVersion: "7" }, status: {} };

Deno.test("watchEventOf() tells what happened to which object", () => {
  for (const type of ["ADDED", "MODIFIED"]) {
    const event = read({ type, object: POD });
    assert(event.kind === "put");
    assertEquals([event.meta.name, event.meta.version, event.object], ["a", "7", POD]);
  }
  const gone = read({ type: "DELETED", object: POD });
  assertEquals([gone.kind, gone.kind === "gone" && gone.meta.version], ["gone", "7"]);
});

Deno.test("watchEventOf() knows bookmarks and errors", () => {
  const mark = { type: "BOOKMARK", object: { kind: "Pod", metadata: { resourceVersion: "9" } } };
  assertEquals(read(mark), { kind: "bookmark", version: "9" });
  const status = { kind: "Status", code: 410, reason: "Expired", message: "too old" };
  const error = read({ type: "ERROR", object: status });
  assert(error.kind === "error" && error.refusal.isExpired);
  assertEquals(error.refusal.message, "The API server answers 410 Expired: too old");
});

for (
  const [name, value] of [
    ["no JSON", "{"],
    ["no object", { type: "ADDED" }],
    ["no name", { type: "ADDED", object: { metadata: { resourceVersion: "1" } } }],
    ["no version", { type: "ADDED", object: { metadata: { name: "a" } } }],
    ["a bookmark without a version", { type: "BOOKMARK", object: { metadata: {} } }],
    ["another type", { type: "SYNC", object: POD }],
    ["no type", { object: POD }],
  ] as const
) {
  Deno.test(`watchEventOf() refuses ${name}`, () => {
    assertThrows(() => read(value), Error, "An event of the API server");
  });
}

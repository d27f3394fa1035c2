import { encode } from "@msgpack/msgpack";
import { type Random, seededRandom, systemRandom } from "../../lib/base/mod.ts";
import { KvRequestIds, tagOf, uniquePartOf } from "../../lib/kv/mod.ts";
import { decodeNotice, MAX_NOTICE_BYTES } from "../../lib/zmq/mod.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../support/assert.ts";

const UUID = "123e4567-e89b-42d3-a456-426614174000";
const FIXED: Pick<Random, "uuid"> = { uuid: () => UUID };
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const TAGS = ["a", "Z", "0", "_", ".", "-", "router-1.zone_b", "t".repeat(32)];

Deno.test("KvRequestIds.next() is a UUID and no more without a tag", () => {
  assertEquals(new KvRequestIds(FIXED).next(), UUID);
  assertMatch(new KvRequestIds(systemRandom()).next(), UUID_V4);
});

for (const tag of TAGS) {
  Deno.test(`KvRequestIds.next() puts the tag ${tag} behind the UUID, where tagOf() finds it`, () => {
    const id = new KvRequestIds(FIXED, tag).next();
    assertEquals(id, `${UUID}@${tag}`);
    assertEquals(tagOf(id), tag);
  });
}

for (const tag of ["", "t".repeat(33), "a b", "a@b", "@", "a\n", "\u00e4", "a/b", '"']) {
  Deno.test(`KvRequestIds refuses the tag ${JSON.stringify(tag)}, and says so`, () => {
    assertThrows(() => new KvRequestIds(FIXED, tag), RangeError, JSON.stringify(tag));
  });
}

Deno.test("tagOf() finds no tag in ids without one", () => {
  for (const id of [UUID, "", "cmpl-1"]) assertEquals(tagOf(id), undefined);
  const ids = new KvRequestIds(systemRandom());
  for (let times = 0; times < 100; times++) assertEquals(tagOf(ids.next()), undefined);
});

Deno.test("KvRequestIds.next() never gives an id twice, with and without tags", () => {
  const random = seededRandom(7);
  const makers = [undefined, "a", "b"].map((tag) => new KvRequestIds(random, tag));
  const ids = Array.from({ length: 3_000 }, () => makers.map((maker) => maker.next())).flat();
  assertEquals(new Set(ids).size, 9_000);
});

Deno.test("a notification carries the longest tagged id within its bound, and gives it back", () => {
  const id = new KvRequestIds(systemRandom(), "t".repeat(32)).next();
  for (const type of ["ProxyNotif", "NixlProxyNotif"]) {
    const frame = encode({ type, req_id: id });
    assert(frame.length <= MAX_NOTICE_BYTES, `${frame.length} bytes`);
    const notice = decodeNotice([frame]);
    assertEquals(notice, { kind: "kv-ready", reqId: id });
    assertEquals(tagOf(id), "t".repeat(32));
  }
});

Deno.test("uniquePartOf() is the UUID of an id, with a tag or without", () => {
  for (const id of [UUID, ...TAGS.map((tag) => new KvRequestIds(FIXED, tag).next())]) {
    assertEquals(uniquePartOf(id), UUID);
  }
});

import { seededRandom } from "../../lib/base/mod.ts";
import { makeTag, replicaIn, withinReplica } from "../../lib/cluster/tag.ts";
import { isPeerId } from "../../lib/gossip/mod.ts";
import { KvRequestIds } from "../../lib/kv/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("makeTag() makes tags that are told from workers' own, and that ids and peers can carry", () => {
  const random = seededRandom(1);
  const tags = new Set(Array.from({ length: 1_000 }, () => makeTag(random)));
  assertEquals(tags.size, 1_000);
  for (const tag of tags) {
    assertEquals([replicaIn(tag), withinReplica(tag)], [tag, ""]);
    const longest = `${tag}.1024.999999999`;
    assertEquals([replicaIn(longest), withinReplica(longest)], [tag, "1024.999999999"]);
    assert(isPeerId(longest));
    new KvRequestIds(random, longest);
  }
});

Deno.test("replicaIn() finds none where there is none", () => {
  for (const tag of ["", "2.1", "abcdefg", "abcdefghi", "1bcdefgh", "ABCDEFGH", ".abcdefgh"]) {
    assertEquals(replicaIn(tag), undefined);
  }
});

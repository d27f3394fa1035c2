import {
  HEARD_PER_SECOND,
  LONGEST_TELL_MS,
  TELL_MS,
  tellMs,
  URGENT_MS,
  urgentMs,
} from "../../lib/gossip/pace.ts";
import { SILENT_MS } from "../../lib/gossip/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("tellMs() is the same for a few routers, and grows so that each hears no more", () => {
  for (const routers of [1, 2, 9]) {
    assertEquals([tellMs(routers), urgentMs(routers)], [TELL_MS, URGENT_MS]);
  }
  for (let routers = 10; routers <= 80; routers++) {
    const heard = (routers - 1) * 1_000 / tellMs(routers);
    assert(heard <= HEARD_PER_SECOND + 1e-9, `${heard} of ${routers}`);
    assert(tellMs(routers) >= tellMs(routers - 1));
    assert(urgentMs(routers) < tellMs(routers));
  }
  assertEquals(tellMs(1_000), LONGEST_TELL_MS);
  assert(4 * LONGEST_TELL_MS < SILENT_MS);
});

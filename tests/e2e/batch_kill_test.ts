import { runKills } from "../../scripts/batch_kill/run.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("a router that is killed loses no result and no file, and does nothing twice", async () => {
  const { violations, batches, lines, served } = await runKills({ kills: 5, seed: 7 });
  assertEquals(violations, []);
  assert(batches > 0 && lines >= batches && served > 0);
});

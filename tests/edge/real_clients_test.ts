/** Clients as they are on every machine that these tests run on; `task real:clients` has more. */
import { leaver } from "../../scripts/real/clients/checks.ts";
import { CURL } from "../../scripts/real/clients/curl.ts";
import { MODEL, startClientEngine } from "../../scripts/real/clients/engine.ts";
import { programs } from "../../scripts/real/clients/programs.ts";
import { PROXIES } from "../../scripts/real/clients/proxies.ts";
import { assertEquals } from "../support/assert.ts";
import { engineAt, startRouter } from "../support/router.ts";

const SUBJECTS = [
  CURL,
  ...programs().filter(({ name }) => name === "node:http" || name === "fetch"),
  ...PROXIES.filter(({ name }) => name.startsWith("nginx")),
];

for (const subject of SUBJECTS) {
  Deno.test(`real clients are served: ${subject.name}`, async () => {
    await using engine = startClientEngine();
    await using router = await startRouter([engineAt(engine.url, "any", { models: [MODEL] })]);
    const folder = await Deno.makeTempDir({ prefix: "pd-router-clients-" });
    try {
      const rows = await subject.run({ url: router.url, cache: folder, folder });
      assertEquals(rows.filter(({ ok }) => !ok), []);
      const left = rows.flatMap(({ check }) => leaver(check, subject.name) ?? []);
      assertEquals(left.length, 2);
      for (const user of left) assertEquals([user, await engine.hasLeft(user)], [user, true]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

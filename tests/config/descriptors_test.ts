import { MOST_CONNECTIONS, shareDescriptors } from "../../lib/config/descriptors.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { configOf, FLEET, PAIR } from "./support.ts";

Deno.test("shareDescriptors() gives each client two, and keeps some for engines and notifications", () => {
  assertEquals(shareDescriptors(64, false), { clients: 14, notifications: 0, reserve: 4 });
  assertEquals(shareDescriptors(64, true), { clients: 12, notifications: 4, reserve: 4 });
  assertEquals(shareDescriptors(1024, false), { clients: 488, notifications: 0, reserve: 16 });
  assertEquals(shareDescriptors(1024, true), { clients: 427, notifications: 122, reserve: 16 });
});

Deno.test("shareDescriptors() hands out no more than there are, and one client at least", () => {
  for (let limit = 1; limit < 3_000; limit++) {
    for (const notified of [false, true]) {
      const { clients, notifications, reserve } = shareDescriptors(limit, notified);
      assert(clients >= 1 && notifications >= 0 && reserve >= 0, `${limit}`);
      if (limit < 48) continue;
      assert(2 * clients + notifications + reserve + 32 <= limit, `${limit} ${notified}`);
    }
  }
});

Deno.test("shareDescriptors() has a bound where there are more, and where nobody knows", () => {
  for (const limit of [0, 2 ** 20, 2 ** 31 - 1]) {
    const { clients, notifications, reserve } = shareDescriptors(limit, true);
    assertEquals([clients, notifications, reserve], [MOST_CONNECTIONS, MOST_CONNECTIONS, 16]);
  }
});

Deno.test("buildConfig() takes clients from the limit, or fewer that were asked for", () => {
  const clients = (flags: Readonly<Record<string, string>>): number =>
    configOf({ flags: { ...FLEET, ...flags } }).clients.maxConnections;
  assertEquals(clients({}), 16_384);
  assertEquals(clients({ "max-open-files": "1024" }), 488);
  assertEquals(clients({ "max-open-files": "1024", "max-connections": "100" }), 100);
  assertEquals(clients({ "max-open-files": "1024", "max-connections": "1000" }), 488);
  assertEquals(clients({ "max-connections": "100" }), 100);
  const { descriptors } = configOf({ flags: { ...PAIR, "max-open-files": "64" } });
  assertEquals(descriptors, { limit: 64, clients: 12, notifications: 4, reserve: 4 });
});

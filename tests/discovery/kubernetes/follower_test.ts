import { seededRandom } from "../../../lib/base/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../support/assert.ts";
import { badRequest, podOf, statusObject } from "../../support/kubernetes_api/mod.ts";
import { eventually } from "../../support/eventually.ts";
import { follow, type Followed } from "./support.ts";

/** Wait, without moving the clock, until what was told is what is there. */
async function agrees({ api, found, told }: Followed): Promise<void> {
  const there = (): string =>
    JSON.stringify(
      api.store.all("pods").map((
        { metadata: { name, resourceVersion } },
      ) => [name, resourceVersion]),
    );
  const seen = (): string => JSON.stringify([...found].sort(([a], [b]) => a < b ? -1 : 1));
  await eventually(() => seen() === there(), () => `${seen()} is not ${there()}; ${told}`);
}

/** Move time until `holds`: pauses between tries are at random. */
async function inTime({ clock }: Followed, holds: () => boolean, ms = 60_000): Promise<void> {
  for (let passed = 0; !holds(); passed += 250) {
    assert(passed < ms, `not within ${ms} ms`);
    await clock.advance(250);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("run() tells of all that is there, and then of what changes", async () => {
  await using followed = follow({
    setUp: ({ store }) => {
      store.create("pods", podOf({ name: "a" }));
      store.create("pods", podOf({ name: "other", labels: { app: "other" } }));
    },
  });
  const { api: { store }, told, clock } = followed;
  await eventually(() => told.includes("synced"));
  assertEquals(told, ["put a", "synced"]);
  store.create("pods", podOf({ name: "b" }));
  store.update("pods", "a", (pod) => ({ ...pod, status: {} }));
  store.remove("pods", "a");
  await eventually(() => told.length >= 5);
  assertEquals(told.slice(2), ["put b", "put a", "gone a"]);
  // The open watch's own end is all that time has to bring.
  assertEquals(clock.pending, 1);
});

Deno.test("run() reads long lists page by page", async () => {
  await using followed = follow({
    setUp: ({ store }) => {
      for (let at = 0; at < 250; at++) store.create("pods", podOf({ name: `pod-${at}` }));
    },
  });
  await eventually(() => followed.told.includes("synced"));
  const lists = followed.api.asked.filter(({ verb }) => verb === "list");
  assertEquals([lists.length, followed.found.size], [3, 250]);
});

Deno.test("run() goes on at the last version it has seen, a bookmark's too", async () => {
  await using followed = follow();
  const { api, told } = followed;
  await eventually(() => api.watches.size === 1);
  api.store.create("services", { metadata: { name: "moves-the-version" } });
  api.bookmark();
  await new Promise((resolve) => setTimeout(resolve));
  api.store.create("pods", podOf({ name: "a" }));
  await eventually(() => told.includes("put a"));
  api.endWatches();
  await eventually(() => api.watches.size === 1);
  const versions = api.asked.filter(({ verb }) => verb === "watch")
    .map(({ query }) => query.get("resourceVersion"));
  assertEquals(versions.at(-1), String(api.store.version));
  assertEquals(followed.events, ["list"]);
});

Deno.test("run() begins a watch anew that is silent, and takes it for no error", async () => {
  await using followed = follow();
  const { api, told, upstream, follower } = followed;
  const watches = (): number => api.asked.filter(({ verb }) => verb === "watch").length;
  await eventually(() => watches() === 1);
  upstream.timeOut();
  await eventually(() => watches() === 2);
  api.store.create("pods", podOf({ name: "a" }));
  await eventually(() => told.includes("put a"));
  assertEquals([followed.events, follower.ailment], [["list"], undefined]);
});

for (const [watchSeconds, idleMs] of [[10, 15_000], [undefined, 90_000]] as const) {
  const given = watchSeconds === undefined ? "no time" : `${watchSeconds} s`;
  Deno.test(`run() takes a watch of ${given} for silent after ${idleMs} ms`, async () => {
    const shape = watchSeconds === undefined ? {} : { watchSeconds };
    await using followed = follow(shape);
    await eventually(() => followed.api.watches.size === 1);
    assertEquals(followed.upstream.idleTimeoutMs, idleMs);
  });
}

for (const expiresByStatus of [false, true]) {
  const how = expiresByStatus ? "as a status" : "as an event";
  Deno.test(`run() lists anew, and nothing flaps, where its version is too old, ${how}`, async () => {
    await using followed = follow({
      setUp: (api) => {
        api.expiresByStatus = expiresByStatus;
        for (const name of ["a", "b"]) api.store.create("pods", podOf({ name }));
      },
    });
    const { api, told, follower } = followed;
    await eventually(() => api.watches.size === 1);
    api.cutWatches();
    api.store.remove("pods", "a");
    api.store.create("pods", podOf({ name: "c" }));
    api.compact();
    await inTime(followed, () => api.watches.size === 1 && told.includes("put c"));
    assertEquals(told.slice(3), ["gone a", "put b", "put c"]);
    assertEquals(follower.ailment, undefined);
    await agrees(followed);
  });
}

Deno.test("run() says why it cannot look, keeps what it knows, and tries less and less often", async () => {
  await using followed = follow({
    setUp: ({ store }) => void store.create("pods", podOf({ name: "a" })),
  });
  const { api, upstream, told, follower, clock, events } = followed;
  await eventually(() => api.watches.size === 1);
  upstream.isDown = true;
  api.cutWatches();
  await inTime(followed, () => follower.ailment !== undefined);
  assertMatch(follower.ailment ?? "", /^The API server http:\/\/api cannot be reached/);
  const errors = events.length;
  await clock.advance(600_000);
  const tries = events.length - errors;
  assert(tries > 15 && tries < 60, `${tries} tries in ten minutes`);
  assertEquals(told, ["put a", "synced"]);
  upstream.isDown = false;
  await inTime(followed, () => follower.ailment === undefined);
  api.store.create("pods", podOf({ name: "b" }));
  await agrees(followed);
  assertEquals(events.filter((event) => event === "list").length, 1);
});

Deno.test("run() says what its Role lacks", async () => {
  await using followed = follow({
    setUp: (api) => void (api.rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }]),
  });
  const { api, follower, told } = followed;
  await eventually(() => follower.ailment !== undefined);
  assertEquals(
    follower.ailment,
    'The API server answers 403 Forbidden: pods is forbidden: User "system:serviceaccount:' +
      'default:pd-router" cannot watch resource "pods" in API group "" in the namespace ' +
      '"default"; its Role needs the verbs list and watch for pods in the namespace default',
  );
  assertEquals(told, ["synced"]);
  api.rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }];
  await inTime(followed, () => follower.ailment === undefined);
});

Deno.test("run() shows the token of its file, as it is at the moment", async () => {
  await using followed = follow({
    tokenFile: "/token",
    setUp: (api, _, files) => {
      api.tokens.add("first");
      files.write("/token", "first\n");
    },
  });
  const { api, files, follower } = followed;
  await eventually(() => api.watches.size === 1);
  api.tokens.delete("first");
  api.tokens.add("second");
  api.endWatches();
  await inTime(followed, () => follower.ailment !== undefined);
  assertStringIncludes(follower.ailment ?? "", "401 Unauthorized: Unauthorized; its token is not");
  files.write("/token", "second");
  await inTime(followed, () => follower.ailment === undefined);
  // While it is replaced, the last one holds.
  files.texts.delete("/token");
  api.endWatches();
  await inTime(followed, () => api.watches.size === 1);
  assertEquals(follower.ailment, undefined);
});

Deno.test("run() says which file it cannot read", async () => {
  await using followed = follow({ tokenFile: "/token" });
  const { follower } = followed;
  await eventually(() => follower.ailment !== undefined);
  assertEquals(follower.ailment, "Cannot read the token /token: there is none");
});

Deno.test("run() leaves the API server alone for as long as it wants", async () => {
  await using followed = follow({
    setUp: ({ refusals }) =>
      void refusals.push(
        statusObject(429, "TooManyRequests", "too many requests", {
          details: { retryAfterSeconds: 20 },
        }),
      ),
  });
  const { api, clock, follower } = followed;
  await eventually(() => follower.ailment !== undefined);
  await clock.advance(19_999);
  assertEquals(api.asked.length, 0);
  await clock.advance(1);
  await eventually(() => api.watches.size === 1);
});

Deno.test("run() lists anew behind an event that it cannot read", async () => {
  await using followed = follow({
    setUp: ({ store }) => void store.create("pods", podOf({ name: "a" })),
  });
  const { api, events, follower } = followed;
  await eventually(() => api.watches.size === 1);
  for (const watching of [...api.watches]) watching.raw("no event\n");
  await eventually(() => follower.ailment !== undefined);
  await inTime(followed, () => follower.ailment === undefined);
  assertEquals(events, ["list", "error", "list"]);
});

Deno.test("run() does not begin a watch that ends at once over and over", async () => {
  await using followed = follow();
  const { api, clock } = followed;
  const began = (): number => api.asked.filter(({ verb }) => verb === "watch").length;
  for (let round = 0; round < 400; round++) {
    api.endWatches();
    await clock.advance(250);
    await new Promise((resolve) => setTimeout(resolve));
  }
  // 100 s at the longest pauses, and some before them.
  assert(began() > 2 && began() < 60, `${began()} watches`);
});

Deno.test("run() has a watch end by the time that was given for it", async () => {
  await using followed = follow({ watchSeconds: 7 });
  const { api, clock, events } = followed;
  await eventually(() => api.watches.size === 1);
  assertEquals(api.asked.at(-1)?.query.get("timeoutSeconds"), "7");
  await clock.advance(7_000);
  await eventually(() => api.asked.length === 3);
  assertEquals(events, ["list"]);
});

Deno.test("run() has found what is there, after whatever has happened", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    await using followed = follow({ seed });
    const { api, upstream } = followed;
    const random = seededRandom(seed);
    const pick = (count: number): number => Math.floor(random.next() * count);
    const acts: readonly (() => void)[] = [
      ...[1, 2, 3].map(() => () => change(followed, `pod-${pick(6)}`, pick(3))),
      () => api.cutWatches(),
      () => api.endWatches(),
      () => api.compact(),
      () => api.bookmark(),
      () => void (upstream.isDown = !upstream.isDown),
      () => void (api.expiresByStatus = !api.expiresByStatus),
      () => void api.refusals.push(badRequest("not this time")),
    ];
    for (let step = 0; step < 40; step++) {
      acts[pick(acts.length)]?.();
      if (pick(3) === 0) await followed.clock.advance(pick(2_000));
    }
    upstream.isDown = false;
    await inTime(followed, () => api.watches.size === 1 && api.refusals.length === 0, 600_000);
    await agrees(followed);
  }
});

function change({ api: { store } }: Followed, name: string, how: number): void {
  const isThere = store.get("pods", name) !== undefined;
  if (!isThere) store.create("pods", podOf({ name }));
  else if (how === 0) store.remove("pods", name);
  else store.update("pods", name, (pod) => ({ ...pod, status: {} }));
}

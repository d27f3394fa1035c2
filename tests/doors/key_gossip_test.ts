import { Lease, seededRandom, sha256, silentLogger, WatchedFiles } from "../../lib/base/mod.ts";
import { KeyGossip, type KeyLimits, KeyStore } from "../../lib/doors/mod.ts";
import type { KeyState, Refusal } from "../../lib/doors/key_state.ts";
import { Counts, EngineSums, Gossip } from "../../lib/gossip/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryHub } from "../support/memory_bus.ts";

const WITHIN_MS = 100;

/** Routers with the same file of keys. */
class Doorways implements Disposable {
  readonly clock = new FakeClock();
  readonly hub = new MemoryHub();
  readonly gossips: Gossip[] = [];
  /** The file, which is read again when it is another. */
  text = "";
  #changes = 0;

  constructor(limits: KeyLimits) {
    this.limit(limits);
  }

  limit(
    { requestsPerSecond: rate, concurrentRequests: most, tokensPerMinute: tokens }: KeyLimits,
  ): void {
    this.text = JSON.stringify([{
      name: "team",
      key: "sk-team",
      ...(rate === undefined ? {} : { requests_per_second: rate }),
      ...(most === undefined ? {} : { concurrent_requests: most }),
      ...(tokens === undefined ? {} : { tokens_per_minute: tokens }),
    }]);
    this.#changes++;
  }

  /** One more router: what finds its keys. */
  add(): () => KeyState {
    const { clock } = this;
    const running = new Counts();
    const own: KeyGossip = new KeyGossip({
      counts: running,
      store: () => store,
      hurry: () => gossip.hurry(),
    });
    const port = {
      stat: () => ({
        isFile: true,
        mtime: new Date(this.#changes),
        size: this.text.length,
        ino: 1,
      }),
      read: () => this.text,
    };
    const store: KeyStore = new KeyStore({
      given: [],
      file: {
        path: "keys.json",
        files: new WatchedFiles(["keys.json"], { clock, port, limitBytes: 10_000 }),
      },
      clock,
      log: silentLogger(),
      secret: "s",
      sharing: own,
    });
    const gossip: Gossip = new Gossip({
      clock,
      random: seededRandom(this.gossips.length + 1),
      log: silentLogger(),
      bus: this.hub.join(String(this.gossips.length)),
      engines: new EngineSums(),
      running,
      addresses: new Counts(),
      hearing: { ...own.hearing, verdict() {}, pair() {}, silent() {}, met() {}, side() {} },
      gather: (telling) => own.gather(telling),
    });
    this.gossips.push(gossip);
    return () => {
      const state = store.find("sk-team");
      if (state === undefined) throw new Error("There is no such key");
      return state;
    };
  }

  [Symbol.dispose](): void {
    for (const gossip of this.gossips) gossip[Symbol.dispose]();
  }
}

/** Two routers that have met, and their states of the one key. */
async function two(
  limits: KeyLimits,
): Promise<{ doorways: Doorways; one: () => KeyState; other: () => KeyState }> {
  const doorways = new Doorways(limits);
  const [one, other] = [doorways.add(), doorways.add()];
  await doorways.clock.advance(1_000);
  return { doorways, one, other };
}

function kindOf(entered: Lease | Refusal): string {
  return entered instanceof Lease ? "in" : entered.kind;
}

Deno.test("requests at once of a key are counted over all routers", async () => {
  const { doorways, one, other } = await two({ concurrentRequests: 2 });
  using _doorways = doorways;
  const lease = one().enter();
  await doorways.clock.advance(WITHIN_MS);
  assertEquals([kindOf(other().enter()), kindOf(other().enter())], ["in", "concurrency"]);
  await doorways.clock.advance(WITHIN_MS);
  assertEquals(kindOf(one().enter()), "concurrency");
  assert(lease instanceof Lease);
  lease.release();
  await doorways.clock.advance(WITHIN_MS);
  assertEquals(kindOf(other().enter()), "in");
});

Deno.test("requests a second of a key are shared, and no more come in over time than may", async () => {
  const { doorways, one, other } = await two({ requestsPerSecond: 10 });
  using _doorways = doorways;
  let entered = 0;
  for (let turn = 0; turn < 1_000; turn++) {
    for (const state of [one(), other()]) {
      const lease = state.enter();
      if (!(lease instanceof Lease)) continue;
      entered++;
      lease.release();
    }
    await doorways.clock.advance(10);
  }
  // 10 at once, 10 for each second; and what both take before they have heard of one another.
  assert(entered >= 100 && entered <= 122, `${entered} in 10 s`);
});

Deno.test("tokens of a key that one router's request has used are missing at all", async () => {
  const { doorways, one, other } = await two({ tokensPerMinute: 600 });
  using _doorways = doorways;
  assertEquals(one().useTokens(500), undefined);
  await doorways.clock.advance(WITHIN_MS);
  assertEquals(other().useTokens(300)?.kind, "tokens");
  // It was estimated too high.
  one().settleTokens(500, 100);
  await doorways.clock.advance(WITHIN_MS);
  assertEquals(other().useTokens(300), undefined);
  await doorways.clock.advance(WITHIN_MS);
  const left = (state: KeyState): number =>
    Number(new Map(state.fields()).get("x-ratelimit-remaining-tokens"));
  // What was told a moment later has come back a moment longer.
  assert(Math.abs(left(one()) - left(other())) <= 1, `${left(one())} and ${left(other())}`);
});

Deno.test("a router that comes later knows what is used up of a key", async () => {
  const { doorways, one, other } = await two({ tokensPerMinute: 600, requestsPerSecond: 0.1 });
  using _doorways = doorways;
  assertEquals(kindOf(one().enter()), "in");
  assertEquals(other().useTokens(600), undefined);
  await doorways.clock.advance(WITHIN_MS);
  const late = doorways.add();
  await doorways.clock.advance(WITHIN_MS);
  assertEquals([kindOf(late().enter()), late().useTokens(600)?.kind], ["requests", "tokens"]);
});

Deno.test("a router that has gone has nothing running, and what it used stays used", async () => {
  const { doorways, one, other } = await two({ concurrentRequests: 1, tokensPerMinute: 600 });
  using _doorways = doorways;
  one().enter();
  one().useTokens(600);
  await doorways.clock.advance(WITHIN_MS);
  assertEquals([kindOf(other().enter()), other().useTokens(600)?.kind], ["concurrency", "tokens"]);
  doorways.hub.leave("0");
  assertEquals([kindOf(other().enter()), other().useTokens(600)?.kind], ["in", "tokens"]);
});

Deno.test("a key without limits is not told of", async () => {
  const { doorways, one } = await two({});
  using _doorways = doorways;
  const before = doorways.gossips[0]?.stats.sentMessages;
  for (let turn = 0; turn < 10; turn++) {
    const lease = one().enter();
    await doorways.clock.advance(20);
    if (lease instanceof Lease) lease.release();
  }
  assertEquals(doorways.gossips[0]?.stats.sentMessages, before);
  assertEquals(one().digest, sha256("sk-team"));
});

import { decodeUtf8 } from "../../lib/base/mod.ts";
import { Metrics } from "../../lib/metrics/mod.ts";
import {
  type EngineLive,
  type Kept,
  LiveFeed,
  type LiveSource,
  MAX_READERS,
  MAX_TOLD,
  outcomesOf,
  RequestRecorder,
} from "../../lib/observe/mod.ts";
import { type ByteSource, RequestTrace } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

interface Told {
  readonly name: string;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

function eventsIn(bytes: Uint8Array | undefined): readonly Told[] {
  return decodeUtf8(bytes ?? new Uint8Array(0)).split("\n\n").slice(0, -1).map((text) => {
    const [name = "", data = ""] = text.split("\n");
    return { name: name.replace("event: ", ""), data: JSON.parse(data.replace("data: ", "")) };
  });
}

function engine(id: string, inflight: number): EngineLive {
  return {
    ...{ id, url: `http://${id}`, role: "decode", elastic: false, models: [], state: "ready" },
    ...{ drained: false, verdict: "good", why: null, inflight, seats: null, running: null },
    ...{ waiting: null, kv_use: null, hit_rate: null, qps: null, latency: null, itl: null },
    remarks: {},
  };
}

interface Feed {
  readonly clock: FakeClock;
  readonly feed: LiveFeed;
  readonly engines: Map<string, number>;
  readonly looks: () => number;
  end(count: number): void;
}

function startFeed(keep = 512, all?: LiveSource["all"]): Feed {
  const clock = new FakeClock();
  const recorder = new RequestRecorder({ clock, metrics: new Metrics(), keep });
  const kept = recorder.kept as Kept;
  const engines = new Map([["a", 0], ["b", 0]]);
  let looks = 0;
  const feed = new LiveFeed({ clock, idOf: () => undefined }, {
    kept,
    hello: { version: "1.2.3", started: 5, kv: "nixl" },
    engines: () => {
      looks++;
      return [...engines].map(([id, inflight]) => engine(id, inflight));
    },
    pairs: () => [],
    all,
    router: () => ({
      ...{ ready: true, draining: false, ailment: null, under_way: 0, queued: 0, kv_waiters: 0 },
      ...{ connections: 0, buffered_bytes: 0, routes: {} },
      ended: outcomesOf(kept.outcomes),
    }),
  });
  return {
    clock,
    feed,
    engines,
    looks: () => looks,
    end(count) {
      for (let at = 0; at < count; at++) {
        const trace = new RequestTrace(clock);
        trace.route = "direct";
        recorder.begin(trace);
        recorder.end(trace, "ok", undefined);
      }
    },
  };
}

/** The next events, for which `ms` have to pass. */
async function after(
  clock: FakeClock,
  ms: number,
  source: ByteSource,
): Promise<readonly Told[]> {
  const read = source.read();
  await clock.advance(ms);
  return eventsIn(await read);
}

function open(feed: LiveFeed, intervalMs: number): ByteSource {
  const source = feed.open(intervalMs);
  assert(source !== undefined);
  return source;
}

Deno.test("LiveFeed begins each stream with hello and all there is", async () => {
  const { feed } = startFeed();
  const source = open(feed, 2_000);
  const [hello, fleet, ...more] = eventsIn(await source.read());
  assertEquals([hello?.name, fleet?.name, more], ["hello", "fleet", []]);
  assertEquals(hello?.data, { version: "1.2.3", started: 5, kv: "nixl", interval: 2 });
  assertEquals(fleet?.data.full, true);
  assertEquals(fleet?.data.engines.map(({ id }: EngineLive) => id), ["a", "b"]);
  assertEquals([fleet?.data.gone, fleet?.data.pairs, fleet?.data.gone_pairs], [[], [], []]);
  source.cancel();
});

Deno.test("LiveFeed tells what has changed since, at each interval, and the rate of ends", async () => {
  const { clock, feed, engines, end } = startFeed();
  await clock.advance(1_000);
  const source = open(feed, 1_000);
  await source.read();
  engines.set("a", 3);
  engines.delete("b");
  end(4);
  const [fleet, requests] = await after(clock, 1_000, source);
  assertEquals(fleet?.data.full, false);
  assertEquals(fleet?.data.engines.map(({ id, inflight }: EngineLive) => [id, inflight]), [[
    "a",
    3,
  ]]);
  assertEquals([fleet?.data.gone, fleet?.data.router.rate], [["b"], 4]);
  assertEquals(fleet?.data.times.total.count, 4);
  assertEquals(requests?.data.ended.map(({ seq }: { seq: number }) => seq), [1, 2, 3, 4]);
  assertEquals(requests?.data.untold, 0);
  const [quiet, ...none] = await after(clock, 1_000, source);
  assertEquals([quiet?.data.engines, quiet?.data.times, quiet?.data.router.rate, none], [
    [],
    {},
    0,
    [],
  ]);
  source.cancel();
});

Deno.test("LiveFeed tells of 100 requests at a time, and how many more there were", async () => {
  const { clock, feed, end } = startFeed(150);
  const source = open(feed, 1_000);
  await source.read();
  end(400);
  const [, requests] = await after(clock, 1_000, source);
  assertEquals([requests?.data.ended.length, requests?.data.untold], [MAX_TOLD, 300]);
  assertEquals([requests?.data.ended[0].seq, requests?.data.ended.at(-1).seq], [301, 400]);
  source.cancel();
});

Deno.test("LiveFeed tells a reader that was slow what it has missed, and no more", async () => {
  const { clock, feed, engines } = startFeed();
  const [slow, quick] = [open(feed, 1_000), open(feed, 1_000)];
  await slow.read();
  await quick.read();
  engines.set("a", 1);
  await after(clock, 1_000, quick);
  engines.set("a", 0);
  engines.set("b", 7);
  await after(clock, 1_000, quick);
  const [fleet] = await after(clock, 1_000, slow);
  // What has gone there and back is told as well: its text was another in between.
  assertEquals(fleet?.data.engines.map(({ id, inflight }: EngineLive) => [id, inflight]), [
    ["a", 0],
    ["b", 7],
  ]);
  slow.cancel();
  quick.cancel();
});

Deno.test("LiveFeed looks once for all who read, and not at all for nobody", async () => {
  const { clock, feed, looks } = startFeed();
  await clock.advance(10_000);
  assertEquals(looks(), 0);
  const readers = Array.from({ length: MAX_READERS }, () => open(feed, 1_000));
  assertEquals(feed.open(1_000), undefined);
  for (const reader of readers) await reader.read();
  assertEquals(looks(), 1);
  const reads = readers.map((reader) => reader.read());
  await clock.advance(1_000);
  await Promise.all(reads);
  assertEquals(looks(), 2);
  for (const reader of readers) reader.cancel();
  assertEquals([feed.readers, clock.pending], [0, 0]);
  await clock.advance(10_000);
  assertEquals(looks(), 2);
});

Deno.test("LiveFeed's streams end when they are cancelled, whether they wait or not", async () => {
  const { clock, feed } = startFeed();
  const source = open(feed, 1_000);
  await source.read();
  const waiting = source.read();
  source.cancel();
  source.cancel();
  assertEquals([await waiting, await source.read(), feed.readers], [undefined, undefined, 0]);
  assertEquals(clock.pending, 0);
});

Deno.test("LiveFeed tells of several routers as of one, each request once", async () => {
  const other = startFeed();
  const asked = { counts: [] as unknown[], there: true };
  const own: Feed = startFeed(512, (counts) => {
    asked.counts.push(counts);
    if (!asked.there) return Promise.resolve(undefined);
    const isFirst = Object.keys(counts).length === 0;
    return Promise.resolve([
      { of: "1.1", part: own.feed.part(isFirst ? undefined : counts["1.1"]) },
      { of: "2.1", part: other.feed.part(isFirst ? undefined : counts["2.1"]) },
    ]);
  });
  other.end(5);
  const source = open(own.feed, 1_000);
  const [, first, ...none] = eventsIn(await source.read());
  assertEquals([first?.data.router.ended.ok, none], [5, []]);
  own.end(2);
  other.end(1);
  other.engines.set("c", 9);
  const [fleet, requests] = await after(own.clock, 1_000, source);
  assertEquals(fleet?.data.engines.map(({ id }: EngineLive) => id), ["c"]);
  assertEquals([fleet?.data.router.ended.ok, fleet?.data.router.rate], [8, 3]);
  assertEquals([requests?.data.ended.length, requests?.data.untold], [3, 0]);
  // Where they cannot be asked, nothing that is known of them is taken back.
  asked.there = false;
  own.end(4);
  const [kept, ...nothing] = await after(own.clock, 1_000, source);
  assertEquals([kept?.data.router.ended.ok, kept?.data.gone, nothing], [8, [], []]);
  asked.there = true;
  const [again, ended] = await after(own.clock, 1_000, source);
  assertEquals([again?.data.router.ended.ok, ended?.data.ended.length], [12, 4]);
  assertEquals(asked.counts, [{}, { "1.1": 0, "2.1": 5 }, { "1.1": 2, "2.1": 6 }, {
    "1.1": 2,
    "2.1": 6,
  }]);
  source.cancel();
});

Deno.test("LiveFeed tells of its own router where the others cannot be asked from the first", async () => {
  const { feed, end } = startFeed(512, () => Promise.resolve(undefined));
  end(3);
  const source = open(feed, 1_000);
  const [hello, fleet, ...none] = eventsIn(await source.read());
  assertEquals([hello?.name, fleet?.data.router.ended.ok, none], ["hello", 3, []]);
  source.cancel();
});

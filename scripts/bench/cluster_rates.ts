/**
 * `deno task bench:cluster [--engines N] [--rate N] [--ranks N]`: how much replicas tell one another through
 * their Redis, on a virtual clock: the same figures at each run.
 *
 * One replica gossips as it does in production, beside others of which it hears signs of life; all replicas
 * are alike, so what the Redis gets and gives is counted from that. Requests come at random to any replica,
 * and any pair of engines; notifications to any replica.
 * @module
 */
import { parseArgs } from "node:util";
import { encodeUtf8, seededRandom, silentLogger } from "../../lib/base/mod.ts";
import {
  type Bus,
  Counts,
  type EngineLoad,
  EngineSums,
  Gossip,
  type Telling,
  tellMs,
} from "../../lib/gossip/mod.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { RecordedBus } from "./recorded_bus.ts";
import { figure, tableText } from "./table.ts";

const USAGE = "Usage: deno task bench:cluster [--engines N] [--rate N] [--ranks N]";

const REPLICAS = [2, 4, 10, 25, 50] as const;

/** What is not counted, at the beginning, and what is, in milliseconds. */
const WARM_UP_MS = 5_000;
const COUNTED_MS = 20_000;

/** Seconds that a prefill and a decode engine have a request. */
const PREFILL_S = 0.5;
const DECODE_S = 10;

/** Bytes of a notification, of its envelope, and of what Redis adds to a message to one listener. */
const NOTICE_BYTES = 90;
const ENVELOPE_BYTES = 13;
const WIRE_BYTES = 60;

type Load = { -readonly [Key in keyof EngineLoad]: EngineLoad[Key] };

/** What one replica has under way at each engine, as requests come and end. */
class Traffic {
  readonly #clock: FakeClock;
  readonly #names: readonly string[];
  readonly #loads: readonly Load[];
  readonly #random = seededRandom(1);

  /** `rate`: requests a second of this replica. */
  constructor(clock: FakeClock, engines: number, rate: number) {
    this.#clock = clock;
    this.#names = Array.from(
      { length: engines },
      (_, index) => `http://10.0.${index >> 8}.${index & 255}:8000 engine-${index}`,
    );
    this.#loads = this.#names.map(() => ({
      ...{
        inflight: 0,
        promptTokens: 0,
        seats: 0,
        transfers: 0,
        kvBytes: 0,
        silent: false,
        waits: false,
      },
      side: undefined,
    }));
    if (rate > 0) this.#next(1_000 / rate);
  }

  readonly gather = (telling: Telling): void => {
    for (const [index, load] of this.#loads.entries()) telling.load(this.#names[index] ?? "", load);
  };

  #next(meanMs: number): void {
    this.#clock.after(-Math.log(1 - this.#random.next()) * meanMs, () => {
      const half = this.#loads.length / 2;
      const at = Math.floor(this.#random.next() * half);
      this.#serve(at, PREFILL_S);
      this.#serve(half + Math.floor(this.#random.next() * half), DECODE_S);
      this.#next(meanMs);
    });
  }

  #serve(index: number, seconds: number): void {
    const load = this.#loads[index];
    if (load === undefined) return;
    const tokens = 200 + Math.floor(this.#random.next() * 4_000);
    const count = (by: 1 | -1): void => {
      load.inflight += by;
      load.seats += by;
      load.promptTokens += by * tokens;
    };
    count(1);
    this.#clock.after(1_000 * seconds * (0.5 + this.#random.next()), () => count(-1));
  }
}

function gossipOf(clock: FakeClock, bus: Bus, gather: (telling: Telling) => void): Gossip {
  const nothing = (): void => {};
  return new Gossip({
    ...{ clock, random: seededRandom(1), log: silentLogger(), bus, gather },
    ...{ engines: new EngineSums(), running: new Counts(), addresses: new Counts() },
    hearing: {
      ...{ verdict: nothing, pair: nothing, side: nothing, silent: nothing },
      ...{ met: nothing, used: nothing, resets: nothing },
    },
  });
}

/** Messages and bytes a second of one replica beside `others`, which it hears where `heard`. */
async function gossipRates(
  { others, heard, engines, rate }: {
    readonly others: number;
    readonly heard: boolean;
    readonly engines: number;
    readonly rate: number;
  },
): Promise<{ readonly messages: number; readonly bytes: number }> {
  const clock = new FakeClock();
  const bus = new RecordedBus("0");
  const quiet = new RecordedBus("quiet");
  using _other = gossipOf(clock, quiet, () => {});
  using gossip = gossipOf(clock, bus, new Traffic(clock, engines, rate).gather);
  const advance = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 1_000) {
      await clock.advance(1_000);
      for (const message of quiet.sent.splice(0)) {
        for (let peer = 1; heard && peer <= others; peer++) bus.hear(String(peer), message);
      }
    }
  };
  await advance(WARM_UP_MS);
  const { sentMessages, sentBytes } = gossip.stats;
  await advance(COUNTED_MS);
  return {
    messages: (gossip.stats.sentMessages - sentMessages) * 1_000 / COUNTED_MS,
    bytes: (gossip.stats.sentBytes - sentBytes) * 1_000 / COUNTED_MS,
  };
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  Deno.stderr.writeSync(encodeUtf8(`${USAGE}\n`));
  Deno.exit(2);
}

const { values } = parseArgs({
  args: Deno.args,
  options: {
    engines: { type: "string", default: "1000" },
    rate: { type: "string", default: "2000" },
    ranks: { type: "string", default: "4" },
  },
});
const [engines, rate, ranks] = [values.engines, values.rate, values.ranks].map(countOf);

/** What it comes to at one number of replicas, a second. */
interface Row {
  readonly replicas: number;
  readonly everyMs: number;
  /** Of one replica. */
  readonly gossip: number;
  readonly notices: number;
  readonly sentBytes: number;
  readonly heard: number;
  readonly heardBytes: number;
}

async function rowOf(replicas: number, paced: boolean): Promise<Row> {
  const others = replicas - 1;
  const each = (rate ?? 0) / replicas;
  const gossip = await gossipRates({ others, heard: paced, engines: engines ?? 0, rate: each });
  const notices = each * (ranks ?? 0) * others / replicas;
  const gossipBytes = gossip.bytes + gossip.messages * WIRE_BYTES;
  const noticeBytes = notices * (NOTICE_BYTES + ENVELOPE_BYTES + WIRE_BYTES);
  return {
    replicas,
    everyMs: tellMs(paced ? replicas : 1),
    gossip: gossip.messages,
    notices,
    sentBytes: gossipBytes + noticeBytes,
    // Redis gives gossip to everybody who listens, the one who speaks too.
    heard: replicas * gossip.messages + notices,
    heardBytes: replicas * gossipBytes + noticeBytes,
  };
}

const rows: Row[] = [];
for (const replicas of REPLICAS) {
  rows.push(await rowOf(replicas, false));
  // Up to nine, the pace is the same.
  if (tellMs(replicas) > tellMs(1)) rows.push(await rowOf(replicas, true));
}
const text = tableText<Row>([
  { title: "replicas, told every", text: (row) => `${row.replicas}, ${row.everyMs.toFixed(0)} ms` },
  { title: "gossip sent/s", text: ({ gossip }) => figure(gossip, 1) },
  { title: "notices sent/s", text: ({ notices }) => figure(notices, 0) },
  { title: "kB/s", text: ({ sentBytes }) => figure(sentBytes / 1_000, 1) },
  { title: "heard/s", text: ({ heard }) => figure(heard, 0) },
  { title: "kB/s", text: ({ heardBytes }) => figure(heardBytes / 1_000, 0) },
  {
    title: "Redis in/s",
    text: ({ replicas, gossip, notices }) => figure(replicas * (gossip + notices), 0),
  },
  { title: "out/s", text: ({ replicas, heard }) => figure(replicas * heard, 0) },
  {
    title: "MB/s out",
    text: ({ replicas, heardBytes }) => figure(replicas * heardBytes / 1_000_000, 1),
  },
], rows);
Deno.stdout.writeSync(
  encodeUtf8(`${engines} engines, ${rate} requests/s, ${ranks} ranks\n${text}\n`),
);

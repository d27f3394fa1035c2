/**
 * `deno task bench:gossip [--routers N] [--engines N] [--seconds N]`: what it costs a router to gossip, by
 * how much changes: messages and bytes a second, and CPU of one core.
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { encodeUtf8, seededRandom, silentLogger, systemClock } from "../../lib/base/mod.ts";
import {
  type Bus,
  Counts,
  type EngineLoad,
  EngineSums,
  Gossip,
  type Telling,
} from "../../lib/gossip/mod.ts";
import { RecordedBus } from "./recorded_bus.ts";
import { figure, tableText } from "./table.ts";

const USAGE = "Usage: deno task bench:gossip [--routers N] [--engines N] [--seconds N]";

/** How much happens: engines whose load is another at each telling, of all, and prompts met a second. */
const CASES = [
  { name: "idle", share: 0, prompts: 0 },
  { name: "a tenth of the engines change", share: 0.1, prompts: 0 },
  { name: "all engines change", share: 1, prompts: 0 },
  { name: "a tenth, and 60 prompts/s of 64 chunks", share: 0.1, prompts: 60 },
] as const;

/** Chunks of a prompt: about 2,000 tokens. */
const CHUNKS = 64;

/** How often an engine's load is looked at and told, a second. */
const TELLINGS = 20;

/** What is not counted, at the beginning. */
const WARM_UP_MS = 2_000;

/** What a router has under way, which is another at each telling. */
class Teller {
  readonly #names: readonly string[];
  readonly #loads: { -readonly [Key in keyof EngineLoad]: EngineLoad[Key] }[];
  readonly #random = seededRandom(1);
  readonly #share: number;
  readonly #prompts: number;

  constructor(names: readonly string[], { share, prompts }: (typeof CASES)[number]) {
    this.#names = names;
    this.#share = share;
    this.#prompts = prompts;
    this.#loads = names.map(() => ({
      inflight: 4,
      promptTokens: 4_000,
      seats: 5,
      transfers: 1,
      kvBytes: 300_000_000,
      silent: false,
      waits: false,
    }));
  }

  readonly gather = (telling: Telling): void => {
    for (const [index, load] of this.#loads.entries()) {
      if (this.#share > 0 && this.#random.next() < this.#share) {
        load.inflight = Math.floor(this.#random.next() * 30);
        load.seats = load.inflight + 1;
        load.promptTokens = Math.floor(this.#random.next() * 30_000);
        load.kvBytes = Math.floor(this.#random.next() * 2 ** 31);
      }
      telling.load(this.#names[index] ?? "", load);
    }
    for (let prompt = 0; prompt < this.#prompts / TELLINGS; prompt++) {
      const chunks = Float64Array.from(
        { length: CHUNKS },
        () => Math.floor(this.#random.next() * 2 ** 53),
      );
      telling.met(this.#names[prompt] ?? "", chunks);
    }
  };
}

interface Row {
  readonly name: string;
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly heardMessages: number;
  readonly heardBytes: number;
  readonly tellShare: number;
  readonly hearShare: number;
}

function gossipOf(bus: Bus, gather: (telling: Telling) => void): Gossip {
  const nothing = (): void => {};
  return new Gossip({
    clock: systemClock(),
    random: seededRandom(1),
    log: silentLogger(),
    bus,
    engines: new EngineSums(),
    running: new Counts(),
    addresses: new Counts(),
    hearing: {
      verdict: nothing,
      pair: nothing,
      side: nothing,
      silent: nothing,
      met: nothing,
      used: nothing,
      resets: nothing,
    },
    gather,
  });
}

/** Milliseconds of CPU that this process has used. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function measure(
  setting: (typeof CASES)[number],
  { routers, engines, seconds }: { routers: number; engines: number; seconds: number },
): Promise<Row> {
  const names = Array.from(
    { length: engines },
    (_, index) => `http://10.0.${index >> 8}.${index & 255}:8000 engine-${index}`,
  );
  const bus = new RecordedBus("0");
  const teller = new Teller(names, setting);
  const gossip = gossipOf(bus, teller.gather);
  // At first all is told, once.
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const [before, first] = [cpuMs(), { ...gossip.stats }];
  await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
  const toldMs = cpuMs() - before;
  const sentMessages = gossip.stats.sentMessages - first.sentMessages;
  const sentBytes = gossip.stats.sentBytes - first.sentBytes;
  gossip[Symbol.dispose]();
  // What it has said, from all the others: each has a life of its own, but they speak alike.
  const listening = new RecordedBus("listener");
  const listener = gossipOf(listening, () => {});
  const hear = (messages: readonly Uint8Array[]): void => {
    for (const message of messages) {
      for (let peer = 1; peer < routers; peer++) listening.hear(String(peer), message);
    }
  };
  hear(bus.sent.slice(0, first.sentMessages));
  const [heardFrom, heardFirst] = [cpuMs(), { ...listener.stats }];
  hear(bus.sent.slice(first.sentMessages, -1));
  const heardMs = cpuMs() - heardFrom;
  const heardMessages = listener.stats.heardMessages - heardFirst.heardMessages;
  const heardBytes = listener.stats.heardBytes - heardFirst.heardBytes;
  listener[Symbol.dispose]();
  const each = 1_000 * seconds;
  return {
    name: setting.name,
    sentMessages: sentMessages / seconds,
    sentBytes: sentBytes / seconds,
    heardMessages: heardMessages / seconds,
    heardBytes: heardBytes / seconds,
    tellShare: toldMs / each,
    hearShare: heardMs / each,
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
    routers: { type: "string", default: "16" },
    engines: { type: "string", default: "1000" },
    seconds: { type: "string", default: "5" },
  },
});
const setting = {
  routers: countOf(values.routers),
  engines: countOf(values.engines),
  seconds: countOf(values.seconds),
};
const rows: Row[] = [];
for (const each of CASES) rows.push(await measure(each, setting));
const kilo = (bytes: number): string => figure(bytes / 1_000, 1);
const text = tableText<Row>([
  {
    title: `${setting.routers} routers, ${setting.engines} engines; of one`,
    text: ({ name }) => name,
  },
  { title: "sent/s", text: ({ sentMessages }) => figure(sentMessages, 0) },
  { title: "kB/s", text: ({ sentBytes }) => kilo(sentBytes) },
  { title: "heard/s", text: ({ heardMessages }) => figure(heardMessages, 0) },
  { title: "kB/s", text: ({ heardBytes }) => kilo(heardBytes) },
  { title: "CPU % to tell", text: ({ tellShare }) => figure(100 * tellShare, 2) },
  { title: "to hear", text: ({ hearShare }) => figure(100 * hearShare, 2) },
], rows);
Deno.stdout.writeSync(encodeUtf8(`${text}\n`));

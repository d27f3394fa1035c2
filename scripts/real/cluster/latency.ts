/** How much later a notification arrives that another replica has got. @module */
import { silentLogger, systemClock, systemRandom } from "../../../lib/base/mod.ts";
import { Cluster, redisBroker } from "../../../lib/cluster/mod.ts";
import { parseClusterUrl } from "../../../lib/config/mod.ts";
import { eventually } from "../../../tests/support/eventually.ts";
import { startRedis } from "../../../tests/support/redis.ts";

/** Times in milliseconds. */
export interface Added {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}

/** Bytes of a notification as LMCache writes it. */
const FRAME_BYTES = 90;

/** Hand over `rate` notifications a second for `seconds`, from one replica to another over a Redis. */
export async function addedLatency(rate: number, seconds: number): Promise<Added> {
  await using redis = await startRedis();
  const server = parseClusterUrl(redis.url);
  if (!server.ok) throw new Error(server.message);
  const options = { ...server.value, name: "latency" };
  const join = (): Cluster =>
    new Cluster({
      clock: systemClock(),
      random: systemRandom(),
      log: silentLogger(),
      open: redisBroker(options, []),
      name: options.name,
      at: "loopback",
    });
  await using from = join();
  await using to = join();
  const tookMs: number[] = [];
  to.listen({
    notice(frame) {
      const sentMs = new DataView(frame.buffer, frame.byteOffset).getFloat64(0);
      tookMs.push(performance.now() - sentMs);
    },
    gossip: () => {},
    change: () => {},
  });
  for (const cluster of [from, to]) cluster.start();
  await eventually(() => from.connected && to.connected);
  const count = rate * seconds;
  const beginMs = performance.now();
  for (let sent = 0; sent < count;) {
    const due = Math.min(count, Math.ceil((performance.now() - beginMs) * rate / 1000));
    for (; sent < due; sent++) {
      const frame = new Uint8Array(FRAME_BYTES);
      new DataView(frame.buffer).setFloat64(0, performance.now());
      from.handOver(to.tag, frame);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await eventually(() => tookMs.length === count, () => `${tookMs.length} of ${count} arrived`);
  return { rate, count, ...percentiles(tookMs) };
}

/** The middle, and what one in a hundred is above. */
export function percentiles(values: readonly number[]): Pick<Added, "p50" | "p99"> {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

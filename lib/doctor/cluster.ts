/** Whether replicas can meet where they are told to. @module */
import type { BrokerLink, OpenBroker } from "../cluster/mod.ts";
import { type Clock, describeError } from "../base/mod.ts";
import { type Finding, well } from "./finding.ts";

/** Where replicas meet. */
export interface MeetingPlace {
  /** `host:port`, without a password. */
  readonly at: string;
  /** In front of all keys and channels. */
  readonly name: string;
  readonly open: OpenBroker;
}

/** How it is tried. */
export interface MeetingTry {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** Try what a replica does there; who is there already is counted. */
export async function clusterFinding(
  { at, name, open }: MeetingPlace,
  { clock, timeoutMs }: MeetingTry,
): Promise<Finding> {
  const over = new AbortController();
  using _timer = clock.after(timeoutMs, () => over.abort());
  let link: BrokerLink | undefined;
  try {
    link = await open(() => {}, over.signal);
    const stopped = new Promise<never>((_, reject) => {
      const stop = (): void => reject(new Error(`no answer within ${timeoutMs / 1000} s`));
      over.signal.addEventListener("abort", stop, { once: true });
    });
    const replicas = await Promise.race([tried(link, name), stopped]);
    const there = replicas === 0 ? "nobody is there yet" : `replicas that are there: ${replicas}`;
    return well("cluster", at, `answers, takes messages and keeps claims; ${there}`);
  } catch (error) {
    const why = over.signal.aborted
      ? `no answer within ${timeoutMs / 1000} s`
      : describeError(error);
    return {
      check: "cluster",
      outcome: "failed",
      subject: at,
      said: `replicas cannot meet there: ${why}`,
      advice:
        "compare --cluster with the server's address, password and ACL: its commands are in " +
        "lib/cluster; until then, each replica goes by itself",
    };
  } finally {
    await link?.close();
  }
}

/** As a replica does it; resolves to how many listen. Rejects where something is refused. */
async function tried(link: BrokerLink, name: string): Promise<number> {
  const [key, own] = [`${name}:replica:doctor`, `${name}:to:doctor`];
  await link.subscribe(own);
  const takers = await link.publish(own, new Uint8Array(0));
  if (takers === 0) throw new Error("a message reaches nobody, though it is listened for");
  await link.claim(key, "doctor", 1_000);
  await link.release(key, "doctor");
  return await link.listeners(`${name}:gossip`);
}

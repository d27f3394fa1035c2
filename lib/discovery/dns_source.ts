/** Engines whose addresses are those of names. @module */
import { type Clock, type Random, sleep } from "../base/mod.ts";
import type { DnsName, DnsOptions } from "../config/mod.ts";
import type { Place, RecordType, Resolver } from "../dns/mod.ts";
import { hear, type Held, NOTHING_HELD } from "./dns_held.ts";
import type { FoundChange, FoundEngine, FoundSource } from "./found.ts";
import { FoundQueue } from "./found_queue.ts";
import { ToldEngines } from "./told_engines.ts";

/** What the source works with. */
export interface DnsSourceDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Pick<Resolver, "resolve">;
}

/** How long an engine is told to leave whose address has gone: it may come back, as answers differ. */
export const LEAVING_MS = 60_000;

/** Names are asked for this much later than they might be, at most: not all routers at once. */
const JITTER = 0.1;

const RECORDS = {
  a: "A",
  aaaa: "AAAA",
  srv: "SRV",
} as const satisfies Readonly<Record<DnsName["type"], RecordType>>;

/** One life of the source. */
interface Run {
  readonly queue: FoundQueue;
  readonly told: ToldEngines;
  readonly signal: AbortSignal;
  /** Names of which no server has said anything yet. */
  readonly unheard: Set<DnsName>;
}

/**
 * Asks for every name again when its answer is over. An address that goes from an answer leaves; what makes all
 * of a name's go is in `hear`.
 */
export class DnsSource implements FoundSource {
  readonly name = "dns";
  readonly #options: DnsOptions;
  readonly #deps: DnsSourceDeps;
  readonly #ailments = new Map<DnsName, string>();

  constructor(options: DnsOptions, deps: DnsSourceDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** The names that are not as they should be, and why. */
  get ailment(): string | undefined {
    const all = [...this.#ailments].map(([{ name }, why]) => `${name}: ${why}`);
    return all.length === 0 ? undefined : all.join("; ");
  }

  async *changes(stop: AbortSignal): AsyncGenerator<FoundChange> {
    const { names } = this.#options;
    const queue = new FoundQueue();
    const end = new AbortController();
    const run: Run = {
      queue,
      told: new ToldEngines(queue, LEAVING_MS),
      signal: AbortSignal.any([stop, end.signal]),
      unheard: new Set(names),
    };
    const following = Promise.all(names.map((name) => this.#follow(name, run)));
    following.catch((error: unknown) => queue.fail(error));
    try {
      yield* queue.read(stop);
    } finally {
      end.abort();
      await following;
      this.#ailments.clear();
    }
  }

  async #follow(name: DnsName, run: Run): Promise<void> {
    const { clock, random, resolver } = this.#deps;
    const { signal } = run;
    let held: Held = NOTHING_HELD;
    while (!signal.aborted) {
      const said = await resolver.resolve(name.name, RECORDS[name.type], signal);
      if (signal.aborted) return;
      const nowMs = clock.now();
      const next = hear(held, said, nowMs, this.#options);
      held = next.held;
      run.told.set(ownerOf(name), enginesOf(name, held.places), nowMs);
      if (held.ailment === undefined) this.#ailments.delete(name);
      else this.#ailments.set(name, held.ailment);
      if (held.heard && run.unheard.delete(name) && run.unheard.size === 0) run.queue.sync();
      await sleep(clock, next.waitMs * (1 + JITTER * random.next()), signal);
    }
  }
}

/** One name may be asked for in several ways. */
function ownerOf({ name, type, port }: DnsName): string {
  return `${name} ${type} ${port}`;
}

function enginesOf(name: DnsName, places: readonly Place[]): readonly FoundEngine[] {
  return places.map(({ address, port = name.port, target }) => {
    const at = `${address.includes(":") ? `[${address}]` : address}:${port}`;
    return {
      key: `${name.name}/${name.type}/${at}`,
      where: target === undefined ? `${name.name} at ${at}` : `${target} of ${name.name} at ${at}`,
      raw: { ...name.engine, url: `${name.scheme}://${at}` },
    };
  });
}

/** Routers that gossip on a clock of their own, and know nothing but what they tell each other. @module */
import { seededRandom, silentLogger } from "../../lib/base/mod.ts";
import {
  type Bus,
  Counts,
  type EngineLoad,
  EngineSums,
  Gossip,
  isLater,
  type KeyUse,
  type PeerId,
  type Telling,
  type VerdictTold,
} from "../../lib/gossip/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type Carrying, MemoryHub } from "../support/memory_bus.ts";
import { IDLE, loadOf, useOf } from "./support.ts";

/** One router: what it has, and what it has heard. */
export class Node implements Disposable {
  readonly self: PeerId;
  readonly gossip: Gossip;
  readonly engines = new EngineSums();
  readonly running = new Counts();
  readonly addresses = new Counts();
  /** What it has under way itself. */
  readonly loads = new Map<string, EngineLoad>();
  readonly connections = new Map<string, number>();
  /** What all are to hold against engines. */
  readonly verdicts = new Map<string, VerdictTold>();
  /** Used of a key, by itself and by all as it knows. */
  use: KeyUse = useOf();
  usedByAll = 0;
  readonly gone: PeerId[] = [];
  readonly silent: string[] = [];
  told = 0;
  readonly #changed = new Set<string>();
  readonly #changedAddresses = new Set<string>();
  readonly #bus: Bus;

  constructor(bus: Bus, clock: FakeClock, seed: number) {
    this.#bus = bus;
    this.self = bus.self;
    this.gossip = new Gossip({
      clock,
      random: seededRandom(seed),
      log: silentLogger(),
      bus,
      engines: this.engines,
      running: this.running,
      addresses: this.addresses,
      hearing: {
        verdict: (engine, told) => this.#hear(engine, told),
        pair: (one, other, told) => this.#hear(`${one}+${other}`, told),
        silent: (engine) => void this.silent.push(engine),
        met() {},
        side() {},
        used: (_key, requests) => void (this.usedByAll += requests),
        resets: (_key, ms) => void (this.usedByAll = Math.max(this.usedByAll, ms)),
      },
      gather: (telling) => this.#gather(telling),
      onTold: () => this.told++,
      onGone: (peer) => void this.gone.push(peer),
    });
  }

  /** Have `load` under way at an engine. */
  load(engine: string, more: Partial<EngineLoad>): void {
    this.loads.set(engine, loadOf(more));
  }

  /** Find out something about an engine, or a pair of them. */
  judge(engine: string): void {
    const version = (this.verdicts.get(engine)?.version ?? 0) + 1;
    this.verdicts.set(engine, { version, author: this.self });
    this.#changed.add(engine);
    this.gossip.hurry();
  }

  /** Let the owner of the key have so much more. */
  spend(requests: number): void {
    this.use = { ...this.use, requests: this.use.requests + requests };
    this.usedByAll += requests;
  }

  connect(address: string, connections: number): void {
    this.connections.set(address, connections);
    this.#changedAddresses.add(address);
  }

  /** What others have at an engine, as it has heard. */
  at(engine: string): EngineLoad {
    const { sum, lease } = this.engines.hold(engine);
    const { inflight, promptTokens, seats, transfers, kvBytes } = sum;
    lease.release();
    return { inflight, promptTokens, seats, transfers, kvBytes, silent: false, waits: false };
  }

  /** It takes leave. */
  [Symbol.dispose](): void {
    this.gossip[Symbol.dispose]();
    void this.#bus[Symbol.asyncDispose]();
  }

  #gather(telling: Telling): void {
    for (const [engine, load] of this.loads) telling.load(engine, load);
    const changed = telling.all ? this.verdicts.keys() : this.#changed;
    for (const name of changed) {
      const told = this.verdicts.get(name);
      const [one = "", other] = name.split("+");
      if (told === undefined) continue;
      if (other === undefined) telling.verdict(one, told);
      else telling.pair(one, other, told);
      // Of whom a verdict is told is there.
      for (const engine of [one, other]) {
        if (engine !== undefined && !this.loads.has(engine)) telling.load(engine, IDLE);
      }
    }
    for (const name of this.verdicts.keys()) {
      for (const engine of name.split("+")) {
        if (!this.loads.has(engine)) telling.load(engine, IDLE);
      }
    }
    this.#changed.clear();
    if (this.use.requests > 0) {
      telling.key("k", { ...this.use, requestsResetMs: this.usedByAll });
    }
    const addresses = telling.all ? this.connections.keys() : this.#changedAddresses;
    for (const address of addresses) {
      telling.address(address, this.connections.get(address) ?? 0);
    }
    this.#changedAddresses.clear();
  }

  #hear(name: string, told: VerdictTold): void {
    const known = this.verdicts.get(name);
    if (known === undefined || isLater(told, known)) this.verdicts.set(name, told);
  }
}

/** Routers on one hub. */
export class World implements Disposable {
  readonly clock = new FakeClock();
  readonly hub: MemoryHub;
  readonly nodes = new Map<PeerId, Node>();
  #seed = 0;

  constructor(carrying?: Carrying) {
    this.hub = new MemoryHub(carrying);
  }

  /** Have one more. */
  add(self: PeerId): Node {
    const node = new Node(this.hub.join(self), this.clock, ++this.#seed);
    this.nodes.set(self, node);
    return node;
  }

  /** One dies, and says nothing. */
  kill(self: PeerId): void {
    this.hub.leave(self);
    this.nodes.delete(self);
  }

  [Symbol.dispose](): void {
    for (const node of this.nodes.values()) node[Symbol.dispose]();
  }
}

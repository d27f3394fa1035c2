import fc from "fast-check";
import { SILENT_MS } from "../../lib/gossip/gossip.ts";
import { seededRandom } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { loadOf } from "./support.ts";
import { type Node, World } from "./world.ts";

const NAMES = ["0", "1", "2", "3"];
const ENGINES = ["e", "f", "g"];

/** What happens to routers, one after the other. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("load" as const),
      who: fc.constantFrom(...NAMES),
      engine: fc.constantFrom(...ENGINES),
      inflight: fc.nat({ max: 5 }),
      seats: fc.nat({ max: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("judge" as const),
      who: fc.constantFrom(...NAMES),
      engine: fc.constantFrom(...ENGINES, "e+f"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("connect" as const),
      who: fc.constantFrom(...NAMES),
      count: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("leave" as const), who: fc.constantFrom(...NAMES) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("come" as const), who: fc.constantFrom(...NAMES) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat({ max: 400 }) }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/**
 * A hub that loses messages, has them come twice, and has those of different peers overtake each other;
 * those of one peer to another come in order. Until it is to behave.
 */
class Rough {
  readonly #next: () => number;
  readonly #under = new Map<string, (() => void)[]>();
  rough = true;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#next = () => random.next();
  }

  readonly carry = (from: string, to: string, deliver: () => void): void => {
    if (!this.rough) return deliver();
    if (this.#next() < 0.15) return;
    const line = this.#under.get(`${from} ${to}`) ?? [];
    this.#under.set(`${from} ${to}`, line);
    line.push(deliver);
    if (this.#next() < 0.1) line.push(deliver);
  };

  /** Some of what is under way arrives. */
  arrive(): void {
    for (const line of this.#under.values()) {
      const count = Math.floor(this.#next() * (line.length + 1));
      for (const deliver of line.splice(0, count)) deliver();
    }
  }

  behave(): void {
    this.rough = false;
    for (const line of this.#under.values()) line.splice(0).forEach((deliver) => deliver());
  }
}

function apply(world: World, step: Step): Promise<void> | void {
  if (step.kind === "wait") return world.clock.advance(step.ms);
  const node = world.nodes.get(step.who);
  if (step.kind === "come") {
    if (node === undefined) world.add(step.who);
    return;
  }
  if (node === undefined) return;
  if (step.kind === "leave") {
    node.gossip[Symbol.dispose]();
    return world.kill(step.who);
  }
  if (step.kind === "load") node.load(step.engine, step);
  else if (step.kind === "judge") node.judge(step.engine);
  else node.connect("10.0.0.1", step.count);
}

/** What others than `node` have at an engine. */
function othersAt(world: World, node: Node, engine: string): readonly number[] {
  const sum = [0, 0];
  for (const other of world.nodes.values()) {
    const { inflight, seats } = other === node ? loadOf() : other.loads.get(engine) ?? loadOf();
    sum[0] = (sum[0] ?? 0) + inflight;
    sum[1] = (sum[1] ?? 0) + seats;
  }
  return sum;
}

Deno.test("Gossip has all routers know the same in the end, whatever is lost, doubled or overtaken", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.nat(),
      fc.boolean(),
      async (steps, seed, tells) => {
        const hub = new Rough(seed);
        const world = new World({ carry: hub.carry, tells });
        using _world = world;
        world.add("0");
        world.add("1");
        for (const each of steps) {
          await apply(world, each);
          hub.arrive();
        }
        hub.behave();
        await world.clock.advance(SILENT_MS + 2_000);
        const all = [...world.nodes.values()];
        for (const node of all) {
          assertEquals(node.gossip.routers, all.length, "each knows all");
          for (const engine of ENGINES) {
            const { inflight, seats } = node.at(engine);
            assertEquals(
              [inflight, seats],
              othersAt(world, node, engine),
              `${node.self} ${engine}`,
            );
          }
          const elsewhere = all.filter((other) => other !== node)
            .reduce((sum, { connections }) => sum + (connections.get("10.0.0.1") ?? 0), 0);
          assertEquals(node.addresses.of("10.0.0.1"), elsewhere);
        }
      },
    ),
    { seed: 2026, numRuns: 150 },
  );
});

Deno.test("Gossip has all routers that stay hold the same against engines in the end", async () => {
  const staying = fc.array(step.filter(({ kind }) => kind !== "leave" && kind !== "come"), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(staying, fc.nat(), async (steps, seed) => {
      const hub = new Rough(seed);
      const world = new World({ carry: hub.carry });
      using _world = world;
      for (const name of NAMES) world.add(name);
      for (const each of steps) {
        await apply(world, each);
        hub.arrive();
      }
      hub.behave();
      await world.clock.advance(SILENT_MS + 2_000);
      const [first, ...others] = [...world.nodes.values()].map(({ verdicts }) =>
        [...verdicts].sort(([a], [b]) => a < b ? -1 : 1)
      );
      for (const other of others) assertEquals(other, first);
    }),
    { seed: 2027, numRuns: 150 },
  );
});

import { type Engine, type Random, seededRandom } from "../../lib/base/mod.ts";
import type { FleetChange, Flight, Leg } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { Released } from "../support/memory.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, failure, Scene } from "./support.ts";

const IDS = ["a", "b", "c", "d"];
const LEGS = [
  "prefill",
  "decode",
  "direct",
  "tokenize",
  "reclaim",
] as const satisfies readonly Leg[];
const SERVING: ReadonlySet<Leg> = new Set(["prefill", "decode", "direct"]);

function pick<T>(random: Random, from: readonly [T, ...T[]] | readonly T[], otherwise: T): T {
  return from[Math.floor(random.next() * from.length)] ?? otherwise;
}

/** A flight that has not ended, and which of the engines under its id it is of. */
interface Open {
  readonly flight: Flight;
  /** The engine's number; undefined when none was there under its id and URL. */
  readonly of: number | undefined;
}

/** What an engine that is there must be. */
interface Expected {
  readonly number: number;
  record: Engine;
  leaving: boolean;
}

/** A fleet under a random history, beside what it must come to. */
class History {
  readonly scene = new Scene(Object.fromEntries(IDS.map((id) => [id, cards(["m", "n"])])));
  readonly source = ScriptedSource.of();
  readonly there = new Map<string, Expected>();
  readonly changes: FleetChange[] = [];
  #open: Open[] = [];
  #number = 0;
  /** Times that a URL went out of use. */
  #forgotten = 0;
  /** Flights that have ended. */
  #ended = 0;
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.scene.fleet.watch((change) => void this.changes.push(change));
    this.scene.follow(this.source);
  }

  async step(): Promise<void> {
    const before = this.#urls();
    const chance = this.#random.next();
    if (chance < 0.3) this.#upsert();
    else if (chance < 0.4) this.#leave();
    else if (chance < 0.5) this.#remove(pick(this.#random, IDS, "a"));
    else if (chance < 0.75) this.#take();
    else if (chance < 0.97) this.#land();
    else this.source.synced();
    await settle();
    const rests = this.#random.next() < 0.1;
    if (rests) await this.scene.clock.advance(250 + 10_000 * this.#random.next());
    const after = this.#urls();
    this.#forgotten += [...before].filter((url) => !after.has(url)).length;
    this.check();
    if (rests) this.#checkModels();
  }

  /** Take everything out, in any order. */
  async finish(): Promise<void> {
    while (this.#open.length > 0 || this.there.size > 0) {
      const before = this.#urls();
      if (this.#random.next() < 0.5) this.#land();
      else this.#remove(pick(this.#random, [...this.there.keys()], "a"));
      await settle();
      const after = this.#urls();
      this.#forgotten += [...before].filter((url) => !after.has(url)).length;
      this.check();
    }
    assertEquals([this.scene.fleet.inflight, this.scene.clock.pending], [0, 0]);
  }

  check(): void {
    const { scene, there } = this;
    const expected = [...there.values()].map(({ record }) => record)
      .sort((one, other) => one.url < other.url ? -1 : 1);
    assertEquals(scene.ids, expected.map(({ id }) => id));
    this.#checkChoice();
    this.#checkCounts();
    const forgotten = this.changes.filter(({ kind }) => kind === "forgotten");
    assertEquals(forgotten.length, this.#forgotten);
    // One timer for each engine: until it is asked again.
    assertEquals(scene.clock.pending, there.size);
    assertEquals(scene.outcomes.filter(({ leg }) => leg !== "models").length, this.#ended);
  }

  /** Once every engine has been asked, it has its models. */
  #checkModels(): void {
    for (const [id, { record: { models } }] of this.there) {
      assertEquals(this.scene.models(id), models.length > 0 ? models : ["m", "n"]);
    }
  }

  #checkChoice(): void {
    const serving = [...this.there.values()].filter(({ leaving, record: { id, role } }) =>
      !leaving && role !== "prefill" && this.scene.models(id)?.includes("m") === true
    );
    const chosen = this.scene.direct("m");
    if (chosen === undefined) assertEquals(serving, []);
    else assert(serving.some(({ record: { id } }) => id === chosen), `${chosen} is chosen`);
  }

  #checkCounts(): void {
    const serving = this.#open.filter(({ flight: { leg } }) => SERVING.has(leg));
    assertEquals(this.scene.fleet.inflight, serving.length);
    const { direct, prefill } = this.scene.fleet.snapshot().group("m");
    for (const { engine: { id }, inflight } of [...direct, ...prefill]) {
      const number = this.there.get(id)?.number;
      assertEquals(inflight, serving.filter(({ of }) => of === number).length, id);
    }
    for (const id of IDS) {
      for (const leg of LEGS) {
        const count = serving.filter(({ flight }) =>
          flight.engine.id === id && flight.leg === leg
        ).length;
        assertEquals(this.scene.counted.get(`${id} ${leg}`) ?? 0, count);
      }
    }
  }

  /** URLs in use. */
  #urls(): ReadonlySet<string> {
    return new Set([
      ...[...this.there.values()].map(({ record }) => record.url),
      ...this.#open.map(({ flight }) => flight.engine.url),
    ]);
  }

  #record(id: string): Engine {
    const random = this.#random;
    const url = random.next() < 0.2 ? `http://${id}-2:8000` : `http://${id}:8000`;
    const models = pick(random, [[], ["m"], ["n"], ["m", "n"]], []);
    return engine(id, models, { url, role: pick(random, ["any", "decode", "prefill"], "any") });
  }

  #upsert(): void {
    const record = this.#record(pick(this.#random, IDS, "a"));
    this.source.upsert(record);
    const known = this.there.get(record.id);
    if (known === undefined || known.record.url !== record.url) {
      this.there.set(record.id, { number: ++this.#number, record, leaving: false });
      return;
    }
    known.record = record;
    known.leaving = false;
  }

  #leave(): void {
    const id = pick(this.#random, IDS, "a");
    this.source.leaving(id);
    const known = this.there.get(id);
    if (known !== undefined) known.leaving = true;
  }

  #remove(id: string): void {
    this.source.remove(id);
    this.there.delete(id);
  }

  #take(): void {
    const record = this.#record(pick(this.#random, IDS, "a"));
    const known = this.there.get(record.id);
    const of = known?.record.url === record.url ? known.number : undefined;
    const leg = pick(this.#random, LEGS, "direct");
    this.#open.push({ flight: this.scene.fleet.take(record, leg), of });
  }

  #land(): void {
    const [open] = this.#open.splice(Math.floor(this.#random.next() * this.#open.length), 1);
    if (open === undefined) return;
    this.#ended++;
    const { flight } = open;
    const chance = this.#random.next();
    if (chance < 0.4) flight.ok();
    else if (chance < 0.6) flight.failed(failure("upstream-lost"));
    else if (chance < 0.8) flight.move()[Symbol.dispose]();
    flight[Symbol.dispose]();
  }
}

/** Kinds of the changes of one id, one letter each. */
function lettersOf(changes: readonly FleetChange[], id: string): string {
  const letters = { added: "A", changed: "c", leaving: "l", removed: "R", forgotten: "" };
  return changes.filter(({ engine }) => engine.id === id).map(({ kind }) => letters[kind]).join("");
}

Deno.test("Fleet is right after any history of engines and requests that come and go", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const history = new History(seed);
    for (let step = 0; step < 120; step++) await history.step();
    await history.finish();
    for (const id of IDS) {
      const letters = lettersOf(history.changes, id);
      assert(/^(A[cl]*R)*$/.test(letters), `${id}: ${letters}`);
    }
    await history.scene.fleet[Symbol.asyncDispose]();
  }
});

Deno.test("Fleet keeps nothing of a thousand engines that have come and gone", async () => {
  await using scene = new Scene();
  const stays = engine("stays", ["m"]);
  const source = ScriptedSource.of([stays]);
  scene.engines.replies.set("stays", cards(["m"]));
  scene.follow(source);
  await settle();
  assertEquals(scene.clock.pending, 1);
  for (let round = 0; round < 3; round++) {
    const ids = Array.from({ length: 1_000 }, (_, index) => `e${index}`);
    for (const id of ids) source.upsert(engine(id, index(id) % 2 === 0 ? ["m"] : []));
    await eventuallySettled(() => scene.ids.length === 1_001);
    for (const id of ids.filter((id) => index(id) % 3 === 0)) source.leaving(id);
    for (const id of ids) source.remove(id);
    await eventuallySettled(() => scene.ids.length === 1);
    await settle();
    assertEquals([scene.clock.pending, scene.direct("m")], [1, "stays"]);
    assert(scene.engines.waiting.every(({ signal }) => signal.aborted));
    const counts = ["removed", "forgotten"].map((kind) =>
      scene.told.filter((told) => told.startsWith(`${kind} e`)).length
    );
    assertEquals(counts, [1_000 * (round + 1), 1_000 * (round + 1)]);
    assertEquals(scene.forgotten.length, 1_000 * (round + 1));
  }
});

function index(id: string): number {
  return Number(id.slice(1));
}

/** Let promises run until `holds`: a source is read one change at a time. */
async function eventuallySettled(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !holds(); turn++) await settle();
  assert(holds());
}

Deno.test("Fleet holds nothing of engines that have gone", async () => {
  await using scene = new Scene();
  const released = new Released();
  const ends = Promise.withResolvers<void>();
  scene.follow({
    async *changes() {
      yield { kind: "synced" };
      for (let index = 0; index < 200; index++) {
        const id = `e${index}`;
        yield { kind: "upsert", engine: released.note(engine(id, index % 2 === 0 ? ["m"] : [])) };
        if (index % 3 === 0) yield { kind: "upsert", engine: released.note(engine(id, ["n"])) };
        await settle();
        scene.direct("m");
        scene.fleet.choosePair({ model: "m", attempt: 1, takes: () => true });
        const [there] = scene.fleet.snapshot().engines;
        if (there !== undefined) scene.fleet.take(there, "direct").failed(failure("upstream-lost"));
        yield { kind: "remove", id };
      }
      ends.resolve();
    },
  });
  await ends.promise;
  await settle();
  // What the test itself has noted of them.
  scene.outcomes.length = 0;
  scene.engines.waiting.length = 0;
  assertEquals([scene.ids, released.noted], [[], 267]);
  await released.most(0);
});

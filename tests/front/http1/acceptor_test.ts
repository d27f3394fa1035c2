import type { FrontEvent } from "../../../lib/front/contract/mod.ts";
import { Acceptor, LOOK_MS, PAUSE_MS } from "../../../lib/front/http1/acceptor.ts";
import { Reserve } from "../../../lib/front/http1/reserve.ts";
import type { FrontSocket } from "../../../lib/front/http1/socket.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryClient, MemoryListener, rest } from "./support/memory.ts";

const EMFILE = new Error("Too many open files (os error 24)");

/** A machine with so many descriptors, where accepting takes one and the reserve holds one. */
class Machine {
  free: number;
  readonly clock = new FakeClock();
  readonly listener = new MemoryListener();
  readonly served: FrontSocket[] = [];
  readonly turned: FrontSocket[] = [];
  readonly events: FrontEvent[] = [];
  /** Connections that rest, and may make room. */
  resting = 0;
  readonly acceptor: Acceptor;

  constructor(free: number, { forbidden = false }: { readonly forbidden?: boolean } = {}) {
    this.free = free;
    const reserve = new Reserve(() => {
      if (forbidden) throw new Deno.errors.NotCapable("Requires read access");
      this.#take();
      return { close: () => this.free++ };
    });
    const accept = this.listener.accept.bind(this.listener);
    this.listener.accept = async () => {
      // A descriptor is taken first, whether anybody comes or not.
      if (this.free === 0) throw EMFILE;
      const socket = await accept();
      this.#take();
      return socket;
    };
    this.acceptor = new Acceptor({
      listener: this.listener,
      reserve,
      clock: this.clock,
      owner: this,
    });
  }

  onConnection(socket: FrontSocket): void {
    this.served.push(socket);
  }

  async makeRoom(): Promise<boolean> {
    if (this.resting === 0) return false;
    await rest();
    this.resting--;
    this.free++;
    return true;
  }

  async turnAway(socket: FrontSocket): Promise<void> {
    this.turned.push(socket);
    await rest();
    this.free++;
  }

  tell(event: FrontEvent): void {
    this.events.push(event);
  }

  async connect(): Promise<void> {
    this.listener.arrive(new MemoryClient());
    for (let turn = 0; turn < 10; turn++) await rest();
  }

  #take(): void {
    if (this.free === 0) throw EMFILE;
    this.free--;
  }
}

Deno.test("Acceptor hands connections on, and holds one descriptor back", async () => {
  const machine = new Machine(10);
  for (let count = 0; count < 3; count++) await machine.connect();
  assertEquals([machine.served.length, machine.free], [3, 6]);
  assertEquals([machine.acceptor.ailment, machine.events], [undefined, []]);
  machine.acceptor.close();
  await machine.acceptor.finished;
  assertEquals([machine.free, machine.clock.pending, machine.listener.closed], [7, 0, true]);
});

Deno.test("Acceptor lets what rests make room when descriptors are wanted", async () => {
  const machine = new Machine(3);
  machine.resting = 1;
  for (let count = 0; count < 3; count++) await machine.connect();
  assertEquals([machine.served.length, machine.turned.length, machine.resting], [3, 0, 0]);
  assertEquals(machine.events, [{ kind: "not-accepting", error: EMFILE }]);
  assert(machine.acceptor.ailment?.includes("Too many open files"), machine.acceptor.ailment);
  machine.acceptor.close();
  await machine.acceptor.finished;
  assertEquals(machine.clock.pending, 0);
});

Deno.test("Acceptor turns clients away by the descriptor held back, and serves the others", async () => {
  const machine = new Machine(3);
  for (let count = 0; count < 6; count++) await machine.connect();
  assertEquals([machine.served.length, machine.turned.length], [2, 4]);
  assertEquals(machine.events.map(({ kind }) => kind), [
    "not-accepting",
    ...Array(4).fill("refused"),
  ]);
  // A served one has gone.
  machine.free++;
  await machine.connect();
  assertEquals([machine.served.length, machine.turned.length], [3, 4]);
  machine.acceptor.close();
  await machine.acceptor.finished;
  assertEquals(machine.clock.pending, 0);
});

Deno.test("Acceptor says that it accepts again once descriptors can be had", async () => {
  const machine = new Machine(2);
  for (let count = 0; count < 2; count++) await machine.connect();
  assertEquals(machine.turned.length, 1);
  await machine.clock.advance(3 * LOOK_MS);
  assert(machine.acceptor.ailment !== undefined);
  machine.free++;
  await machine.clock.advance(LOOK_MS);
  assertEquals([machine.acceptor.ailment, machine.events.at(-1)], [undefined, {
    kind: "accepting",
  }]);
  assertEquals(machine.clock.pending, 0);
  // And the same once more.
  for (let count = 0; count < 2; count++) await machine.connect();
  assertEquals(machine.events.filter(({ kind }) => kind === "not-accepting").length, 2);
  machine.acceptor.close();
  await machine.acceptor.finished;
  assertEquals(machine.clock.pending, 0);
});

Deno.test("Acceptor pauses where it can do nothing, and goes on", async () => {
  const machine = new Machine(0);
  await machine.connect();
  assertEquals([machine.served.length, machine.turned.length], [0, 0]);
  assertEquals(machine.clock.dueIn(PAUSE_MS), true);
  machine.free = 3;
  await machine.clock.advance(PAUSE_MS);
  await machine.connect();
  assertEquals([machine.served.length, machine.events.length], [2, 1]);
  machine.acceptor.close();
  await machine.acceptor.finished;
  assertEquals(machine.clock.pending, 0);
});

Deno.test("Acceptor goes on after a client that has gone before it was accepted", async () => {
  const machine = new Machine(5);
  machine.listener.arrive(new Deno.errors.ConnectionAborted("aborted"));
  machine.listener.arrive(new Deno.errors.ConnectionReset("reset"));
  await machine.connect();
  assertEquals([machine.served.length, machine.events], [1, []]);
  machine.acceptor.close();
  await machine.acceptor.finished;
});

Deno.test("Acceptor.close() ends a pause", async () => {
  const machine = new Machine(0);
  await machine.connect();
  machine.acceptor.close();
  machine.acceptor.close();
  await machine.acceptor.finished;
  assertEquals(machine.clock.pending, 0);
});

Deno.test("Acceptor cannot go on without its listener", async () => {
  const machine = new Machine(5);
  await rest();
  machine.listener.arrive(new Deno.errors.BadResource("Bad resource ID"));
  await assertRejects(() => machine.acceptor.finished, Deno.errors.BadResource);
  assertEquals([machine.free, machine.clock.pending], [5, 0]);
});

Deno.test("Acceptor without a reserve serves all there is room for, and has others make room", async () => {
  const machine = new Machine(2, { forbidden: true });
  machine.resting = 1;
  for (let count = 0; count < 3; count++) await machine.connect();
  assertEquals([machine.served.length, machine.turned.length, machine.resting], [3, 0, 0]);
  assertEquals([machine.events.length, machine.clock.dueIn(PAUSE_MS)], [1, true]);
  // Nothing tells but that accepting does not fail.
  await machine.clock.advance(2 * LOOK_MS);
  assertEquals(machine.events.length, 1);
  machine.free = 2;
  await machine.clock.advance(2 * LOOK_MS);
  assertEquals(machine.events.at(-1), { kind: "accepting" });
  await machine.connect();
  assertEquals(machine.served.length, 4);
  machine.acceptor.close();
  await machine.acceptor.finished;
  assertEquals(machine.clock.pending, 0);
});

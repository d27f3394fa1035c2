import { decodeJson, encodeJson } from "../../lib/workers/codec.ts";
import { FRAME, type Frame } from "../../lib/workers/frame.ts";
import { Link } from "../../lib/workers/link.ts";
import type { Hello, MemberChange, Order, WorkerState } from "../../lib/workers/records.ts";
import { Supervisor } from "../../lib/workers/supervisor.ts";
import { MAX_SILENT, PING_MS, START_MS } from "../../lib/workers/worker_slot.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { bytes, fakeStarter, keepingLog, type LoggedLine } from "./support.ts";

/** A worker's end, played by the test. */
class Played {
  readonly frames: Frame[] = [];
  readonly link: Link;
  answers = true;

  constructor(stream: ConstructorParameters<typeof Link>[0]) {
    this.link = new Link(stream, (frame) => {
      this.frames.push(frame);
      if (frame.kind === FRAME.ping && this.answers) this.link.send(FRAME.pong, "urgent");
    });
  }

  say(state: WorkerState): void {
    this.link.send(FRAME.state, "urgent", encodeJson(state));
  }

  told<T>(kind: Frame["kind"]): readonly T[] {
    return this.frames.filter((frame) => frame.kind === kind)
      .map(({ payload }) => decodeJson<T>(payload));
  }
}

interface Stage {
  readonly clock: FakeClock;
  readonly supervisor: Supervisor;
  readonly started: ReturnType<typeof fakeStarter>["started"];
  readonly lines: readonly LoggedLine[];
  readonly written: string[];
  /** The other end of the process that was started as the `index`th. */
  worker(index: number): Played;
}

function stage(count = 2): Stage {
  const clock = new FakeClock();
  const { start, started } = fakeStarter();
  const { log, lines } = keepingLog();
  const written: string[] = [];
  const supervisor = new Supervisor({
    clock,
    log,
    start,
    count,
    common: { port: 8001, begunMs: 0, secret: "s", files: [] },
    write: (text) => written.push(text),
  });
  const played = new Map<number, Played>();
  return {
    ...{ clock, supervisor, started, lines, written },
    worker(index) {
      const known = played.get(index);
      if (known !== undefined) return known;
      const process = started[index];
      assert(process, `process ${index} was started`);
      const worker = new Played(process.stream);
      played.set(index, worker);
      return worker;
    },
  };
}

const SERVING = { kind: "serving", address: { hostname: "127.0.0.1", port: 8001 } } as const;

async function serving(count = 2): Promise<Stage> {
  const all = stage(count);
  const first = all.supervisor.begin(undefined);
  for (let index = 0; index < count; index++) all.worker(index).say(SERVING);
  assertEquals((await first).kind, "serving");
  return all;
}

Deno.test("Supervisor starts every worker with its number, and tells it what it is to be", async () => {
  const { supervisor, started, worker } = await serving();
  assertEquals(started.map(({ env }) => env["PD_ROUTER_WORKER"]), ["1.1", "2.1"]);
  const [hello] = worker(1).told<Hello>(FRAME.hello);
  assertEquals([hello?.number, hello?.count, hello?.port], [2, 2, 8001]);
  assertEquals(hello?.peers, [{ number: 1, life: 1, there: true }]);
  assertEquals(worker(0).told<MemberChange>(FRAME.member), [{ number: 2, life: 1, there: true }]);
  assertEquals(supervisor.slots.map(({ state }) => state), ["serving", "serving"]);
});

Deno.test("Supervisor.begin() resolves when some serve and the others have failed once", async () => {
  const { supervisor, started, worker, clock } = stage();
  const first = supervisor.begin(undefined);
  worker(0).say(SERVING);
  worker(1).say({ kind: "failed", error: "no memory" });
  await settle();
  started[1]?.end(1);
  assertEquals((await first).kind, "serving");
  await clock.advance(100);
  assertEquals(started.length, 3);
});

Deno.test("Supervisor.begin() ends all when none can start, with a worker's words and code", async () => {
  const { supervisor, started, worker, clock } = stage();
  const first = supervisor.begin(undefined);
  worker(0).say({ kind: "failed", error: "Cannot listen on 127.0.0.1:8001" });
  worker(1).say({ kind: "failed", error: "Cannot listen on 127.0.0.1:8001" });
  await settle();
  started[0]?.end(1);
  await settle();
  started[1]?.end(3);
  const error = "Cannot listen on 127.0.0.1:8001";
  assertEquals(await first, { kind: "failed", code: 3, error });
  await clock.advance(60_000);
  assertEquals(started.length, 2);
  assertEquals(supervisor.slots.map(({ state }) => state), ["ended", "ended"]);
});

Deno.test("Supervisor starts a worker again with growing pauses, and no other", async () => {
  const { supervisor, started, worker, clock, lines } = await serving();
  started[1]?.end(137, "SIGKILL");
  await settle();
  assertEquals(supervisor.slots.map(({ state }) => state), ["serving", "waiting"]);
  assertEquals(worker(0).told<MemberChange>(FRAME.member).at(-1)?.there, false);
  await clock.advance(99);
  assertEquals(started.length, 2);
  await clock.advance(1);
  assertEquals(started.map(({ env }) => env["PD_ROUTER_WORKER"]), ["1.1", "2.1", "2.2"]);
  for (const pauseMs of [200, 400]) {
    const count = started.length;
    started.at(-1)?.end(1);
    await settle();
    await clock.advance(pauseMs - 1);
    assertEquals(started.length, count);
    await clock.advance(1);
    assertEquals(started.length, count + 1);
  }
  const ends = lines.filter(({ message }) => message === "A worker has ended");
  assertEquals(ends.map(({ fields }) => fields["signal"] ?? fields["code"]), ["SIGKILL", 1, 1]);
});

Deno.test("Supervisor starts one that was told to end at once, however often", async () => {
  const { started, worker, clock, lines } = await serving(1);
  for (let life = 2; life < 6; life++) {
    started.at(-1)?.end(0);
    await settle();
    await clock.advance(100);
    assertEquals(started.at(-1)?.env["PD_ROUTER_WORKER"], `1.${life}`);
    worker(started.length - 1).say(SERVING);
    await settle();
  }
  assert(lines.every(({ level }) => level !== "error"));
});

Deno.test("Supervisor ends a worker that gives no sign of life, and leaves those that do", async () => {
  const { started, worker, clock } = await serving();
  worker(0).answers = true;
  worker(1).answers = false;
  await clock.advance(PING_MS * MAX_SILENT);
  assertEquals(started[1]?.killed(), false);
  await clock.advance(PING_MS);
  assertEquals(started.slice(0, 2).map(({ killed }) => killed()), [false, true]);
});

Deno.test("Supervisor ends a worker that never serves", async () => {
  const { supervisor, started, worker, clock } = stage(1);
  const first = supervisor.begin(undefined);
  worker(0);
  await clock.advance(START_MS);
  assertEquals(started[0]?.killed(), true);
  assertEquals(await first, {
    kind: "failed",
    code: 137,
    error: `it does not serve after ${START_MS / 1000} s`,
  });
});

Deno.test("Supervisor waits for the code of a worker that starts, be it silent meanwhile", async () => {
  const { supervisor, started, worker, clock } = stage(1);
  void supervisor.begin(undefined);
  worker(0).answers = false;
  await clock.advance(PING_MS * (MAX_SILENT + 3));
  assertEquals(started[0]?.killed(), false);
  await clock.advance(START_MS);
  assertEquals(started[0]?.killed(), true);
});

Deno.test("Supervisor ends a worker whose link broke, as nothing can be told to it", async () => {
  const { started } = await serving();
  await started[0]?.stream.write(bytes("a module wrote this to standard output"));
  await settle();
  assertEquals(started[0]?.killed(), true);
});

Deno.test("Supervisor.stop() has all drain, starts none again, and resolves when they have ended", async () => {
  const { supervisor, started, worker, clock } = await serving();
  let over = false;
  const stopped = supervisor.stop("SIGTERM", 5_000).then(() => over = true);
  await settle();
  const order: Order = { kind: "stop", signal: "SIGTERM" };
  for (const index of [0, 1]) assertEquals(worker(index).told<Order>(FRAME.order), [order]);
  started[0]?.end(0);
  await settle();
  assertEquals(over, false);
  started[1]?.end(0);
  await stopped;
  await clock.advance(60_000);
  assertEquals(started.length, 2);
});

Deno.test("Supervisor.stop() ends who has not ended after the longest time", async () => {
  const { supervisor, started, clock } = await serving();
  const stopped = supervisor.stop("SIGTERM", 5_000);
  await settle();
  started[0]?.end(0);
  await clock.advance(4_999);
  assertEquals(started[1]?.killed(), false);
  await clock.advance(1);
  await stopped;
  assertEquals(started.map(({ killed }) => killed()), [false, true]);
});

Deno.test("Supervisor.reload() is passed on to all, and ends none", async () => {
  const { supervisor, worker } = await serving();
  supervisor.reload();
  await settle();
  for (const index of [0, 1]) {
    assertEquals(worker(index).told<Order>(FRAME.order), [{ kind: "reload" }]);
  }
});

Deno.test("Supervisor hands what one worker tells to all others, with its number", async () => {
  const { worker } = await serving(3);
  worker(1).link.send(FRAME.tell, "loose", bytes("load"));
  await settle();
  const told = [0, 1, 2].map((index) =>
    worker(index).frames.filter(({ kind }) => kind === FRAME.tell).map((
      { payload },
    ) => [...payload])
  );
  const message = [2, ...bytes("load")];
  assertEquals(told, [[message], [], [message]]);
});

Deno.test("Supervisor writes what workers write, and refuses calls that nobody answers", async () => {
  const { worker, written } = await serving();
  worker(0).link.send(FRAME.lines, "steady", bytes("a line\n"));
  worker(0).link.send(FRAME.open, "steady", Uint8Array.of(0, 0, 0, 3, 3), bytes("odd"));
  await settle();
  assertEquals(written, ["a line\n"]);
  assertEquals(worker(0).frames.at(-1)?.kind, FRAME.reset);
});

Deno.test("Supervisor tells a worker that is started later what was changed by hand", async () => {
  const { supervisor, started, worker, clock } = await serving();
  supervisor.keep(`{"added":[]}`);
  started[0]?.end(1);
  await settle();
  await clock.advance(100);
  const later = worker(2);
  await settle();
  const [hello] = later.told<Hello>(FRAME.hello);
  assertEquals([hello?.life, hello?.changes], [2, `{"added":[]}`]);
});

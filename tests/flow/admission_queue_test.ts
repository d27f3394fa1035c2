import {
  AdmissionQueue,
  type Asker,
  type QueueEnd,
  type QueueOptions,
} from "../../lib/flow/admission_queue.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

const TIMEOUT_MS = 1_000;

/** A queue before some room. */
class Scene {
  readonly clock = new FakeClock();
  readonly queue: AdmissionQueue;
  /** How many there is room for. */
  room = 0;
  /** How each wait ended, in that order. */
  readonly ends: string[] = [];
  /** Who had to wait. */
  readonly waited: string[] = [];

  constructor(size = 3, more: Partial<QueueOptions> = {}) {
    this.queue = new AdmissionQueue({ clock: this.clock, size, timeoutMs: TIMEOUT_MS, ...more });
  }

  /** Have `name` wait; its key is its first letter. */
  wait(name: string, changes: Partial<Asker> = {}): AbortController {
    const client = new AbortController();
    const ending = this.queue.wait({
      key: name.slice(0, 1),
      lane: "x",
      priority: 0,
      model: "m",
      signal: client.signal,
      onWaiting: () => void this.waited.push(name),
      take: () => this.room > 0 && this.room-- > 0,
      ...changes,
    });
    ending.then((end) => this.ends.push(`${name} ${textOf(end)}`));
    return client;
  }

  /** There is room for `count` more. */
  async free(count: number, models?: readonly string[]): Promise<void> {
    this.room += count;
    this.queue.serve(models);
    await settle();
  }
}

function textOf(end: QueueEnd): string {
  return end.kind === "refused" ? `${end.why}${end.ownShare ? " share" : ""}` : end.kind;
}

Deno.test("AdmissionQueue.serve() wakes as many as can go, in fair order", async () => {
  const scene = new Scene(9);
  for (const name of ["a1", "a2", "a3", "b1"]) scene.wait(name);
  await scene.free(3);
  assertEquals(scene.ends, ["a1 served", "b1 served", "a2 served"]);
  assertEquals([scene.queue.length, scene.room, scene.clock.pending], [1, 0, 1]);
  await scene.free(5);
  assertEquals([scene.ends.at(-1), scene.queue.length, scene.room], ["a3 served", 0, 4]);
  assertEquals(scene.clock.pending, 0);
});

Deno.test("AdmissionQueue.wait() serves at once whoever can go, and has nobody wait for it", async () => {
  const scene = new Scene();
  scene.room = 1;
  scene.wait("a1");
  scene.wait("a2");
  await settle();
  assertEquals([scene.ends, scene.waited], [["a1 served"], ["a2"]]);
});

Deno.test("AdmissionQueue.serve() offers nothing to those that ask for other models", async () => {
  const scene = new Scene();
  scene.wait("a1");
  await scene.free(1, ["n"]);
  assertEquals(scene.ends, []);
  await scene.free(0, ["n", "m"]);
  assertEquals(scene.ends, ["a1 served"]);
});

Deno.test("AdmissionQueue.wait() ends at its deadline, at once when its client goes, and when it has gone", async () => {
  const scene = new Scene();
  scene.wait("a1");
  const client = scene.wait("a2");
  client.abort();
  await settle();
  assertEquals(scene.ends, ["a2 left"]);
  const gone = new AbortController();
  gone.abort();
  scene.wait("a3", { signal: gone.signal });
  await scene.clock.advance(TIMEOUT_MS - 1);
  assertEquals(scene.ends, ["a2 left", "a3 left"]);
  await scene.clock.advance(1);
  assertEquals(scene.ends.at(-1), "a1 timeout");
  assertEquals([scene.queue.length, scene.clock.pending], [0, 0]);
  await scene.free(1);
  assertEquals([scene.room, scene.ends.length], [1, 3]);
});

Deno.test("AdmissionQueue.wait() lets go who stood behind one that leaves", async () => {
  for (const end of ["left", "timeout"]) {
    const scene = new Scene();
    const large = scene.wait("a1", { take: () => false });
    await scene.clock.advance(1);
    scene.wait("a2");
    await scene.free(1);
    assertEquals(scene.ends, []);
    if (end === "left") large.abort();
    else await scene.clock.advance(TIMEOUT_MS - 1);
    await settle();
    assertEquals(scene.ends, [`a1 ${end}`, "a2 served"]);
  }
});

Deno.test("AdmissionQueue.wait() refuses what a full queue has no place for", async () => {
  const scene = new Scene(2);
  for (const name of ["a1", "a2", "a3"]) scene.wait(name);
  await settle();
  assertEquals([scene.ends, scene.queue.length], [["a3 full"], 2]);
  const none = new Scene(0);
  none.wait("a1");
  await settle();
  assertEquals([none.ends, none.clock.pending], [["a1 full"], 0]);
});

Deno.test("AdmissionQueue.wait() has the last of the key with the most make way, for its share", async () => {
  const scene = new Scene(3);
  for (const name of ["a1", "a2", "a3", "b1", "b2", "a4"]) scene.wait(name);
  await settle();
  // b2 would have as many as a then: it is refused for its own share.
  assertEquals(scene.ends, ["a3 full share", "b2 full share", "a4 full share"]);
  await scene.free(3);
  assertEquals(scene.ends.slice(3), ["a1 served", "b1 served", "a2 served"]);
});

Deno.test("AdmissionQueue tells at the deadline whose share it was", async () => {
  const scene = new Scene(9);
  for (const name of ["a1", "a2", "a3", "b1"]) scene.wait(name);
  await scene.clock.advance(TIMEOUT_MS);
  assertEquals(scene.ends.slice(0, 2), ["a1 timeout share", "a2 timeout share"]);
  assertEquals(scene.ends.at(-1), "b1 timeout");
});

Deno.test("AdmissionQueue.close() refuses who waits, and who comes", async () => {
  const scene = new Scene();
  scene.wait("a1");
  scene.wait("b1");
  scene.queue.close();
  scene.wait("c1");
  await settle();
  assertEquals([...scene.ends].sort(), ["a1 draining", "b1 draining", "c1 draining"]);
  assertEquals([scene.queue.length, scene.clock.pending], [0, 0]);
});

Deno.test("AdmissionQueue.serve() sees to what is told while it offers", async () => {
  const scene = new Scene();
  scene.wait("a1", {
    take: () => {
      scene.room++;
      // As when taking makes an engine another choice.
      scene.queue.serve();
      return true;
    },
  });
  scene.wait("a2");
  await settle();
  assertEquals(scene.ends, ["a1 served", "a2 served"]);
});

Deno.test("AdmissionQueue serves those who go behind others when nobody else waits for the same", async () => {
  const scene = new Scene(2);
  const behind = { behind: true } as const;
  scene.wait("z1", behind);
  scene.wait("z2", behind);
  scene.wait("z3", { ...behind, lane: "y" });
  scene.wait("a1");
  scene.wait("a2");
  // They are in nobody's way.
  scene.wait("a3");
  await settle();
  assertEquals([scene.ends, scene.queue.length], [["a3 full"], 2]);
  assertEquals(
    [scene.queue.has("y"), scene.queue.has("y", true), scene.queue.anybody(true)],
    [false, true, true],
  );
  await scene.free(1);
  assertEquals(scene.ends.slice(1), ["a1 served"]);
  await scene.free(3);
  assertEquals(scene.ends.slice(2), ["a2 served", "z1 served", "z2 served"]);
  assertEquals([scene.room, scene.queue.length], [0, 0]);
  await scene.free(1);
  assertEquals(scene.ends.at(-1), "z3 served");
  assertEquals([scene.clock.pending, scene.queue.anybody(true)], [0, false]);
});

Deno.test("AdmissionQueue has ends for those who go behind others too", async () => {
  const scene = new Scene(0);
  const behind = { behind: true } as const;
  const client = scene.wait("z1", behind);
  scene.wait("z2", behind);
  client.abort();
  await scene.clock.advance(TIMEOUT_MS);
  scene.wait("z3", behind);
  scene.queue.close();
  scene.wait("z4", behind);
  await settle();
  assertEquals(scene.ends, ["z1 left", "z2 timeout", "z3 draining", "z4 draining"]);
  assertEquals(scene.clock.pending, 0);
});

Deno.test("AdmissionQueue.awaits() tells for which models requests wait, and onFirst() when one does", async () => {
  let told = 0;
  const scene = new Scene(9, { onFirst: () => void told++ });
  scene.wait("z", { behind: true });
  assertEquals([scene.queue.awaits(["m"]), told], [false, 0], "those behind others do not count");
  const client = scene.wait("a1");
  scene.wait("a2");
  scene.wait("b1", { model: "other", lane: "y" });
  assertEquals(told, 2);
  assertEquals(
    [["m"], ["other"], ["x", "m"], ["x"], []].map((models) => scene.queue.awaits(models)),
    [true, true, true, false, false],
  );
  client.abort();
  await scene.free(1, ["m"]);
  assertEquals([scene.queue.awaits(["m"]), scene.queue.awaits(["other"])], [false, true]);
  await scene.clock.advance(TIMEOUT_MS);
  assertEquals(scene.queue.awaits(["m", "other"]), false);
  scene.room = 1;
  scene.wait("a3");
  assertEquals([scene.queue.awaits(["m"]), told], [false, 2], "it has not had to wait");
});

Deno.test("AdmissionQueue has those who go behind others wait for others elsewhere, too", async () => {
  const awaited = new Set(["m"]);
  const scene = new Scene(9, { awaited: (model) => awaited.has(model) });
  scene.wait("z1", { behind: true });
  scene.wait("z2", { behind: true, model: "other", lane: "y" });
  await scene.free(2);
  assertEquals(scene.ends, ["z2 served"]);
  scene.wait("a1");
  assertEquals([scene.room, scene.queue.length], [0, 0], "it goes before all");
  awaited.clear();
  await scene.free(1);
  assertEquals(scene.ends, ["z2 served", "a1 served", "z1 served"]);
});

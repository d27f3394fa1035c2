import { type Lease, seededRandom } from "../../lib/base/mod.ts";
import { Inflight, type Leg } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { engine, engines } from "./support.ts";

const LEGS = ["prefill", "decode", "direct"] as const satisfies readonly Leg[];

Deno.test("Inflight counts a request from take() until its lease falls, once", () => {
  const inflight = new Inflight();
  const [a, b] = [engine("a"), engine("b")];
  const first = inflight.take(a, "prefill");
  const second = inflight.take(a, "decode");
  assertEquals([inflight.of(a), inflight.of(b), inflight.total], [2, 0, 2]);
  first.release();
  first.release();
  first[Symbol.dispose]();
  assertEquals([inflight.of(a), inflight.total], [1, 1]);
  second.release();
  assertEquals([inflight.of(a), inflight.total], [0, 0]);
});

Deno.test("Inflight counts on while a lease is handed to another holder", () => {
  const inflight = new Inflight();
  const a = engine("a");
  const moved = (() => {
    using lease = inflight.take(a, "decode");
    return lease.move();
  })();
  assertEquals(inflight.of(a), 1);
  moved.release();
  assertEquals(inflight.of(a), 0);
});

Deno.test("Inflight goes by an engine's id, as records are replaced", () => {
  const inflight = new Inflight();
  const lease = inflight.take(engine("a"), "direct");
  const renewed = engine("a", "any", ["another"]);
  assertEquals(inflight.of(renewed), 1);
  lease.release();
  assertEquals(inflight.of(renewed), 0);
});

Deno.test("Inflight tells of every change, with the engine and the leg", () => {
  const changes: string[] = [];
  const inflight = new Inflight(({ id }, leg, delta) => void changes.push(`${id} ${leg} ${delta}`));
  const prefill = inflight.take(engine("a"), "prefill");
  const direct = inflight.take(engine("b"), "direct");
  prefill.release();
  prefill.release();
  direct.release();
  assertEquals(changes, ["a prefill 1", "b direct 1", "a prefill -1", "b direct -1"]);
});

Deno.test("Inflight is exact over any history of requests that come and go", () => {
  const all = engines(4);
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const sums = new Map<string, number>();
    const inflight = new Inflight(({ id }, leg, delta) => {
      const key = `${id} ${leg}`;
      sums.set(key, (sums.get(key) ?? 0) + delta);
    });
    const held: { readonly id: string; readonly leg: Leg; readonly lease: Lease }[] = [];
    const check = (): void => {
      assertEquals(inflight.total, held.length);
      for (const one of all) {
        assertEquals(inflight.of(one), held.filter(({ id }) => id === one.id).length);
        for (const leg of LEGS) {
          const counted = held.filter((lease) => lease.id === one.id && lease.leg === leg).length;
          assertEquals(sums.get(`${one.id} ${leg}`) ?? 0, counted);
        }
      }
    };
    for (let step = 0; step < 100; step++) {
      const at = Math.floor(random.next() * held.length);
      if (random.next() < 0.4) {
        const [gone] = held.splice(at, 1);
        gone?.lease.release();
        gone?.lease.release();
      } else {
        const one = all[Math.floor(random.next() * all.length)] ?? all[0];
        const leg = LEGS[Math.floor(random.next() * LEGS.length)] ?? "direct";
        held.push({ id: one.id, leg, lease: inflight.take(one, leg) });
      }
      check();
    }
    for (const { lease } of held.splice(0)) lease.release();
    check();
  }
});

import { Admission } from "../../lib/sim/admission.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";

const never = new AbortController().signal;

Deno.test("Admission.enter() lets the next one in when a place is given back", async () => {
  const admission = new Admission(2);
  const first = await admission.enter(never);
  await admission.enter(never);
  const order: string[] = [];
  const third = admission.enter(never).then(() => void order.push("third"));
  const fourth = admission.enter(never).then((place) => {
    order.push("fourth");
    place?.release();
  });
  await settle();
  assertEquals([order.length, admission.waiting], [0, 2]);
  first?.release();
  first?.release();
  await settle();
  assertEquals([order, admission.waiting], [["third"], 1]);
  await third;
  void fourth;
});

Deno.test("Admission.enter() gives undefined when its signal aborts", async () => {
  const admission = new Admission(1);
  using place = await admission.enter(never);
  assert(place !== undefined);
  const controller = new AbortController();
  const waiting = admission.enter(controller.signal);
  controller.abort();
  assertEquals(await waiting, undefined);
  assertEquals(await admission.enter(controller.signal), undefined);
  assertEquals(admission.waiting, 0);
});

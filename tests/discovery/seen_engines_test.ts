import type { FoundEngine } from "../../lib/discovery/mod.ts";
import { SeenEngines } from "../../lib/discovery/seen_engines.ts";
import { ServiceEngines } from "../../lib/discovery/service_engines.ts";
import { readyService } from "../../lib/discovery/service.ts";
import { metaOf } from "../../lib/discovery/kubernetes/objects.ts";
import { assertEquals } from "../support/assert.ts";
import { sliceOf } from "../support/kubernetes_api/mod.ts";
import { foundAt } from "./support.ts";

function open(): { readonly seen: SeenEngines; readonly told: string[]; last(): FoundEngine } {
  const told: string[] = [];
  let last = foundAt("none", "http://none");
  const seen = new SeenEngines({
    found(engine) {
      told.push(engine.leaving === true ? `${engine.key} leaves` : engine.key);
      last = engine;
    },
    lost: (key) => void told.push(`${key} lost`),
  });
  return { seen, told, last: () => last };
}

const A = foundAt("a", "http://a");

Deno.test("put() tells of an engine once it serves, and of the same once", () => {
  const { seen, told } = open();
  seen.put("a", { uid: "1", serving: false, engine: A });
  assertEquals(told, []);
  for (const serving of [true, true, false, false, true]) {
    seen.put("a", { uid: "1", serving, engine: A });
  }
  assertEquals(told, ["a", "a leaves", "a"]);
});

Deno.test("put() tells of another object of the same name as of another engine", () => {
  const { seen, told } = open();
  seen.put("a", { uid: "1", serving: true, engine: A });
  seen.put("a", { uid: "2", serving: false, engine: A });
  seen.put("a", { uid: "2", serving: true, engine: { ...A, started: "2" } });
  assertEquals(told, ["a", "a lost", "a"]);
});

Deno.test("gone() tells of those that were told of", () => {
  const { seen, told } = open();
  seen.put("a", { uid: "1", serving: true, engine: A });
  seen.gone("a");
  seen.gone("a");
  assertEquals(told, ["a", "a lost"]);
});

Deno.test("put() has an engine awake when the label is gone that had it sleep", () => {
  const { seen, told, last } = open();
  seen.put("a", { uid: "1", serving: true, engine: A });
  assertEquals(last().asleep, undefined);
  seen.put("a", { uid: "1", serving: true, engine: { ...A, asleep: true } });
  assertEquals(last().asleep, true);
  seen.put("a", { uid: "1", serving: true, engine: A });
  assertEquals(last().asleep, false);
  assertEquals(told.length, 3);
});

Deno.test("ServiceEngines has a Service serve while any of its slices has a ready endpoint", () => {
  const { seen, told } = open();
  const services = new ServiceEngines(seen);
  services.putSlice("a-1", "a");
  services.putService("a", A);
  services.putSlice("a-2", "a");
  services.sliceGone("a-1");
  assertEquals(told, ["a"]);
  services.sliceGone("a-2");
  services.sliceGone("a-2");
  assertEquals(told, ["a", "a leaves"]);
  services.putSlice("a-1", "a");
  services.putSlice("a-1", "b");
  services.serviceGone("a");
  assertEquals(told, ["a", "a leaves", "a", "a leaves", "a lost"]);
});

Deno.test("readyService() names the Service of a slice with a ready endpoint", () => {
  const read = (ready: readonly boolean[]): string | undefined => {
    const slice = sliceOf("a-1", "a", ready);
    const meta = metaOf(slice);
    return meta && readyService(meta, slice);
  };
  assertEquals([read([]), read([false]), read([false, true])], [undefined, undefined, "a"]);
  const meta = metaOf(sliceOf("a-1", "a", []));
  const unknown = { endpoints: [{ addresses: ["10.0.0.1"] }, null] };
  assertEquals(meta && readyService(meta, unknown), "a");
});

import {
  changedPatch,
  engineProblem,
  patchedEngine,
  readChange,
  readEngine,
} from "../../lib/config/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const RAW = {
  url: "http://d:1",
  role: "decode",
  models: ["m"],
  nixl: { host: "h", init_ports: ["1"] },
  topology: { zone: "a" },
} as const;

Deno.test("readEngine() takes an item of the file's engines as the file does", () => {
  const read = readEngine({
    url: "http://d:1",
    role: "decode",
    model: "m",
    nixl: { host: "h", init_ports: 1, alloc_ports: [2, 3] },
    kv_events: { endpoint: 5557 },
  });
  assertEquals(read, {
    ok: true,
    value: {
      url: "http://d:1",
      role: "decode",
      models: ["m"],
      nixl: { host: "h", init_ports: ["1"], alloc_ports: ["2", "3"] },
      kv_events: { endpoint: "5557" },
    },
  });
});

Deno.test("patchedEngine() puts fields within fields one by one, and leaves what it was given", () => {
  const patch = { nixl: { init_ports: ["7"] }, label: "x", topology: { rack: "r" } };
  assertEquals(patchedEngine(RAW, patch), {
    ...RAW,
    label: "x",
    nixl: { host: "h", init_ports: ["7"] },
    topology: { zone: "a", rack: "r" },
  });
  assertEquals(patchedEngine(RAW, undefined), RAW);
  assertEquals(RAW.nixl, { host: "h", init_ports: ["1"] });
});

Deno.test("changedPatch() follows what the source says wherever nothing is changed any more", () => {
  const change = (value: unknown): Readonly<Record<string, unknown>> => {
    const read = readChange(value);
    assert(read.ok);
    return read.value;
  };
  const one = changedPatch(undefined, change({ nixl: { init_ports: 7, host: "g" }, label: "x" }));
  assertEquals(one, { nixl: { init_ports: ["7"], host: "g" }, label: "x" });
  const two = changedPatch(one, change({ nixl: { host: null }, role: "any" }));
  assertEquals(two, { nixl: { init_ports: ["7"] }, label: "x", role: "any" });
  const three = changedPatch(two, change({ nixl: { init_ports: null }, label: null, role: null }));
  assertEquals(three, undefined);
  assertEquals(changedPatch(undefined, change({ nixl: null, models: null })), undefined);
});

Deno.test("engineProblem() names field and value where a message is about one, and never a password", () => {
  assertEquals(engineProblem("init: expected ports", RAW), {
    key: "nixl.init_ports",
    value: "1",
    message: "expected ports",
  });
  const secret = { ...RAW, url: "http://u:secret@h" };
  const { key, value } = engineProblem("a URL with a user name", secret);
  assertEquals([key, value?.includes("secret")], ["url", false]);
});

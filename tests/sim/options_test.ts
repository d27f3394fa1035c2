import { SIM_FLAGS } from "../../lib/sim/flags.ts";
import { parseSimOptions, simOptions, SimOptionsError } from "../../lib/sim/options.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("parseSimOptions() has every default from the table of flags", () => {
  const options = parseSimOptions({});
  assertEquals(options.role, "any");
  assertEquals(options.models, ["sim-model"]);
  assertEquals(options.chunkSize, 256);
  assertEquals(options.saveUnfullChunk, true);
  assertEquals(options.skipLastNTokens, 1);
  assertEquals(options.notify, 0);
  assertEquals([options.initPorts, options.allocPorts], [[0], [0]]);
});

Deno.test("parseSimOptions() chooses the connector and the cache by role", () => {
  const of = (role: string): readonly unknown[] => {
    const { kvConnector, prefixCaching } = parseSimOptions({ role });
    return [kvConnector, prefixCaching];
  };
  assertEquals(of("prefill"), ["lmcache", true]);
  assertEquals(of("decode"), ["lmcache", false]);
  assertEquals(of("any"), ["none", true]);
  assertEquals(parseSimOptions({ role: "any", kvConnector: "nixl" }).kvConnector, "nixl");
});

Deno.test("parseSimOptions() takes any spelling of a key and text for numbers", () => {
  for (const key of ["max-model-len", "max_model_len", "maxModelLen"]) {
    assertEquals(parseSimOptions({ [key]: "99" }).maxModelLen, 99);
  }
  assertEquals(parseSimOptions({ mla: "true" }).mla, true);
  assertEquals(parseSimOptions({ mla: undefined }).mla, false);
});

Deno.test("parseSimOptions() takes lists repeated or with commas", () => {
  const options = parseSimOptions({
    ranks: 2,
    "init-port": "7300,7301",
    "alloc-port": ["7400", "7401"],
    model: ["a", "b"],
  });
  assertEquals(options.initPorts, [7300, 7301]);
  assertEquals(options.allocPorts, [7400, 7401]);
  assertEquals(options.models, ["a", "b"]);
});

Deno.test("parseSimOptions() reads the notification's time", () => {
  assertEquals(parseSimOptions({ notify: "before" }).notify, "before");
  assertEquals(parseSimOptions({ notify: "after" }).notify, 0);
  assertEquals(parseSimOptions({ notify: "250" }).notify, 250);
});

Deno.test("parseSimOptions() reads faults", () => {
  const { faults } = parseSimOptions({ fault: ["dropNotification=2", "landDelayMs=50"] });
  assertEquals([faults.dropNotification, faults.landDelayMs], [2, 50]);
});

Deno.test("parseSimOptions() lists all problems at once", () => {
  const error = assertThrows(
    () =>
      parseSimOptions({
        role: "king",
        port: "http",
        ranks: 2,
        "init-port": "1,2,3",
        mla: "maybe",
        notify: "soon",
        fault: "nonsense",
        colour: "red",
      }),
    SimOptionsError,
  );
  const text = error.problems.join("\n");
  for (const part of ["role:", "port:", "init-port", "mla:", "notify:", "nonsense", "colour"]) {
    assert(text.includes(part), `${part} in ${text}`);
  }
});

Deno.test("parseSimOptions() refuses numbers out of range", () => {
  for (
    const raw of [
      { ranks: 0 },
      { port: 70000 },
      { port: -1 },
      { port: 1.5 },
      { "chunk-size": 0 },
      { "itl-ms": "NaN" },
      { model: "" },
    ]
  ) {
    assertThrows(() => parseSimOptions(raw), SimOptionsError);
  }
});

Deno.test("simOptions() fills a few fields and checks the whole", () => {
  const options = simOptions({ role: "decode", ranks: 3 });
  assertEquals(options.initPorts, [0, 0, 0]);
  assertEquals(options.kvConnector, "lmcache");
  assertThrows(() => simOptions({ ranks: 2, initPorts: [1] }), SimOptionsError, "per rank");
});

Deno.test("SIM_FLAGS have unique kebab-case names, help, and defaults of their type", () => {
  const names = SIM_FLAGS.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  for (const { name, type, default: value, help, choices } of SIM_FLAGS) {
    assert(/^[a-z]+(-[a-z]+)*$/.test(name), name);
    assert(help.length > 5, name);
    if (value === undefined) continue;
    const expected = { string: "string", int: "number", float: "number", flag: "boolean" }[type];
    assertEquals(typeof value, expected, name);
    if (choices !== undefined) assert(choices.includes(String(value)), name);
  }
});

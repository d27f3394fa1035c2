import { EngineTable } from "../../lib/discovery/engine_table.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { HANDOFF, PLAIN, rawAt } from "./support.ts";

function problem(table: EngineTable, key: string): string {
  const state = table.get(key);
  assert(state?.kind === "out");
  return state.problems.join("; ");
}

function url(table: EngineTable, key: string): string | undefined {
  const state = table.get(key);
  return state?.kind === "in" ? state.engine.url : undefined;
}

Deno.test("EngineTable.put() says what is wrong with an engine in itself", () => {
  const table = new EngineTable(PLAIN);
  assertEquals(table.put("a", rawAt("ftp://x")), ["a"]);
  assertStringIncludes(problem(table, "a"), "expected a URL such as");
  table.put("a", rawAt("http://169.254.169.254:80"));
  assertStringIncludes(problem(table, "a"), "link-local");
  table.put("a", rawAt("http://p:1", { role: "prefill" }));
  assertStringIncludes(problem(table, "a"), "--routing-logic disaggregated_prefill");
  table.put("a", rawAt("http://p:1", { role: "both" }));
  assertStringIncludes(problem(table, "a"), "role both needs");
  table.put("a", rawAt("http://p:1", { kv_protocol: "nixl" }));
  assertStringIncludes(problem(table, "a"), "kv_protocol needs");
  assertEquals(table.put("a", rawAt("http://p:1")), ["a"]);
  assertEquals(url(table, "a"), "http://p:1");
});

Deno.test("EngineTable.put() leaves out who comes second to a URL, until the first has gone", () => {
  const table = new EngineTable(PLAIN);
  table.put("a", rawAt("http://one:1"));
  assertEquals(table.put("b", rawAt("http://one:1/")), ["b"]);
  assertStringIncludes(problem(table, "b"), "there is an engine with this URL: a");
  assertEquals(table.delete("a"), ["a", "b"]);
  assertEquals(url(table, "b"), "http://one:1");
  assertEquals(table.delete("a"), []);
});

Deno.test("EngineTable.put() lets others come where an engine has moved", () => {
  const table = new EngineTable(PLAIN);
  table.put("a", rawAt("http://one:1"));
  table.put("b", rawAt("http://one:1"));
  assertEquals(table.put("a", rawAt("http://two:1")), ["a", "b"]);
  assertEquals([url(table, "a"), url(table, "b")], ["http://two:1", "http://one:1"]);
});

Deno.test("EngineTable.put() gives two schemes of one address two ids", () => {
  const table = new EngineTable(PLAIN);
  table.put("a", rawAt("http://one:443"));
  table.put("b", rawAt("https://one:443"));
  const ids = ["a", "b"].map((key) => {
    const state = table.get(key);
    return state?.kind === "in" ? state.engine.id : undefined;
  });
  assertEquals(ids, ["one:443", "one:443-2"]);
});

Deno.test("EngineTable.put() leaves out a receiver on ports of another", () => {
  const table = new EngineTable(HANDOFF);
  table.put("a", rawAt("http://h:1", { role: "decode" }));
  table.put("b", rawAt("http://h:2", { role: "decode" }));
  assertStringIncludes(problem(table, "b"), "receives KV on h:7300, as http://h:1 does");
  table.put("b", rawAt("http://h:2", { role: "decode", nixl: { init_ports: ["7301"] } }));
  assertStringIncludes(problem(table, "b"), "receives KV on h:7400, as http://h:1 does");
  const own = { init_ports: ["7301"], alloc_ports: ["7401"] };
  table.put("b", rawAt("http://h:2", { role: "decode", nixl: own }));
  assertEquals(url(table, "b"), "http://h:2");
});

Deno.test("EngineTable.put() leaves out whom LMCache's ranks do not fit, whoever came first", () => {
  for (const order of [["p", "d"], ["d", "p"]] as const) {
    const table = new EngineTable(HANDOFF);
    const raws = {
      p: rawAt("http://p:1", { role: "prefill", nixl: { notifications: 2 } }),
      d: rawAt("http://d:1", { role: "decode" }),
    };
    for (const key of order) table.put(key, raws[key]);
    assertStringIncludes(problem(table, order[1]), "has 2 ranks that notify");
    table.delete(order[0]);
    assert(url(table, order[1]) !== undefined);
  }
});

Deno.test("EngineTable.put() carries the start of an engine to its record", () => {
  const table = new EngineTable(PLAIN);
  table.put("a", rawAt("http://one:1"), "monday");
  const state = table.get("a");
  assertEquals(state?.kind === "in" ? state.engine.started : undefined, "monday");
});

Deno.test("EngineTable.recheck() checks those that are there by other rules, who came first staying", () => {
  const table = new EngineTable(PLAIN);
  table.put("p", rawAt("http://p:1", { role: "prefill" }));
  table.put("d", rawAt("http://d:1", { role: "decode" }));
  table.put("e", rawAt("http://d:2", { role: "decode", nixl: { host: "d" } }));
  assertEquals([url(table, "p"), url(table, "d")], [undefined, "http://d:1"]);
  assertEquals(table.recheck(HANDOFF, ["p", "d", "e"]), ["p", "d", "e"]);
  assertEquals([url(table, "p"), url(table, "d")], ["http://p:1", "http://d:1"]);
  // Both receive KV on the ports that hold where nothing is said.
  assertStringIncludes(problem(table, "e"), "as http://d:1 does");
  assertEquals(table.recheck(PLAIN, ["p", "d", "e"]), ["p", "d", "e"]);
  assertEquals([url(table, "p"), url(table, "e")], [undefined, "http://d:2"]);
});

Deno.test("put() leaves an engine out for mistakes where it was found, whatever else is right", () => {
  const table = new EngineTable(PLAIN);
  table.put("a", rawAt("http://a"), undefined, ["annotation x: wrong"]);
  assertEquals(table.get("a"), { kind: "out", problems: ["annotation x: wrong"] });
  table.put("a", rawAt("http://a"));
  assertEquals(table.get("a")?.kind, "in");
});

import { checksAwake, tellGuarded } from "../lib/app_control.ts";
import { FleetView } from "../lib/fleet/mod.ts";
import { configOf, FLEET } from "./config/support.ts";
import { assertEquals } from "./support/assert.ts";
import { engineOf, flowSetting } from "./support/flow_fakes.ts";

Deno.test("checksAwake() has no engine tried while it sleeps", () => {
  const [A, B] = [engineOf("a", "any"), engineOf("b", "any")];
  const entry = { cards: [], created: 1 };
  const view = new FleetView([{ ...entry, engine: A, asleep: true }, { ...entry, engine: B }], []);
  const check = { what: "it", ask: () => Promise.resolve("ok" as const) };
  const checksOf = checksAwake({ snapshot: () => view }, () => [check]);
  assertEquals([checksOf(A), checksOf(B)], [[], [check]]);
});

Deno.test("tellGuarded() warns of paths by which clients change engines, and of no others", async () => {
  await using setting = flowSetting([], () => new Error("not asked"));
  const paths = "/v1/other,/collective_rpc,/inference/*";
  tellGuarded(configOf({ flags: { ...FLEET, "pass-through-paths": paths } }), setting.flow.log);
  tellGuarded(configOf({ flags: FLEET }), setting.flow.log);
  assertEquals(setting.lines.map(({ level, path }) => [level, path]), [
    ["warning", "/collective_rpc"],
  ]);
});

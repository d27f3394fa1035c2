import { LiveEngine } from "../../lib/fleet/live_engine.ts";
import { assertEquals } from "../support/assert.ts";
import { engine } from "./support.ts";

Deno.test("OwnLoad tells what this router has at an engine, as it is when it is read", () => {
  const live = new LiveEngine(engine("a", ["m"], { role: "both", kv: "nixl" }), 0);
  const { told } = live;
  const read = (): readonly unknown[] => [
    told.inflight,
    told.promptTokens,
    told.seats,
    told.transfers,
    told.kvBytes,
    told.side,
  ];
  assertEquals(read(), [0, 0, 0, 0, 0, "decode"]);
  live.count(1);
  live.count(1);
  live.owe(30);
  live.load.take();
  live.load.takeTransfer();
  live.turn("prefill", 0);
  assertEquals(read(), [2, 30, 1, 1, 0, "prefill"]);
  assertEquals(new LiveEngine(engine("b"), 0).told.side, undefined);
});

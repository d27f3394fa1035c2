import { allowedCores, parseCores, placed } from "../../../scripts/bench/cost/cores.ts";
import { assert, assertEquals } from "../../support/assert.ts";

const PROGRAM = { command: "router", args: ["--port", 1] };

Deno.test("parseCores() reads ranges and single cores", () => {
  assertEquals(parseCores("0-2,5"), [0, 1, 2, 5]);
  assertEquals(parseCores("3"), [3]);
});

Deno.test("allowedCores() finds at least the core that this runs on", () => {
  assert(allowedCores().length >= 1);
});

Deno.test("placed() gives the router the last core and all else the others", () => {
  assertEquals(placed(PROGRAM, "router", [0, 1, 4]), {
    command: "taskset",
    args: ["-c", "4", "router", "--port", 1],
  });
  assertEquals(placed(PROGRAM, "load", [0, 1, 4]).args.slice(0, 3), ["-c", "0,1", "router"]);
});

Deno.test("placed() leaves a program alone where there is one core", () => {
  assertEquals(placed(PROGRAM, "router", [0]), PROGRAM);
});

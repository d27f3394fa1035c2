import { seededRandom } from "../../lib/base/mod.ts";
import {
  faultNames,
  mergeFaults,
  noFaults,
  parseFaultFlag,
  strikes,
} from "../../lib/sim/faults.ts";
import { assert, assertEquals } from "../support/assert.ts";

function count(when: boolean | number, asked = 1000): number {
  const faults = { ...noFaults(), errorAnswer: when };
  const random = seededRandom(1);
  let struck = 0;
  for (let time = 0; time < asked; time++) if (strikes(faults, "errorAnswer", random)) struck++;
  return struck;
}

Deno.test("strikes() obeys never, always, a count and a probability", () => {
  assertEquals(count(false), 0);
  assertEquals(count(0), 0);
  assertEquals(count(true), 1000);
  assertEquals(count(1), 1);
  assertEquals(count(3), 3);
  const some = count(0.25);
  assert(some > 200 && some < 300, `${some} of 1000`);
});

Deno.test("mergeFaults() changes what is given and nothing else", () => {
  const faults = noFaults();
  const patch = { dropNotification: 2, slowTokenMs: 5, splitBytes: "byte", paths: ["/x"] } as const;
  assertEquals(mergeFaults(faults, patch), []);
  assertEquals(faults, { ...noFaults(), ...patch, paths: ["/x"] });
});

for (
  const patch of [
    5,
    { nonsense: true },
    { badJson: "yes" },
    { badJson: -1 },
    { errorStatus: true },
    { slowTokenMs: -1 },
    { splitBytes: "all" },
    { paths: [1] },
    { paths: "x" },
  ]
) {
  Deno.test(`mergeFaults() refuses ${JSON.stringify(patch)} as a whole`, () => {
    const faults = noFaults();
    const good = typeof patch === "object" ? { dropNotification: true, ...patch } : patch;
    assertEquals(mergeFaults(faults, good).length, 1);
    assertEquals(faults, noFaults());
  });
}

Deno.test("parseFaultFlag() reads names, counts, probabilities, words and paths", () => {
  assertEquals(parseFaultFlag("badJson"), ["badJson", true]);
  assertEquals(parseFaultFlag("badJson=3"), ["badJson", 3]);
  assertEquals(parseFaultFlag("badJson=0.5"), ["badJson", 0.5]);
  assertEquals(parseFaultFlag("badJson=never"), ["badJson", false]);
  assertEquals(parseFaultFlag("splitBytes=random"), ["splitBytes", "random"]);
  assertEquals(parseFaultFlag("paths=/a,/b"), ["paths", ["/a", "/b"]]);
});

Deno.test("faultNames() are the fields of the faults", () => {
  assert(faultNames().includes("dropNotification"));
  assert(faultNames().includes("landDelayMs"));
});

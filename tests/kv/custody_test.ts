import type { WaitEnd } from "../../lib/base/mod.ts";
import {
  type AbandonedTransfer,
  Custody,
  NOTHING_AWAITED,
  type Reclaim,
} from "../../lib/kv/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { engine, FakeLanding } from "./support.ts";

const AGAIN: Reclaim = { singleUse: false, params: () => undefined };
const ONCE: Reclaim = { singleUse: true, params: () => "{}" };

/** A transfer in custody, and what has become of it. */
interface Fixture {
  readonly custody: Custody;
  readonly held: AbandonedTransfer;
  readonly landed: FakeLanding;
  /** What the reclaimer was given. */
  readonly adopted: AbandonedTransfer[];
}

function fixture(reclaim: Reclaim = AGAIN): Fixture {
  const landed = new FakeLanding();
  const adopted: AbandonedTransfer[] = [];
  const held: AbandonedTransfer = {
    transfer: { landed, reclaim },
    decode: engine("d"),
    prefill: { kind: "refused" },
    path: "/v1/completions",
    headers: [],
    body: () => [],
  };
  return {
    custody: new Custody({ adopt: (one) => adopted.push(one) }, held),
    held,
    landed,
    adopted,
  };
}

/** What was adopted, and how often the landing was disposed. */
function endOf({ adopted, landed }: Fixture): readonly [adopted: number, disposed: number] {
  return [adopted.length, landed.disposals];
}

Deno.test("Custody.release() disposes the landing and leaves nothing to anybody", () => {
  const one = fixture();
  one.custody.release();
  assertEquals(endOf(one), [0, 1]);
});

Deno.test("Custody.abandon() leaves the transfer, its landing with it, to the reclaimer", () => {
  const one = fixture();
  one.custody.abandon();
  assertEquals(endOf(one), [1, 0]);
  assert(one.adopted[0] === one.held);
});

Deno.test("Custody is left to the reclaimer when it is disposed without a word", () => {
  const one = fixture();
  {
    using _held = one.custody;
  }
  assertEquals(endOf(one), [1, 0]);
  const thrown = fixture();
  assertThrows(
    () => {
      using _held = thrown.custody;
      throw new RangeError("stop");
    },
    RangeError,
    "stop",
  );
  assertEquals(endOf(thrown), [1, 0]);
});

Deno.test("Custody.sent() ends it where what the decode engine got is good for one use", () => {
  const once = fixture(ONCE);
  once.custody.sent();
  assertEquals(endOf(once), [0, 1]);
  once.custody.abandon();
  assertEquals(endOf(once), [0, 1]);
});

for (const [name, reclaim] of [["read again", AGAIN], ["never reclaimed", "none"]] as const) {
  Deno.test(`Custody.sent() changes nothing for KV that is ${name}`, () => {
    const one = fixture(reclaim);
    one.custody.sent();
    assertEquals(endOf(one), [0, 0]);
    one.custody.abandon();
    assertEquals(endOf(one), [1, 0]);
  });
}

type Step = "release" | "abandon" | "sent" | "dispose" | "move and abandon" | "move and release";

function take(custody: Custody, step: Step): void {
  switch (step) {
    case "dispose":
      return custody[Symbol.dispose]();
    case "move and abandon":
      return custody.move().abandon();
    case "move and release":
      return custody.move().release();
    case "release":
    case "abandon":
    case "sent":
      return custody[step]();
    default:
      return step satisfies never;
  }
}

const STEPS: readonly Step[] = [
  "release",
  "abandon",
  "sent",
  "dispose",
  "move and abandon",
  "move and release",
];

/** The steps that end custody by what becomes of the transfer: adopted, and disposed, so often. */
const ENDS: Readonly<Record<Exclude<Step, "sent">, readonly [number, number]>> = {
  "release": [0, 1],
  "abandon": [1, 0],
  "dispose": [1, 0],
  "move and abandon": [1, 0],
  "move and release": [0, 1],
};

for (const first of STEPS) {
  for (const once of [false, true]) {
    if (first === "sent" && !once) continue;
    Deno.test(`Custody: nothing changes what ${first} has ended${once ? ", single use" : ""}`, () => {
      for (const second of STEPS) {
        for (const third of STEPS) {
          const one = fixture(once ? ONCE : AGAIN);
          for (const step of [first, second, third]) take(one.custody, step);
          const end = first === "sent" ? ENDS.release : ENDS[first];
          assertEquals(endOf(one), end, `${second}, ${third}`);
        }
      }
    });
  }
}

Deno.test("Custody.move() gives the transfer to another holder, and this one holds nothing", async () => {
  const one = fixture();
  {
    using _held = one.custody;
    const moved = one.custody.move();
    assertEquals([one.custody.awaitsNews, moved.awaitsNews], [false, true]);
    one.custody.release();
    one.custody.sent();
    assertEquals(await one.custody.wait(1, AbortSignal.abort()), "ready");
    assertEquals(endOf(one), [0, 0]);
    moved.move().abandon();
    moved.abandon();
  }
  assertEquals(endOf(one), [1, 0]);
});

Deno.test("Custody.wait() waits for the landing, so long and under that signal", async () => {
  for (const end of ["ready", "timed-out", "aborted"] as const satisfies readonly WaitEnd[]) {
    const { custody, landed } = fixture();
    const { signal } = new AbortController();
    const waiting = custody.wait(250, signal);
    await settle();
    assertEquals(landed.waits.map(({ timeoutMs }) => timeoutMs), [250]);
    assert(landed.waits[0]?.signal === signal);
    landed.end(end);
    assertEquals(await waiting, end);
  }
});

Deno.test("Custody.wait() ends when the transfer is released meanwhile", async () => {
  const { custody } = fixture();
  const waiting = custody.wait(250, new AbortController().signal);
  custody.release();
  assertEquals(await waiting, "aborted");
});

Deno.test("Custody.awaitsNews holds as long as a landing is held that brings some", async () => {
  const { custody, held } = fixture();
  assertEquals(custody.awaitsNews, true);
  custody.release();
  assertEquals(custody.awaitsNews, false);
  const adopted: AbandonedTransfer[] = [];
  const reclaimer = { adopt: (one: AbandonedTransfer) => adopted.push(one) };
  const silent = new Custody(reclaimer, {
    ...held,
    transfer: { landed: NOTHING_AWAITED, reclaim: ONCE },
  });
  assertEquals(silent.awaitsNews, false);
  assertEquals(await silent.wait(250, new AbortController().signal), "ready");
  const empty = new Custody(reclaimer, undefined);
  assertEquals(empty.awaitsNews, false);
  assertEquals(await empty.wait(250, new AbortController().signal), "ready");
  for (const step of STEPS) take(empty, step);
  assertEquals(adopted, []);
});

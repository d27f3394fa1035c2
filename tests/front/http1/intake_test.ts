import { decodeUtf8 } from "../../../lib/base/mod.ts";
import {
  Intake,
  type IntakeEnd,
  type ReadTarget,
  WINDOW_BYTES,
} from "../../../lib/front/http1/intake.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { MemoryClient, rest } from "./support/memory.ts";

class Owner {
  readonly sizes: number[] = [];
  readonly ends: IntakeEnd[] = [];

  onArrived(size: number): void {
    this.sizes.push(size);
  }

  onEnded(end: IntakeEnd): void {
    this.ends.push(end);
  }
}

function setUp(): { client: MemoryClient; owner: Owner; intake: Intake } {
  const client = new MemoryClient();
  const owner = new Owner();
  return { client, owner, intake: new Intake(client, owner) };
}

/** What the window holds. */
function held({ window }: Intake): string {
  return decodeUtf8(window.bytes.subarray(window.start, window.end));
}

Deno.test("Intake.listen() reads once, and again when it is asked again", async () => {
  const { client, owner, intake } = setUp();
  client.send("one", "two");
  await rest();
  assertEquals(owner.sizes, []);
  intake.listen();
  intake.listen();
  await rest();
  assertEquals([owner.sizes, held(intake), client.reading], [[3], "one", false]);
  intake.listen();
  await rest();
  assertEquals([owner.sizes, held(intake)], [[3, 3], "onetwo"]);
});

Deno.test("Intake.listen() reads nothing where there is no room", async () => {
  const { client, owner, intake } = setUp();
  client.send("x".repeat(WINDOW_BYTES + 5));
  intake.listen();
  await rest();
  intake.listen();
  await rest();
  assertEquals([owner.sizes, client.reading], [[WINDOW_BYTES], false]);
  intake.window.start += 100;
  intake.listen();
  await rest();
  assertEquals([owner.sizes, intake.window.end], [[WINDOW_BYTES, 5], WINDOW_BYTES - 95]);
});

Deno.test("Intake.listen() moves what is left before it reads in small bits", async () => {
  const { client, intake } = setUp();
  client.send("x".repeat(WINDOW_BYTES - 10));
  intake.listen();
  await rest();
  intake.window.start = intake.window.end - 4;
  client.send("y".repeat(200));
  intake.listen();
  await rest();
  assertEquals([held(intake), intake.window.start], ["xxxx" + "y".repeat(200), 0]);
});

Deno.test("Intake tells once how it ended, and reads no more", async () => {
  for (const [end, last] of [["closed", null], ["lost", new Error("reset")]] as const) {
    const { client, owner, intake } = setUp();
    client.send("a", last);
    intake.listen();
    await rest();
    assertEquals([owner.ends, intake.end], [[], undefined]);
    intake.listen();
    await rest();
    intake.listen();
    assertEquals([owner.ends, intake.end, client.reading], [[end], end, false]);
    assertEquals(held(intake), "a");
  }
});

Deno.test("Intake.direct() sends what arrives elsewhere, from the next read on", async () => {
  const { client, owner, intake } = setUp();
  const bytes = new Uint8Array(4);
  let filled = 0;
  const target: ReadTarget = {
    space: () => bytes.subarray(filled),
    arrived: (size) => filled += size,
  };
  intake.listen();
  intake.direct(target);
  client.send("a");
  await rest();
  assertEquals([held(intake), filled], ["a", 0]);
  intake.listen();
  intake.direct(undefined);
  client.send("bcdef");
  await rest();
  assertEquals([held(intake), decodeUtf8(bytes)], ["a", "bcde"]);
  intake.listen();
  await rest();
  assertEquals([held(intake), owner.sizes], ["af", [1, 4, 1]]);
});

Deno.test("Intake.resize() keeps what is here, and waits for a pending read", async () => {
  const { client, intake } = setUp();
  client.send("x".repeat(WINDOW_BYTES));
  intake.listen();
  await rest();
  intake.resize(4 * WINDOW_BYTES);
  assertEquals(held(intake), "x".repeat(WINDOW_BYTES));
  client.send("y".repeat(100));
  intake.listen();
  await rest();
  intake.resize(WINDOW_BYTES);
  assertEquals(intake.window.bytes.length, 4 * WINDOW_BYTES);
  intake.window.start = WINDOW_BYTES;
  intake.listen();
  intake.resize(WINDOW_BYTES);
  client.send("z");
  await rest();
  intake.resize(WINDOW_BYTES);
  assertEquals([held(intake), intake.window.bytes.length], ["y".repeat(100) + "z", WINDOW_BYTES]);
});

Deno.test("Intake.idle() resolves when no read is pending", async () => {
  const { client, intake } = setUp();
  await intake.idle();
  intake.listen();
  let idle = false;
  const waiting = intake.idle().then(() => idle = true);
  await rest();
  assert(!idle);
  client.close();
  await waiting;
  assertEquals(intake.end, "lost");
});

import { decodeUtf8, RouterError } from "../../../lib/base/mod.ts";
import { BodyIntake } from "../../../lib/front/http1/body_intake.ts";
import { Copies } from "../../../lib/front/http1/copies.ts";
import { Intake } from "../../../lib/front/http1/intake.ts";
import type { FrontBody } from "../../../lib/front/contract/mod.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { MemoryClient, rest } from "./support/memory.ts";

function setUp(): { client: MemoryClient; intake: Intake; bodies: BodyIntake } {
  const client = new MemoryClient();
  const intake = new Intake(client, {
    onArrived() {
      bodies.sort();
      bodies.handOn();
      intake.listen();
    },
    onEnded() {},
  });
  const bodies = new BodyIntake(intake, new Copies(), {
    onBodyAwaited: () => intake.listen(),
    onBodyGot() {},
    onBodyTaken: () => intake.listen(),
    onBodyCut() {},
  });
  return { client, intake, bodies };
}

async function text(body: FrontBody): Promise<string> {
  let all = "";
  for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
    all += decodeUtf8(bytes);
  }
  return all;
}

/** What is left in the window. */
function held({ window }: Intake): string {
  return decodeUtf8(window.bytes.subarray(window.start, window.end));
}

Deno.test("BodyIntake.begin() takes a body that is here, and leaves what follows", async () => {
  const { client, intake, bodies } = setUp();
  client.send("bodyGET /");
  intake.listen();
  await rest();
  assertEquals(bodies.begin(0).length, 0);
  const body = bodies.begin(4);
  assertEquals([bodies.done, bodies.left, held(intake)], [true, 0, "GET /"]);
  intake.window.bytes.fill(0);
  assertEquals(await text(body), "body");
});

for (const length of [5, 20_000]) {
  Deno.test(`BodyIntake takes a body of ${length} bytes that comes, and what follows apart`, async () => {
    const { client, intake, bodies } = setUp();
    client.send("ab");
    intake.listen();
    await rest();
    const body = bodies.begin(length);
    assertEquals([bodies.done, bodies.left], [false, length]);
    const all = `ab${"c".repeat(length - 2)}`;
    const reading = text(body);
    // The read that was pending brings the first of it into the window.
    client.send(all.slice(2, 4), all.slice(4) + "GET /");
    for (let turn = 0; turn < 5; turn++) await rest();
    assertEquals([await reading, bodies.done, held(intake)], [all, true, "GET /"]);
  });
}

Deno.test("BodyIntake takes a chunked body, and what follows apart", async () => {
  const { client, intake, bodies } = setUp();
  client.send("3\r\nabc\r\n0\r\n");
  intake.listen();
  await rest();
  const body = bodies.begin(undefined);
  assertEquals([bodies.done, bodies.left], [false, undefined]);
  const reading = text(body);
  client.send("\r\nGET /");
  await rest();
  assertEquals([await reading, bodies.done, held(intake)], ["abc", true, "GET /"]);
});

Deno.test("BodyIntake.pass() and leave() give up what nobody reads", async () => {
  const { client, intake, bodies } = setUp();
  const body = bodies.begin(1000);
  bodies.close(new RouterError("client-gone", "answered"));
  assertEquals([bodies.failed, bodies.malformed], [true, false]);
  await assertRejects(() => body.read(), RouterError, "answered");
  intake.listen();
  client.send("x".repeat(600));
  await rest();
  assertEquals([bodies.pass(), bodies.left], [600, 400]);
  bodies.leave();
  assertEquals([bodies.done, bodies.left, bodies.pass()], [true, 0, 0]);
  // The read that was pending was for the body; the next is not.
  client.send("y".repeat(10));
  await rest();
  client.send("GET /");
  await rest();
  assertEquals(held(intake), "GET /");
});

Deno.test("BodyIntake says that a body is malformed", async () => {
  const { client, intake, bodies } = setUp();
  client.send("x\r\n");
  intake.listen();
  await rest();
  const body = bodies.begin(undefined);
  await assertRejects(() => body.read(), RouterError, "malformed chunk size");
  assertEquals([bodies.malformed, bodies.failed, bodies.done], [true, true, false]);
});

import { envelopeIn } from "../../lib/cluster/envelope.ts";
import { AGAIN_MS, HELD_MS, MAX_HELD, NoticePost } from "../../lib/cluster/notice_post.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

const FROM = "abcdefgh";
const FRAME = Uint8Array.of(7);

/** A link whose answers the test gives. */
function scripted(answers: () => Promise<number>): {
  readonly numbers: number[];
  readonly publish: (channel: string, message: Uint8Array) => Promise<number>;
} {
  const numbers: number[] = [];
  return {
    numbers,
    publish(_channel, message) {
      const envelope = envelopeIn(message);
      assert(envelope?.kind === "notice");
      numbers.push(envelope.number);
      return answers();
    },
  };
}

Deno.test("NoticePost counts what somebody has taken", async () => {
  using post = new NoticePost(new FakeClock(), 0);
  const link = scripted(() => Promise.resolve(1));
  post.use(link);
  post.send("c", FROM, FRAME);
  post.send("c", FROM, FRAME);
  assertEquals(post.held, 2);
  await settle();
  assertEquals([post.held, post.stats.handedOver, link.numbers], [0, 2, [1, 2]]);
});

Deno.test("NoticePost sends what nobody took again under its number, with growing pauses, and gives up", async () => {
  const clock = new FakeClock();
  using post = new NoticePost(clock, 41);
  const link = scripted(() => Promise.resolve(0));
  post.use(link);
  post.send("c", FROM, FRAME);
  await clock.advance(AGAIN_MS);
  assertEquals(link.numbers, [42, 42]);
  await clock.advance(HELD_MS);
  assertEquals(new Set(link.numbers), new Set([42]));
  assert(link.numbers.length <= 8, `${link.numbers.length} times`);
  assertEquals([post.held, post.stats, clock.pending], [
    0,
    { handedOver: 0, expired: 1, overflowed: 0 },
    0,
  ]);
});

Deno.test("NoticePost sends what a lost link may have taken again by the next", async () => {
  const clock = new FakeClock();
  using post = new NoticePost(clock, 0);
  post.use(scripted(() => Promise.reject(new Error("lost"))));
  post.send("c", FROM, FRAME);
  await settle();
  post.use(undefined);
  post.send("c", FROM, FRAME);
  await clock.advance(1_000);
  const next = scripted(() => Promise.resolve(1));
  post.use(next);
  await settle();
  assertEquals([next.numbers, post.held, post.stats.handedOver], [[1, 2], 0, 2]);
});

Deno.test("NoticePost holds no more than it may, and counts the rest", () => {
  const clock = new FakeClock();
  using post = new NoticePost(clock, 0);
  for (let count = 0; count < MAX_HELD + 3; count++) post.send("c", FROM, FRAME);
  assertEquals([post.held, post.stats.overflowed], [MAX_HELD, 3]);
});

Deno.test("NoticePost begins at 0 again behind the largest number", async () => {
  using post = new NoticePost(new FakeClock(), 2 ** 32 - 2);
  const link = scripted(() => Promise.resolve(1));
  post.use(link);
  for (let count = 0; count < 3; count++) post.send("c", FROM, FRAME);
  await settle();
  assertEquals(link.numbers, [2 ** 32 - 1, 0, 1]);
});

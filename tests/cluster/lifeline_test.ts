import { DEAF_MS, ECHO_MS, Lifeline } from "../../lib/cluster/lifeline.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

function started(clock: FakeClock): { line: Lifeline; sent: number[]; deaf: () => number } {
  const sent: number[] = [];
  let deaf = 0;
  const line = new Lifeline({
    clock,
    send: (number) => void sent.push(number),
    onDeaf: () => void deaf++,
  });
  return { line, sent, deaf: () => deaf };
}

Deno.test("Lifeline is deaf when nothing has come back for long enough, and not before", async () => {
  const clock = new FakeClock();
  const { line, deaf } = started(clock);
  await clock.advance(DEAF_MS);
  assertEquals(deaf(), 0);
  await clock.advance(ECHO_MS);
  assertEquals(deaf(), 1);
  line[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("Lifeline tells how long the last echo took, also where those before it were lost", async () => {
  const clock = new FakeClock();
  const { line, sent, deaf } = started(clock);
  await clock.advance(ECHO_MS);
  await clock.advance(40);
  line.heard(sent[1] ?? 0);
  assertEquals(line.echoMs, 40);
  // Not of this connection, or come before.
  for (const number of [sent[0] ?? 0, 99]) line.heard(number);
  assertEquals(line.echoMs, 40);
  await clock.advance(DEAF_MS);
  assertEquals(deaf(), 0);
  line[Symbol.dispose]();
});

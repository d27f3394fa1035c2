import { Hangups } from "../../lib/cli/hangups.ts";
import { assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";

function counting(): {
  readonly app: Parameters<Hangups["serves"]>[0];
  readonly count: () => number;
} {
  let count = 0;
  const reload = (): Promise<never> => {
    count++;
    return Promise.reject(new Error("no way"));
  };
  return { app: { reload }, count: () => count };
}

Deno.test("Hangups has the router read again at each, and at its start for those before", async () => {
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const hangups = new Hangups({ warning: note, error: note });
  hangups.note();
  hangups.note();
  const { app, count } = counting();
  hangups.serves(app);
  assertEquals(count(), 1);
  hangups.note();
  await settle();
  assertEquals(count(), 2);
  assertEquals(lines.filter((line) => line.startsWith("SIGHUP:")).length, 3);
  assertEquals(lines.filter((line) => line.startsWith("Cannot read")).length, 2);
});

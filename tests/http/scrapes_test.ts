import { decodeUtf8 } from "../../lib/base/mod.ts";
import { Scrapes } from "../../lib/http/scrapes.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { TurnClock } from "../support/turn_clock.ts";

/** Texts that number themselves; each is under way until the test ends it. */
class Texts {
  readonly clock = new TurnClock();
  begun = 0;
  refreshed = 0;
  #ends: PromiseWithResolvers<void>[] = [];
  readonly scrapes = new Scrapes({
    clock: this.clock,
    metrics: {
      text: async () => {
        const number = ++this.begun;
        const end = Promise.withResolvers<void>();
        this.#ends.push(end);
        await end.promise;
        return `text ${number}`;
      },
    },
    refreshGauges: () => this.refreshed++,
  });

  async end(error?: Error): Promise<void> {
    const end = this.#ends.shift();
    if (error === undefined) end?.resolve();
    else end?.reject(error);
    await this.clock.rest();
  }
}

async function textOf(text: Promise<Uint8Array>): Promise<string> {
  return decodeUtf8(await text);
}

Deno.test("Scrapes makes one text at a time, and one for all who asked before it was begun", async () => {
  const texts = new Texts();
  const first = texts.scrapes.text();
  const later = Array.from({ length: 500 }, () => texts.scrapes.text());
  await texts.clock.rest();
  assertEquals([texts.begun, texts.refreshed], [1, 1]);
  await texts.end();
  assertEquals([await textOf(first), texts.begun], ["text 1", 1]);
  await texts.clock.turn();
  assertEquals([texts.begun, texts.refreshed], [2, 2], "in the next turn");
  await texts.end();
  assertEquals(new Set(await Promise.all(later.map(textOf))), new Set(["text 2"]));
});

Deno.test("Scrapes gives nobody a text that was begun before he asked", async () => {
  const texts = new Texts();
  const first = texts.scrapes.text();
  const second = texts.scrapes.text();
  await texts.end();
  await texts.clock.turn();
  const third = texts.scrapes.text();
  await texts.end();
  await texts.clock.turn();
  await texts.end();
  assertEquals(await Promise.all([first, second, third].map(textOf)), [
    "text 1",
    "text 2",
    "text 3",
  ]);
});

Deno.test("Scrapes rests behind a text that was asked for alone, and then begins at once", async () => {
  const texts = new Texts();
  for (let number = 1; number < 4; number++) {
    const text = texts.scrapes.text();
    assertEquals(texts.begun, number);
    await texts.end();
    assertEquals(await textOf(text), `text ${number}`);
    assertEquals(texts.clock.pending, 1);
    await texts.clock.turn();
    assertEquals(texts.clock.pending, 0);
  }
});

Deno.test("Scrapes, disposed, leaves no timer and whoever waits goes on", async () => {
  const texts = new Texts();
  const first = texts.scrapes.text();
  const second = texts.scrapes.text();
  await texts.end();
  assertEquals([await textOf(first), texts.clock.pending], ["text 1", 1]);
  texts.scrapes[Symbol.dispose]();
  await texts.clock.rest();
  await texts.end();
  assertEquals([await textOf(second), texts.clock.pending], ["text 2", 0]);
});

Deno.test("Scrapes makes the next text behind one that failed", async () => {
  const texts = new Texts();
  const first = texts.scrapes.text();
  const second = texts.scrapes.text();
  const failed = assertRejects(() => first, Error, "no figures");
  await texts.end(new Error("no figures"));
  await failed;
  await texts.clock.turn();
  await texts.end();
  assertEquals(await textOf(second), "text 2");
});

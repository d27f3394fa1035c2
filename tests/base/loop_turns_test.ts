import { openTurnPair, SocketTurns, systemClock, type TurnPair } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";

/** A pair without sockets: what is written is kept until it is let through. */
class FakePair implements TurnPair {
  written = 0;
  closed = 0;
  #ready: ((size: number | null) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;
  refuses = false;

  readonly reader = {
    read: () =>
      new Promise<number | null>((resolve, reject) => {
        this.#ready = resolve;
        this.#fail = reject;
      }),
    close: () => this.#close(),
  };

  readonly writer = {
    write: (bytes: Uint8Array): Promise<number> => {
      if (this.refuses) return Promise.reject(new Error("broken pipe"));
      this.written += bytes.length;
      return Promise.resolve(bytes.length);
    },
    close: () => this.#close(),
  };

  /** Let the byte through; null ends the connection. */
  turn(size: number | null = 1): void {
    this.#ready?.(size);
  }

  #close(): void {
    this.closed++;
    this.#fail?.(new Error("closed"));
  }
}

/** Turns on a fake pair that is open. */
async function opened(): Promise<{ turns: SocketTurns; pair: FakePair }> {
  const pair = new FakePair();
  const turns = new SocketTurns(() => Promise.resolve(pair));
  assertEquals(turns.next(() => {}), undefined);
  await eventually(() => {
    const timer = turns.next(() => {});
    timer?.cancel();
    return timer !== undefined;
  }, () => "the pair is open");
  pair.turn();
  await Promise.resolve();
  await Promise.resolve();
  pair.written = 0;
  return { turns, pair };
}

/** As many microtasks as a turn takes to be told. */
async function told(): Promise<void> {
  for (let step = 0; step < 5; step++) await Promise.resolve();
}

Deno.test("all who wait for a turn are called behind one byte, in their order", async () => {
  const { turns, pair } = await opened();
  using _turns = turns;
  const calls: string[] = [];
  turns.next(() => calls.push("first"));
  turns.next(() => calls.push("second"));
  await told();
  assertEquals([calls.length, pair.written], [0, 1]);
  pair.turn();
  await told();
  assertEquals(calls, ["first", "second"]);
});

Deno.test("who asks within a turn waits for the next one", async () => {
  const { turns, pair } = await opened();
  using _turns = turns;
  const calls: string[] = [];
  turns.next(() => {
    calls.push("first");
    turns.next(() => calls.push("second"));
  });
  pair.turn();
  await told();
  assertEquals([calls.join(), pair.written], ["first", 2]);
  pair.turn();
  await told();
  assertEquals(calls, ["first", "second"]);
});

Deno.test("who has cancelled is not called, others are", async () => {
  const { turns, pair } = await opened();
  using _turns = turns;
  const calls: string[] = [];
  const first = turns.next(() => calls.push("first"));
  turns.next(() => calls.push("second"));
  first?.cancel();
  first?.cancel();
  pair.turn();
  await told();
  assertEquals(calls, ["second"]);
});

for (
  const [how, lose] of [
    ["ends", (pair: FakePair) => pair.turn(null)],
    ["fails to be read", (pair: FakePair) => pair.reader.close()],
  ] as const
) {
  Deno.test(`a connection that ${how} leaves turns to timers, who waits first`, async () => {
    const { turns, pair } = await opened();
    using _turns = turns;
    let called = 0;
    turns.next(() => called++);
    lose(pair);
    await eventually(() => called === 1, () => "the one who waits to be called");
    assertEquals(turns.next(() => {}), undefined);
    assert(pair.closed >= 2);
  });
}

Deno.test("a byte that cannot be written leaves turns to timers", async () => {
  const { turns, pair } = await opened();
  using _turns = turns;
  pair.refuses = true;
  let called = 0;
  turns.next(() => called++);
  await eventually(() => called === 1, () => "the one who waits to be called");
  assertEquals(turns.next(() => {}), undefined);
});

Deno.test("one who throws is reported, and the others are called", async () => {
  const { turns, pair } = await opened();
  using _turns = turns;
  const reported: unknown[] = [];
  const note = (event: ErrorEvent): void => {
    event.preventDefault();
    reported.push(event.error.message);
  };
  globalThis.addEventListener("error", note);
  try {
    let called = 0;
    turns.next(() => {
      throw new Error("a fault");
    });
    turns.next(() => called++);
    pair.turn();
    await told();
    assertEquals([called, reported.join()], [1, "a fault"]);
    turns.next(() => called++);
    pair.turn();
    await told();
    assertEquals(called, 2);
  } finally {
    globalThis.removeEventListener("error", note);
  }
});

Deno.test("where no connection is to be had, timers do, and it is tried once", async () => {
  let tries = 0;
  using turns = new SocketTurns(() => {
    tries++;
    return Promise.reject(new Error("not permitted"));
  });
  for (let time = 0; time < 3; time++) {
    assertEquals(turns.next(() => {}), undefined);
    await told();
  }
  assertEquals(tries, 1);
});

Deno.test("what is opened after the end is closed at once", async () => {
  const pair = new FakePair();
  const { promise, resolve } = Promise.withResolvers<TurnPair>();
  const turns = new SocketTurns(() => promise);
  turns.next(() => {});
  turns[Symbol.dispose]();
  resolve(pair);
  await told();
  assertEquals(pair.closed, 2);
  assertEquals(turns.next(() => {}), undefined);
});

Deno.test("a process's connection with itself carries bytes", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const { reader, writer } = await openTurnPair();
  await writer.write(new Uint8Array([7]));
  const bytes = new Uint8Array(2);
  assertEquals([await reader.read(bytes), bytes[0]], [1, 7]);
  writer.close();
  assertEquals(await reader.read(bytes), null);
  reader.close();
});

Deno.test("a socket that is ready has its turn between two of the loop's", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  using turns = new SocketTurns();
  const clock = systemClock(turns);
  const next = (): Promise<void> => new Promise((resolve) => void clock.after(0, resolve));
  await eventually(() => turns.next(() => {}) !== undefined, () => "the connection is open");
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using accepted = await listener.accept();
  using client = await connecting;
  let read = 0;
  const reading = (async () => {
    const bytes = new Uint8Array(16);
    while ((await accepted.read(bytes)) !== null) read++;
  })();
  // Each byte is seen within a few turns, though the loop is never idle.
  for (let sent = 1; sent <= 50; sent++) {
    await client.write(new Uint8Array(1));
    for (let turn = 0; turn < 10 && read < sent; turn++) await next();
    assertEquals(read, sent);
  }
  client.closeWrite();
  await reading;
});

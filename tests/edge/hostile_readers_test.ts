/** Clients that read nothing of what they asked for, or leave in the middle of it. */
import { assert, assertEquals } from "../support/assert.ts";
import { underAttack } from "../support/bystander.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { rawConnection } from "../support/raw_request.ts";
import type { TestRouter } from "../support/router.ts";
import { event } from "../support/scripted_pair.ts";

const MIB = 1024 * 1024;

/** A decode engine that says events for as long as somebody takes them, and counts their bytes. */
class EndlessEngine {
  readonly requests: { bytes: number }[] = [];
  readonly #event = new TextEncoder().encode(event("x".repeat(32 * 1024)));

  readonly answer = (): Response => {
    const request = { bytes: 0 };
    this.requests.push(request);
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        request.bytes += this.#event.length;
        controller.enqueue(this.#event);
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };

  get bytes(): number {
    return this.requests.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Resolves once nobody takes any more: as much was said as a moment ago. */
  async blocked(step: () => Promise<void>): Promise<void> {
    let before = -1;
    await eventually(async () => {
      const same = before === this.bytes;
      before = this.bytes;
      for (let count = 0; count < 20; count++) await step();
      return same;
    });
  }
}

/** The bystander's is the only request left, and the only connection to an engine in use. */
async function ended({ app }: TestRouter): Promise<void> {
  const left = (): string => JSON.stringify([app.stats().inflight, app.stats().connections]);
  await eventually(() => left() === "[1,1]", left);
}

const BODY = JSON.stringify({ model: "m", prompt: "hi", max_tokens: 4_000, stream: true });
const REQUEST = `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
  `content-length: ${BODY.length}\r\n\r\n${BODY}`;

/** What the system keeps of one stream on its way: buffers of two connections on loopback. */
const IN_FLIGHT = 24 * MIB;

Deno.test("readers that stop are waited for a minute, and their decodes end", async () => {
  const clock = new FakeClock();
  const engine = new EndlessEngine();
  const router = { clock, timeouts: { streamIdleMs: 1_000_000, wholeAnswerMs: 1_000_000 } };
  await underAttack({ router, decode: engine.answer }, async ({ port, router, step }) => {
    using stack = new DisposableStack();
    const readers = 6;
    for (let count = 0; count < readers; count++) {
      await stack.use(await rawConnection(port)).send(REQUEST);
    }
    await eventually(() => engine.requests.length === readers);
    await engine.blocked(step);
    assert(engine.bytes < readers * IN_FLIGHT, `${engine.bytes} bytes were taken of the engine`);
    assertEquals(router.app.stats().inflight, 1 + readers);
    for (let seconds = 0; seconds < 65; seconds += 5) {
      await clock.advance(5_000);
      await step();
    }
    await ended(router);
  });
});

Deno.test("a reader that takes a little at a time is no reader that stops", async () => {
  const clock = new FakeClock();
  const engine = new EndlessEngine();
  const router = { clock, timeouts: { streamIdleMs: 1_000_000, wholeAnswerMs: 1_000_000 } };
  await underAttack({ router, decode: engine.answer }, async ({ port, router, step }) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    try {
      await connection.write(new TextEncoder().encode(REQUEST));
      await eventually(() => engine.requests.length === 1);
      await engine.blocked(step);
      const buffer = new Uint8Array(2 * MIB);
      // Three minutes, in each half of which much more is taken than the buffers hold.
      for (let half = 0; half < 6; half++) {
        const before = engine.bytes;
        for (let taken = 0; engine.bytes === before || taken < 16 * MIB;) {
          const count = await connection.read(buffer);
          assert(count !== null, "the answer goes on");
          taken += count;
        }
        await clock.advance(29_000);
        await step();
        assertEquals(router.app.stats().inflight, 2);
      }
    } finally {
      connection.close();
    }
    await ended(router);
  });
});

for (const seed of [1, 2]) {
  Deno.test(`clients that leave in mid-stream end what they asked for, seed ${seed}`, async () => {
    const engine = new EndlessEngine();
    await underAttack({ seed, decode: engine.answer }, async ({ port, random, router, step }) => {
      for (let round = 0; round < 25; round++) {
        using client = await rawConnection(port);
        await client.send(REQUEST);
        if (random.next() < 0.7) await client.until(random.next() < 0.5 ? "HTTP/1.1 200" : "xxx");
        if (round % 5 === 0) await step();
      }
      await ended(router);
    });
  });
}

Deno.test("a flood of pipelined requests whose answers nobody reads stops being worked on", async () => {
  await underAttack({}, async ({ port, router, step, asked }) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const get = new TextEncoder().encode(
      `GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(200),
    );
    // Taken as long as answers find room in the system's buffers, and no longer.
    let written = 0;
    let over = false;
    const writing = (async (): Promise<void> => {
      for (;;) written += await connection.write(get);
    })().catch((error) => assert(over, String(error)));
    let before = -1;
    await eventually(async () => {
      const same = before === written;
      before = written;
      for (let count = 0; count < 30; count++) await step();
      return same;
    });
    assert(written < 64 * MIB, `${written}`);
    assertEquals([asked(), router.app.stats().buffered], [0, router.app.stats().buffered]);
    over = true;
    connection.close();
    await writing;
  });
});

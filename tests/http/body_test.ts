import { readBody } from "../../lib/http/body.ts";
import { RouterError } from "../../lib/base/mod.ts";
import { startDenoFront } from "../../lib/front/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const LIMITS = {
  headMs: 15_000,
  bodyIdleMs: 30_000,
  writeIdleMs: 60_000,
  keepAliveMs: 75_000,
  maxConnections: 100,
  maxPerAddress: 100,
};
const LIMIT = 1024 * 1024;
/** Either side of what is read in one go by the platform. */
const SIZES = [0, 1, 64 * 1024, 64 * 1024 + 1, 700_000];

function patternOf(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, index) => index * 31 % 251);
}

/** What `readBody` makes of the request that `send` sends; rejects as it does. */
async function bodySeen(send: (port: number) => Promise<void>): Promise<Uint8Array> {
  const seen = Promise.withResolvers<Uint8Array>();
  seen.promise.catch(() => {});
  const answer = { status: 200, headers: [], body: new Uint8Array(0) };
  const front = startDenoFront(
    { hostname: "127.0.0.1", port: 0, limits: LIMITS, onFault: () => answer },
    async (request) => {
      await readBody(request.body, LIMIT).then(seen.resolve, seen.reject);
      return answer;
    },
    { clock: new FakeClock() },
  );
  try {
    await send(front.addr.port);
    return await seen.promise;
  } finally {
    await front.shutdown();
  }
}

async function post(port: number, body: BodyInit): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
  await response.body?.cancel();
}

Deno.test("readBody() gives a body of announced length whole, whatever its size", async () => {
  for (const size of SIZES) {
    const body = patternOf(size);
    assertEquals(await bodySeen((port) => post(port, body)), body, `${size} bytes`);
  }
});

Deno.test("readBody() gives a body of unannounced length whole", async () => {
  for (const size of SIZES) {
    const body = patternOf(size);
    const stream = (): ReadableStream => ReadableStream.from(size === 0 ? [] : [body]);
    assertEquals(await bodySeen((port) => post(port, stream())), body, `${size} bytes`);
  }
});

Deno.test("readBody() refuses what is larger than the limit, announced or not", async () => {
  for (const body of [patternOf(LIMIT + 1), ReadableStream.from([patternOf(LIMIT + 1)])]) {
    const error = await assertRejects(() => bodySeen((port) => post(port, body)), RouterError);
    assertEquals(error.code, "body-too-large");
  }
});

Deno.test("readBody() rejects with client-gone when the client cuts the body", async () => {
  for (const announced of [100, 700_000]) {
    const cut = async (port: number): Promise<void> => {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${announced}\r\n\r\nhalf`;
      await connection.write(new TextEncoder().encode(head));
    };
    const error = await assertRejects(() => bodySeen(cut), RouterError);
    assertEquals(error.code, "client-gone", `${announced} bytes announced`);
  }
});

/** Bodies that are announced and not sent, never end, or cost far more than their bytes. */
import { gzipSync } from "node:zlib";
import { concatBytes, encodeUtf8, STEP_BYTES } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { type Arena, SHORT_ANSWER, underAttack } from "../support/bystander.ts";
import { eventually } from "../support/eventually.ts";
import { type RawConnection, rawConnection, statusOf } from "../support/raw_request.ts";
import { sse } from "../support/scripted_pair.ts";

const MIB = 1024 * 1024;

/** What the router under attack accepts of one body, and holds of all. */
const MOST_BYTES = 4 * MIB;
const MOST_HELD = 8 * MIB;
const ROUTER = { maxRequestBytes: MOST_BYTES, buffers: { maxBytes: MOST_HELD } } as const;

function head(length: number | "chunked", more = ""): string {
  const framing = length === "chunked" ? "transfer-encoding: chunked" : `content-length: ${length}`;
  return `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${more}` +
    `${framing}\r\n\r\n`;
}

async function clients(
  stack: DisposableStack,
  port: number,
  count: number,
): Promise<readonly RawConnection[]> {
  const made: RawConnection[] = [];
  for (let index = 0; index < count; index++) made.push(stack.use(await rawConnection(port)));
  return made;
}

Deno.test("bodies announced and not sent hold what has come of them", async () => {
  await underAttack({ router: ROUTER }, async ({ port, router, step, asked, mostHeld }) => {
    const before = router.app.stats().buffered;
    using stack = new DisposableStack();
    for (const client of await clients(stack, port, 100)) {
      await client.send(`${head(MOST_BYTES)}{`);
    }
    await step();
    await eventually(() => router.app.stats().buffered >= before + 100);
    assert(mostHeld() <= before + 100, `${mostHeld()} bytes are held of ${before} and 100`);
    assertEquals(asked(), 0);
  });
});

Deno.test("half bodies beyond the bytes that may be held are refused, and the rest goes on", async () => {
  await underAttack({ router: ROUTER }, async ({ port, router, step, asked, mostHeld }) => {
    using stack = new DisposableStack();
    const half = "x".repeat(MOST_BYTES / 2);
    const all = await clients(stack, port, 6);
    // Sent one after another: each that there is room for is held before the next one comes.
    const answers: string[] = [];
    for (const client of all) {
      await client.send(head(MOST_BYTES) + half);
      const { buffered } = router.app.stats();
      if (buffered < MOST_HELD - half.length) {
        await eventually(() => router.app.stats().buffered >= buffered + half.length / 2);
      }
      await step();
    }
    await eventually(() => router.app.stats().buffered > MOST_HELD - 2 * half.length);
    assert(mostHeld() <= MOST_HELD, `${mostHeld()}`);
    for (const client of all.slice(-2)) answers.push(await client.until("\r\n\r\n"));
    for (const answer of answers) {
      assertEquals(statusOf(answer), 503);
      assertStringIncludes(answer.toLowerCase(), "\r\nretry-after: ");
    }
    assertEquals(asked(), 0);
  });
});

Deno.test("endless small chunks end at the limit of a body, which is all that is held", async () => {
  const limit = 4 * 1024;
  const router = { ...ROUTER, maxRequestBytes: limit };
  await underAttack({ router }, async ({ port, router, step, asked, mostHeld }) => {
    const before = router.app.stats().buffered;
    using client = await rawConnection(port);
    await client.send(head("chunked"));
    const chunk = "7\r\n1234567\r\n".repeat(1_000);
    const answered = client.until("\r\n\r\n");
    const sending = (async (): Promise<void> => {
      // Far more than is accepted: the router answers before.
      for (let sent = 0; sent < 100 * limit; sent += 7_000) await client.send(chunk);
    })().catch((error) => assert(isGone(error), String(error)));
    for (let count = 0; count < 3; count++) await step();
    assertEquals(statusOf(await answered), 413);
    client[Symbol.dispose]();
    await sending;
    assert(mostHeld() <= before + limit, `${mostHeld()}`);
    assertEquals(asked(), 0);
  });
});

for (const seed of [1, 2, 3]) {
  Deno.test(`clients that leave within their bodies leave nothing behind, seed ${seed}`, async () => {
    await underAttack({ router: ROUTER, seed }, async ({ port, random, step, asked, mostHeld }) => {
      const prompt = "y".repeat(200_000);
      const body = JSON.stringify({ model: "m", prompt });
      let sent = 0;
      for (let round = 0; round < 40; round++) {
        using client = await rawConnection(port);
        const chunked = random.next() < 0.5;
        const cut = Math.floor(random.next() * (body.length - 1));
        const piece = body.slice(0, cut);
        sent += cut;
        await client.send(
          chunked
            ? `${head("chunked")}${cut === 0 ? "" : `${cut.toString(16)}\r\n${piece}\r\n`}`
            : head(body.length) + piece,
        );
        if (round % 10 === 0) await step();
      }
      assertEquals(asked(), 0);
      assert(mostHeld() <= sent + 1_000, `${mostHeld()} of ${sent}`);
    });
  });
}

/** A body that costs more than its size says. */
interface Costly {
  readonly name: string;
  readonly body: string;
  /** The status, and what the message says. */
  readonly refused?: readonly [number, string];
}

const SIZE = 2 * MIB;

function filled(before: string, piece: (index: number) => string, after: string): string {
  const parts = [before];
  let length = before.length + after.length;
  for (let index = 0; length < SIZE; index++) {
    const part = `${index === 0 ? "" : ","}${piece(index)}`;
    parts.push(part);
    length += part.length;
  }
  return [...parts, after].join("");
}

const COSTLY: readonly Costly[] = [
  {
    name: "tiny members",
    body: filled(`{"model":"m","prompt":"hi",`, (index) => `"${index}":0`, "}"),
    refused: [400, "fields"],
  },
  {
    name: "the same member again and again",
    body: filled(`{"model":"m","prompt":"hi",`, () => `"a":0`, "}"),
    refused: [400, "fields"],
  },
  {
    name: "tiny members one level down",
    body: filled(`{"model":"m","prompt":"hi","user":{`, (index) => `"${index}":0`, "}}"),
  },
  {
    name: "deep nesting",
    body: `{"model":"m","prompt":"hi","user":${"[".repeat(SIZE / 2)}${"]".repeat(SIZE / 2)}}`,
    refused: [400, "Nested deeper"],
  },
  {
    name: "deep nesting that is not closed",
    body: `{"model":"m","prompt":"hi","user":${`{"a":[`.repeat(SIZE / 6)}`,
    refused: [400, "Nested deeper"],
  },
  {
    name: "a flat array",
    body: filled(`{"model":"m","prompt":"hi","user":[`, () => "0", "]}"),
  },
  {
    name: "a flat array of token ids as the prompt",
    body: filled(`{"model":"m","prompt":[`, () => "7", "]}"),
  },
  {
    name: "prompts",
    body: filled(`{"model":"m","prompt":[`, () => `"a"`, "]}"),
    refused: [400, "prompt"],
  },
  {
    name: "stop strings",
    body: filled(`{"model":"m","prompt":"hi","stop":[`, () => `"a"`, "]}"),
    refused: [400, "stop"],
  },
  {
    name: "escapes",
    body: `{"model":"m","prompt":"${"\\u0041".repeat(SIZE / 6)}"}`,
  },
  {
    name: "white space",
    body: `{"model":"m",${" ".repeat(SIZE)}"prompt":"hi"}`,
  },
  {
    name: "a string without an end",
    body: `{"model":"m","prompt":"${"a".repeat(SIZE)}`,
    refused: [400, "not a JSON object"],
  },
];

/** Tokens of the bystander while one body is worked on, at most. */
const STEPS = 100;

/** The answer to one request with `body`; the bystander goes on while it is worked on. */
async function askedWith(
  { port, step }: Arena,
  body: Uint8Array,
  fields = "",
): Promise<{ readonly status: number; readonly text: string }> {
  using client = await rawConnection(port);
  const sending = client.send(head(body.length, `connection: close\r\n${fields}`))
    .then(() => client.send(body)).catch((error) => assert(isGone(error), String(error)));
  let answered = false;
  const answering = client.rest().finally(() => answered = true);
  const steps = async (): Promise<void> => {
    for (let count = 0; count < STEPS && !answered; count++) await step();
  };
  const [answer] = await Promise.all([answering, steps()]);
  client[Symbol.dispose]();
  await sending;
  return { status: statusOf(answer), text: answer.slice(answer.indexOf("\r\n\r\n") + 4) };
}

for (const { name, body, refused } of COSTLY) {
  Deno.test(`a body of ${name} is worked on in steps`, async () => {
    await underAttack({ router: ROUTER }, async (arena) => {
      const { breather, asked, mostHeld } = arena;
      const bytes = encodeUtf8(body);
      const { status, text } = await askedWith(arena, bytes);
      if (refused === undefined) assertEquals(status, 200, text);
      else {
        assertEquals([status, asked()], [refused[0], 0], text);
        const { error } = JSON.parse(text);
        assertStringIncludes(error.message, refused[1]);
        assertEquals(error.code, refused[0]);
      }
      // What is refused early needs no more steps; all else one for so many bytes at least.
      const least = refused === undefined ? bytes.length / STEP_BYTES / 16 : 1;
      assert(breather.pauses >= least, `${breather.pauses} steps`);
      // The body, its UTF-8, and what engines are sent of it.
      assert(mostHeld() <= 3 * bytes.length, `${mostHeld()} of ${bytes.length}`);
    });
  });
}

Deno.test("a gzip bomb is decoded up to the limit, in steps, and refused", async () => {
  await underAttack({ router: ROUTER }, async (arena) => {
    const text = `{"model":"m","prompt":"${"a".repeat(16 * MIB)}"}`;
    const bomb = gzipSync(encodeUtf8(text));
    assert(bomb.length < MOST_BYTES / 100);
    const { status, text: answer } = await askedWith(arena, bomb, "content-encoding: gzip\r\n");
    assertEquals(status, 413, answer);
    assertStringIncludes(answer, "once decoded");
    assert(arena.mostHeld() <= MOST_BYTES + 1_000, `${arena.mostHeld()}`);
    assertEquals(arena.asked(), 0);
    assert(arena.breather.pauses > 0);
  });
});

Deno.test("many members of one gzip file are no way around the limit", async () => {
  await underAttack({ router: ROUTER }, async (arena) => {
    const member = gzipSync(new Uint8Array(1024).fill(0x20));
    const bomb = concatBytes(Array.from({ length: 8_000 }, () => member));
    const { status, text } = await askedWith(arena, bomb, "content-encoding: gzip\r\n");
    assert([400, 413].includes(status), `${status}: ${text}`);
    assert(arena.mostHeld() <= MOST_BYTES + 1_000, `${arena.mostHeld()}`);
    assertEquals(arena.asked(), 0);
  });
});

Deno.test("codings within codings are not taken", async () => {
  await underAttack({ router: ROUTER }, async (arena) => {
    const bomb = gzipSync(gzipSync(new Uint8Array(8 * MIB)));
    const { status } = await askedWith(arena, bomb, "content-encoding: gzip, gzip\r\n");
    assertEquals([status, arena.asked()], [415, 0]);
  });
});

Deno.test("several costly bodies at once take turns, within what may be held", async () => {
  const decode = (): Response => sse(SHORT_ANSWER);
  await underAttack({ router: ROUTER, decode }, async (arena) => {
    const bytes = encodeUtf8(COSTLY.find(({ name }) => name === "a flat array")?.body ?? "");
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => askedWith(arena, bytes)),
    );
    for (const { status, text } of answers) assert([200, 503].includes(status), text);
    assert(answers.some(({ status }) => status === 200), "some are answered");
    assert(arena.mostHeld() <= MOST_HELD, `${arena.mostHeld()}`);
  });
});

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}

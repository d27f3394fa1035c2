/** What holds of every sequence of requests, however it is cut and interleaved. */
import fc from "fast-check";
import { encodeUtf8 } from "../../../lib/base/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import { TurnClock } from "../../support/turn_clock.ts";
import { MemoryClient, rest } from "./support/memory.ts";
import { answerOf, readAll, received, startMemory, wire } from "./support/server.ts";
import { sourceOf } from "./support/sources.ts";

/** One request, and how its handler goes about it. */
interface Asked {
  readonly target: string;
  readonly body: string;
  /** Sizes of its chunks; undefined for a body of known length. */
  readonly chunks: readonly number[] | undefined;
  readonly reads: boolean;
  readonly streams: boolean;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

const NAME = fc.stringMatching(/^x-[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}$/);
const VALUE = fc.stringMatching(/^([!-~]([ -~\t]{0,20}[!-~])?)?$/);

const ASKED: fc.Arbitrary<Asked> = fc.record({
  target: fc.stringMatching(/^\/[!-"$-~]{0,30}$/),
  body: fc.oneof(
    { weight: 3, arbitrary: fc.string({ maxLength: 40, unit: "binary-ascii" }) },
    { weight: 1, arbitrary: fc.nat(20_000).map((length) => "0123456789".repeat(length / 10)) },
  ),
  chunks: fc.option(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), {
    nil: undefined,
  }),
  reads: fc.boolean(),
  streams: fc.boolean(),
  fields: fc.array(fc.tuple(NAME, VALUE), { maxLength: 5 }),
});

/** The bytes of one request. */
function bytesOf({ target, body, chunks, fields }: Asked): string {
  const lines = [`POST ${target} HTTP/1.1`, "host: a"];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  if (chunks === undefined) {
    return [...lines, `content-length: ${body.length}`, "", body].join("\r\n");
  }
  let coded = "";
  let turn = 0;
  for (let at = 0; at < body.length; turn++) {
    const piece = body.slice(at, at + (chunks[turn % chunks.length] ?? 1));
    coded += `${piece.length.toString(16)}\r\n${piece}\r\n`;
    at += piece.length;
  }
  return [...lines, "transfer-encoding: chunked", "", `${coded}0\r\n\r\n`].join("\r\n");
}

/** What a handler answers that has seen all of `asked`. */
function summary({ target, body, reads, fields }: Asked): string {
  const seen = fields.map(([name, value]) => [name.toLowerCase(), value]);
  return JSON.stringify([target, reads ? body : "", seen]);
}

function answerTo(asked: Asked): string {
  const text = summary(asked);
  if (!asked.streams) return wire(text);
  const size = encodeUtf8(text).length.toString(16);
  return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${size}\r\n${text}\r\n0\r\n\r\n`;
}

/** `bytes` in pieces of the sizes given, again and again. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let turn = 0;
  for (let at = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}

Deno.test("startHttp1() answers any sequence of requests alike, however it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(ASKED, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 }),
      fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 20 }),
      async (clients, sizes) => {
        const waiting = clients.map((all) => [...all]);
        const clock = new TurnClock();
        await using server = startMemory(async (request) => {
          const { port } = request.remote;
          const asked = waiting[port]?.shift();
          const body = asked?.reads ? await readAll(request) : "";
          const fields = [...request.headers].filter(([name]) => name.startsWith("x-"));
          const text = JSON.stringify([request.target, body, fields]);
          return asked?.streams
            ? { status: 200, headers: [], body: sourceOf(text) }
            : answerOf(text);
        }, { clock });
        const wires = clients.map((all) => cut(encodeUtf8(all.map(bytesOf).join("")), sizes));
        const connected: MemoryClient[] = [];
        for (const index of clients.keys()) {
          connected.push(await server.connect(new MemoryClient("10.0.0.1", index)));
        }
        const longest = Math.max(...wires.map(({ length }) => length));
        for (let turn = 0; turn < longest; turn++) {
          for (const [index, client] of connected.entries()) {
            const piece = wires[index]?.[turn];
            if (piece !== undefined) client.send(piece);
          }
          if (turn % 7 === 0) await rest();
        }
        // More than are begun in a turn may have come at once.
        while (connected.some(({ unread }) => unread > 0)) {
          await rest();
          await clock.turn();
        }
        for (let turn = 0; turn < 3; turn++) await clock.turn();
        for (const [index, all] of clients.entries()) {
          const client = connected[index];
          if (client !== undefined) assertEquals(received(client), all.map(answerTo).join(""));
        }
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("startHttp1() reads nothing into any bytes that is not there, however they are cut", async () => {
  const words = [
    "GET / HTTP/1.1\r\n",
    "POST /a HTTP/1.1\r\n",
    "host: a\r\n",
    "content-length: 3\r\n",
    "content-length: 5\r\n",
    "transfer-encoding: chunked\r\n",
    "expect: 100-continue\r\n",
    "connection: close\r\n",
    "\r\n",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "abc",
    " ",
    "\n",
    "\r",
    ":",
    "\0",
    "\xff",
  ];
  /** What a client that sends `pieces` gets, and what the handler sees. */
  const run = async (pieces: readonly Uint8Array[]): Promise<readonly unknown[]> => {
    const seen: unknown[] = [];
    await using server = startMemory(async (request) => {
      const body = await readAll(request).catch((error: unknown) => `${error}`);
      seen.push([request.method, request.target, [...request.headers], body]);
      return answerOf(body);
    });
    const client = await server.connect();
    for (const piece of pieces) {
      client.send(piece);
      await rest();
    }
    for (let turn = 0; turn < 5; turn++) await rest();
    // Whether word of it is sent depends on whether the body is there already.
    const answers = received(client).replaceAll("HTTP/1.1 100 Continue\r\n\r\n", "");
    return [seen, answers, client.writeClosed || client.closed];
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 25 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      async (parts, sizes) => {
        const bytes = Uint8Array.from(parts.join(""), (character) => character.charCodeAt(0));
        assertEquals(await run(cut(bytes, sizes)), await run([bytes]));
      },
    ),
    { numRuns: 400 },
  );
});

import { encodeUtf8, type Random, seededRandom } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { TurningClock } from "../support/turning_clock.ts";
import { ask, chunk, data, got, passing, ROUTES, startRoute, write } from "./support.ts";

const EVENTS = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
const JSON_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const EVENT = data(chunk(" a"));

function head(stream: boolean): string {
  return stream ? EVENTS : JSON_HEAD;
}

/** Bytes that are no response, or none that is whole. */
const BROKEN: readonly (readonly [name: string, bytes: (stream: boolean) => string])[] = [
  ["nothing", () => ""],
  ["no HTTP", () => "SSH-2.0-OpenSSH_9.6\r\n"],
  ["a head of zeros", () => "\0".repeat(4_000)],
  ["half a head", () => "HTTP/1.1 200 OK\r\ncontent-"],
  ["a status that is none", () => "HTTP/1.1 2x0 OK\r\n\r\n"],
  ["a head without end", () => `HTTP/1.1 200 OK\r\n${"x-a: b\r\n".repeat(20_000)}`],
  ["a protocol that was not asked for", () => "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
  ["interim responses for ever", () => "HTTP/1.1 100 Continue\r\n\r\n".repeat(500)],
  [
    "two lengths",
    (stream) => `${head(stream)}content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef`,
  ],
  [
    "a length and chunks",
    (stream) => `${head(stream)}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ["a length that is none", (stream) => `${head(stream)}content-length: -1\r\n\r\nx`],
  ["chunks that are none", (stream) => `${head(stream)}transfer-encoding: chunked\r\n\r\nzz\r\nx`],
  ["an unknown coding", (stream) => `${head(stream)}transfer-encoding: gzip\r\n\r\nx`],
  ["a cut body", (stream) => `${head(stream)}content-length: 500\r\n\r\n${stream ? EVENT : "{"}`],
  [
    "a cut chunk",
    (stream) => `${head(stream)}transfer-encoding: chunked\r\n\r\nff\r\n${stream ? EVENT : "{"}`,
  ],
];

for (const [what, bytes] of BROKEN) {
  for (const name of ROUTES) {
    Deno.test(`a broken engine is a clean error, and leaves nothing: ${what}, ${name}`, async () => {
      for (const stream of [false, true]) {
        const clock = new TurningClock();
        const raw = (conn: Deno.Conn): Promise<void> => write(conn, bytes(stream || name === "P1"));
        const changes = { raw, router: { clock } };
        await using route = await startRoute(name, () => new Response(), changes);
        const asking = ask(route, { stream }).then(got);
        const answer = await passing(clock, 2, asking).catch(() => undefined);
        // Of what has begun and is no stream of events, a client sees that it is cut.
        if (answer !== undefined) {
          assert([200, 502].includes(answer.status), String(answer.status));
          assertEquals([answer.error?.["code"], answer.done], [502, false], answer.text);
        }
        await passing(clock, 200, route.quiet());
      }
    });
  }
}

const TYPES = ["application/json", "text/event-stream", "text/html", "text/plain", "x/y+json", ""];
const STATUSES = [200, 200, 200, 200, 201, 204, 206, 302, 304, 400, 404, 429, 500, 503, 599];
const BODIES: readonly string[] = [
  "",
  "{}",
  "[]",
  "null",
  '{"error":{"message":"no","code":400}}',
  '{"error":{"message":"no","code":500}}',
  '{"error":null}',
  JSON.stringify(chunk(" b", { finish_reason: "stop" })),
  EVENT,
  `${EVENT}${data(chunk("", { finish_reason: "length" }))}${data("[DONE]")}`,
  `${data({ error: { message: "no", code: 422 } })}${data("[DONE]")}`,
  `${data({ error: "boom" })}`,
  ": ping\n\n",
  data("[DONE]"),
  data("{]"),
  data({ choices: [] }),
  "<html><body>no</body></html>",
  "\xff\xfe\0\0",
];

function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[Math.floor(random.next() * from.length)];
  if (found === undefined) throw new RangeError("Nothing to pick from");
  return found;
}

/** A response made up, cut, or garbled. */
function madeUp(random: Random): Uint8Array {
  const type = pick(random, TYPES);
  const body = Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => pick(random, BODIES))
    .join("");
  const bytes = encodeUtf8(body);
  const chunked = random.next() < 0.5;
  const framed = chunked
    ? `transfer-encoding: chunked\r\n\r\n${bytes.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    : `content-length: ${bytes.length}\r\n\r\n${body}`;
  const typed = type === "" ? "" : `content-type: ${type}\r\n`;
  const whole = encodeUtf8(
    `HTTP/1.1 ${pick(random, STATUSES)} X\r\n${typed}connection: close\r\n${framed}`,
  );
  if (random.next() < 0.2) return whole.subarray(0, Math.floor(random.next() * whole.length));
  if (random.next() < 0.2) {
    for (let spoilt = 0; spoilt < 3; spoilt++) {
      whole[Math.floor(random.next() * whole.length)] = Math.floor(random.next() * 256);
    }
  }
  return whole;
}

/** What a client may be told by. */
const TOLD = new Set([200, 201, 400, 404, 422, 429, 500, 502, 503, 504, 599]);

for (const name of ROUTES) {
  Deno.test(`whatever an engine answers, a client has an answer and nothing is left: ${name}`, async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seededRandom(seed);
      const clock = new TurningClock();
      const raw = (conn: Deno.Conn): Promise<void> => write(conn, madeUp(random));
      const changes = { raw, router: { clock } };
      await using route = await startRoute(name, () => new Response(), changes);
      for (const stream of [false, true]) {
        const response = await passing(clock, 2, ask(route, { stream }));
        assert(TOLD.has(response.status), `seed ${seed}: ${response.status}`);
        const type = response.headers.get("content-type") ?? "";
        assertEquals(type.includes("html"), false, `seed ${seed}: ${type}`);
        // It may be cut.
        await passing(clock, 2, response.text().catch(() => "cut"));
      }
      await passing(clock, 200, route.quiet());
    }
  });
}

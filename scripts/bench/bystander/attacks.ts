/** Attacks by clients and by engines: what is sent, and by whom. @module */
import { gzipSync } from "node:zlib";
import { concatBytes, encodeUtf8 } from "../../../lib/base/mod.ts";

const MIB = 1024 * 1024;

/** One attack. */
export interface Attack {
  readonly name: string;
  /** Who does what is bad; the other side is as ever. */
  readonly by: "client" | "engine";
  /** Connections of clients, opened together. */
  readonly connections: number;
  /** What each sends, in pieces; the same for all. */
  readonly pieces: () => Iterable<Uint8Array>;
  /** Milliseconds between one piece and the next. */
  readonly pauseMs?: number;
  /** Read nothing of the answers. */
  readonly deaf?: true;
  /** Close as soon as all is sent, and begin anew, so many times. */
  readonly rounds?: number;
}

const HEAD = "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

function posted(body: string | Uint8Array, more = ""): Uint8Array {
  const bytes = typeof body === "string" ? encodeUtf8(body) : body;
  return concatBytes([encodeUtf8(`${HEAD}${more}content-length: ${bytes.length}\r\n\r\n`), bytes]);
}

function filled(before: string, piece: string, after: string, bytes: number): string {
  const count = Math.floor((bytes - before.length - after.length) / (piece.length + 1));
  return `${before}${`${piece},`.repeat(count)}${piece}${after}`;
}

/** A request for model `model`, answered by engines as that model's are. */
export function asked(model: string, more: Readonly<Record<string, unknown>>): Uint8Array {
  return posted(JSON.stringify({ model, prompt: "hi", max_tokens: 1_000, ...more }));
}

const CLIENTS: readonly Omit<Attack, "by">[] = [
  { name: "silent connections", connections: 500, pieces: () => [] },
  { name: "half heads", connections: 500, pieces: () => [encodeUtf8(HEAD)] },
  {
    name: "heads, a byte at a time",
    connections: 100,
    pieces: () => [...HEAD].map(encodeUtf8),
    pauseMs: 25,
  },
  {
    name: "bodies announced, not sent",
    connections: 500,
    pieces: () => [encodeUtf8(`${HEAD}content-length: ${64 * MIB}\r\n\r\n{`)],
  },
  {
    name: "half bodies",
    connections: 16,
    pieces: function* () {
      yield encodeUtf8(`${HEAD}content-length: ${8 * MIB}\r\n\r\n{"model":"fast","prompt":"`);
      for (let sent = 0; sent < 4; sent++) yield new Uint8Array(MIB).fill(0x61);
    },
  },
  {
    name: "small chunks without an end",
    connections: 4,
    pieces: function* () {
      yield encodeUtf8(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
      const chunks = encodeUtf8("1\r\na\r\n".repeat(10_000));
      for (let sent = 0; sent < 100; sent++) yield chunks;
    },
  },
  {
    name: "64 MiB of tiny members",
    connections: 1,
    pieces: () => [posted(filled(`{"model":"fast",`, `"a":0`, "}", 64 * MIB))],
  },
  {
    name: "64 MiB of flat arrays",
    connections: 1,
    pieces: () => [
      posted(filled(`{"model":"fast","prompt":"hi","user":[`, "0", "]}", 64 * MIB)),
    ],
  },
  {
    name: "64 MiB of token ids",
    connections: 1,
    pieces: () => [posted(filled(`{"model":"fast","prompt":[`, "7", "]}", 64 * MIB))],
  },
  {
    name: "deep nesting",
    connections: 4,
    pieces: () => [posted(`{"model":"fast","prompt":"hi","user":${"[".repeat(8 * MIB)}`)],
  },
  {
    name: "gzip bombs",
    connections: 8,
    pieces: () => [
      posted(gzipSync(new Uint8Array(256 * MIB).fill(0x20)), "content-encoding: gzip\r\n"),
    ],
  },
  {
    name: "pipelined requests",
    connections: 8,
    pieces: () =>
      Array.from(
        { length: 20 },
        () => encodeUtf8("GET /health HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200)),
      ),
  },
  {
    name: "pipelined, answers not read",
    connections: 8,
    pieces: () =>
      Array.from(
        { length: 20 },
        () => encodeUtf8("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200)),
      ),
    deaf: true,
  },
  {
    name: "readers that stop",
    connections: 16,
    pieces: () => [asked("fast", { stream: true, max_tokens: 100_000 })],
    deaf: true,
  },
  {
    name: "streams left at once",
    connections: 16,
    pieces: () => [asked("fast", { stream: true })],
    rounds: 20,
  },
  {
    name: "thousands of header fields",
    connections: 16,
    pieces: () => [
      encodeUtf8(
        HEAD + Array.from({ length: 20_000 }, (_, index) => `x-${index}: y\r\n`).join("") + "\r\n",
      ),
    ],
  },
];

/** What each hostile engine does, by the name of its model. */
export const ENGINE_FAULTS = {
  "event without an end": "a 14 MiB SSE event without an end",
  "large first events": "first events of 8 MiB",
  "large whole answers": "whole answers of 48 MiB",
  "endless header fields": "header fields without an end",
  "byte a second": "a byte a second",
} as const;

/** A hostile engine's kind. */
export type EngineFault = keyof typeof ENGINE_FAULTS;

/** The model that the engine of a fault serves. */
export function modelOf(fault: EngineFault): string {
  return fault.replaceAll(" ", "-");
}

const ENGINES: readonly Omit<Attack, "by">[] = [
  { name: "event without an end", connections: 2, pieces: () => ask("event without an end", true) },
  { name: "large first events", connections: 2, pieces: () => ask("large first events", true) },
  { name: "large whole answers", connections: 2, pieces: () => ask("large whole answers", false) },
  {
    name: "endless header fields",
    connections: 4,
    pieces: () => ask("endless header fields", true),
  },
  { name: "byte a second", connections: 50, pieces: () => ask("byte a second", true) },
];

function ask(model: EngineFault, stream: boolean): readonly Uint8Array[] {
  return [asked(modelOf(model), { stream })];
}

/** All attacks. */
export const ATTACKS: readonly Attack[] = [
  ...CLIENTS.map((attack) => ({ ...attack, by: "client" as const })),
  ...ENGINES.map((attack) => ({ ...attack, by: "engine" as const })),
];

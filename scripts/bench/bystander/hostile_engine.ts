/**
 * A process of its own: an engine that does a router harm by what it answers, as a prefill and as a
 * decode engine. What it has sent is told by `GET /sent`.
 *
 * `hostile_engine.ts NOTIFY_PORT [NAME PORT]...`
 * @module
 */
import { pause } from "../child.ts";
import { jsonAnswer, PREFILL, tokenizeAnswer, USUAL_PROMPT } from "../fast_answers.ts";
import { Notifier } from "../fast_engine.ts";
import { ENGINE_FAULTS, type EngineFault, modelOf } from "./attacks.ts";

const MIB = 1024 * 1024;

let sent = 0;

async function write(connection: Deno.TcpConn, bytes: Uint8Array | string): Promise<void> {
  const all = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  for (let at = 0; at < all.length;) {
    const count = await connection.write(all.subarray(at));
    at += count;
    sent += count;
  }
}

const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const LETTERS = new Uint8Array(64 * 1024).fill(0x61);

async function letters(connection: Deno.TcpConn, bytes: number): Promise<void> {
  for (let at = 0; at < bytes; at += LETTERS.length) await write(connection, LETTERS);
}

/** What a decode leg is answered; the connection is closed behind it. */
const ANSWERS: Readonly<Record<EngineFault, (connection: Deno.TcpConn) => Promise<void>>> = {
  async "event without an end"(connection) {
    await write(connection, `${STREAM_HEAD}data: {"a":"`);
    await letters(connection, 14 * MIB);
    await pause(1_000);
  },
  async "large first events"(connection) {
    const ids = `${"100000,".repeat(8 * MIB / 7)}1`;
    await write(
      connection,
      `${STREAM_HEAD}data: {"id":"c","object":"text_completion","created":1,"model":"m",` +
        `"choices":[{"index":0,"text":" a","logprobs":null,"finish_reason":null,` +
        `"prompt_token_ids":[${ids}]}]}\n\n`,
    );
    await write(
      connection,
      `data: {"id":"c","object":"text_completion","created":1,"model":"m","choices":[{"index":0,` +
        `"text":" b","logprobs":null,"finish_reason":"length"}]}\n\ndata: [DONE]\n\n`,
    );
  },
  async "large whole answers"(connection) {
    await write(
      connection,
      `${STREAM_HEAD}data: {"id":"c","object":"text_completion","created":1,"model":"m",` +
        `"choices":[{"index":0,"text":" a","logprobs":null,"finish_reason":null}]}\n\n`,
    );
    const event =
      `data: {"id":"c","object":"text_completion","created":1,"model":"m","choices":[{` +
      `"index":0,"text":"${"a".repeat(48 * 1024)}","logprobs":null,"finish_reason":null}]}\n\n`;
    for (let count = 0; count < 1_000; count++) await write(connection, event);
    await write(connection, "data: [DONE]\n\n");
  },
  async "endless header fields"(connection) {
    await write(connection, "HTTP/1.1 200 OK\r\n");
    for (let count = 0; count < 200; count++) {
      await write(connection, `x-${count}: ${"y".repeat(8_000)}\r\n`);
    }
  },
  async "byte a second"(connection) {
    for (const letter of STREAM_HEAD) {
      await write(connection, letter);
      await pause(1_000);
    }
  },
};

async function serve(
  connection: Deno.TcpConn,
  name: EngineFault,
  notifier: Notifier,
): Promise<void> {
  connection.setNoDelay(true);
  const buffer = new Uint8Array(256 * 1024);
  try {
    for (;;) {
      const size = await connection.read(buffer);
      if (size === null) return;
      const text = new TextDecoder("latin1").decode(buffer.subarray(0, size));
      if (text.startsWith("GET /sent")) {
        await connection.write(jsonAnswer({ sent }));
      } else if (text.startsWith("GET")) {
        const card = { id: modelOf(name), object: "model", created: 1, owned_by: "vllm" };
        await connection.write(
          jsonAnswer({ object: "list", data: [{ ...card, max_model_len: 1_000_000 }] }),
        );
      } else if (text.startsWith("POST /tokenize")) {
        await connection.write(tokenizeAnswer(USUAL_PROMPT));
      } else {
        const transfer = /"disagg_spec":\{"req_id":"([^"]+)"/.exec(text)?.[1];
        if (transfer === undefined) return await ANSWERS[name](connection);
        notifier.notify(transfer);
        await connection.write(PREFILL);
      }
    }
  } catch (error) {
    const gone = [Deno.errors.ConnectionReset, Deno.errors.BrokenPipe];
    if (!gone.some((kind) => error instanceof kind)) throw error;
  } finally {
    connection.close();
  }
}

async function listen(port: number, name: EngineFault, notifier: Notifier): Promise<void> {
  for await (const connection of Deno.listen({ hostname: "127.0.0.1", port })) {
    serve(connection, name, notifier);
  }
}

function isFault(name: string): name is EngineFault {
  return Object.hasOwn(ENGINE_FAULTS, name);
}

if (import.meta.main) {
  const [notifyPort = "", ...pairs] = Deno.args;
  const notifier = new Notifier(Number(notifyPort));
  const listening: Promise<void>[] = [];
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const name = pairs[at] ?? "";
    if (!isFault(name)) throw new Error(`Cannot be an engine of the kind ${name}`);
    listening.push(listen(Number(pairs[at + 1]), name, notifier));
  }
  await Promise.all(listening);
}

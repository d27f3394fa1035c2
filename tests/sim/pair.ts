/** Two engines of one handoff and the router's end of the notifications. @module */
import { decode } from "@msgpack/msgpack";
import { Pull } from "zeromq";
import { type Clock, systemClock } from "../../lib/base/mod.ts";
import type { SimEngine, SimOptions } from "../../lib/sim/mod.ts";
import { encodeText } from "../../lib/sim/tokenizer.ts";
import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, type Json, post, specFor, startEngine } from "./support.ts";

/** The endpoint of both legs. */
export const PATH = "/v1/completions";
/** A prompt of more than one chunk. */
export const PROMPT = encodeText(
  "Tell me all about" + " the river and the forest".repeat(80),
  { bos: true },
);

/** The router's end of the notifications. */
export class Inbox implements Disposable {
  readonly messages: Json[] = [];
  readonly port: number;
  readonly #socket: Pull;

  private constructor(socket: Pull) {
    this.#socket = socket;
    this.port = Number(/:(\d+)$/.exec(socket.lastEndpoint ?? "")?.[1]);
  }

  static async open(): Promise<Inbox> {
    const socket = new Pull({ linger: 0 });
    await socket.bind("tcp://127.0.0.1:0");
    return new Inbox(socket);
  }

  /** Wait for `count` messages in all; gives all that came. */
  async expect(count: number): Promise<Json[]> {
    await eventually(
      async () => await this.#drain() >= count,
      () => `${this.messages.length} of ${count} notifications`,
    );
    return this.messages;
  }

  async #drain(): Promise<number> {
    while (this.#socket.readable) {
      const frames = await this.#socket.receive();
      assertEquals(frames.length, 1);
      const [frame = new Uint8Array(0)] = frames;
      this.messages.push(frame[0] === 0xc1 ? "garbage" : decode(frame));
    }
    return this.messages.length;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** A prefill and a decode engine, and one that does both to compare with. */
export interface Pair extends AsyncDisposable {
  readonly inbox: Inbox;
  readonly prefill: SimEngine;
  readonly decode: SimEngine;
  readonly whole: SimEngine;
}

/** What differs from the defaults. */
export interface PairOptions {
  readonly ranks?: number;
  readonly prefill?: Partial<SimOptions>;
  readonly decode?: Partial<SimOptions>;
  /** Of all engines; the machine's when absent. */
  readonly clock?: Clock;
}

/** Start a pair of engines of two ranks, unless told otherwise. */
export async function startPair(
  { ranks = 2, prefill = {}, decode = {}, clock = systemClock() }: PairOptions = {},
): Promise<Pair> {
  const inbox = await Inbox.open();
  const proxy = { proxyHost: "127.0.0.1", proxyPort: inbox.port };
  const engines = await Promise.all([
    startEngine({ role: "prefill", ranks, ...proxy, ...prefill }, clock),
    startEngine({ role: "decode", ranks, ...decode }, clock),
    startEngine({}, clock),
  ]);
  return {
    inbox,
    prefill: engines[0],
    decode: engines[1],
    whole: engines[2],
    async [Symbol.asyncDispose](): Promise<void> {
      for (const engine of engines) await engine.stop();
      inbox[Symbol.dispose]();
    },
  };
}

/** Send the prefill leg; fails unless it is answered with 200. */
export async function prefillLeg(pair: Pair, prompt: Json = PROMPT, reqId = "r1"): Promise<Json> {
  const { status, json, text } = await post(pair.prefill, PATH, {
    prompt,
    max_tokens: 1,
    kv_transfer_params: specFor(pair.decode, reqId),
  });
  assertEquals(status, 200, text);
  return json;
}

/** Send a decode leg. */
export async function decodeLeg(
  pair: Pair,
  prompt: readonly number[],
  rest: Json = {},
): Promise<Answer> {
  return await post(pair.decode, PATH, { prompt, max_tokens: 20, ...rest });
}

/** What one engine says to the prompt. */
export async function rightText(pair: Pair, tokens = 21): Promise<string> {
  const { json } = await post(pair.whole, PATH, { prompt: PROMPT, max_tokens: tokens });
  return json.choices[0].text;
}

/** One question to one server: by datagram, and by TCP where the answer is too large for that. @module */
import {
  type Clock,
  describeError,
  plainAddress,
  type Random,
  RouterError,
  type Timer,
} from "../base/mod.ts";
import { decodeMessage, type DnsMessage, type DnsQuestion, encodeQuery, isCut } from "./message.ts";
import type { DnsNet } from "./net.ts";
import type { DnsServer } from "./resolv_conf.ts";

/** What questions are asked with. */
export interface ExchangeDeps {
  readonly net: DnsNet;
  readonly clock: Clock;
  readonly random: Random;
}

/** How one question is asked. */
export interface ExchangeOptions {
  /** For the answer by datagram, and again for that by TCP. */
  readonly timeoutMs: number;
  /** Not by datagram. */
  readonly tcp: boolean;
  /** Offer to take more than 512 bytes, which some servers refuse to understand. */
  readonly extended: boolean;
  readonly signal: AbortSignal;
}

/** A server's message, or why there is none. */
export type Exchanged =
  | { readonly kind: "message"; readonly message: DnsMessage }
  | { readonly kind: "failed"; readonly why: string };

/**
 * Ask `server`. What is no answer to this very question, or comes from elsewhere, is not listened to.
 * Never rejects.
 */
export async function exchange(
  server: DnsServer,
  question: DnsQuestion,
  deps: ExchangeDeps,
  options: ExchangeOptions,
): Promise<Exchanged> {
  let wait = new Wait(deps.clock, options);
  try {
    if (!options.tcp) {
      const message = await byDatagram(server, question, deps, options.extended, wait);
      if (message !== undefined && !message.truncated) return { kind: "message", message };
      wait[Symbol.dispose]();
      wait = new Wait(deps.clock, options);
    }
    return { kind: "message", message: await byStream(server, question, deps, wait) };
  } catch (error) {
    if (!wait.over) return { kind: "failed", why: describeError(error) };
    const why = options.signal.aborted ? "given up" : `no answer within ${options.timeoutMs} ms`;
    return { kind: "failed", why };
  } finally {
    wait[Symbol.dispose]();
  }
}

/** Ends a socket when the time is up, or nobody wants to know any more. */
class Wait implements Disposable {
  readonly #timer: Timer;
  readonly #end = new AbortController();
  readonly #asker: AbortSignal;
  readonly #stop = (): void => this.#end.abort();

  constructor(clock: Clock, { timeoutMs, signal }: ExchangeOptions) {
    this.#timer = clock.after(timeoutMs, this.#stop);
    this.#asker = signal;
    if (signal.aborted) this.#stop();
    signal.addEventListener("abort", this.#stop, { once: true });
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get over(): boolean {
    return this.signal.aborted;
  }

  /** Close `socket` at the end. */
  ends(socket: Disposable): void {
    const close = (): void => socket[Symbol.dispose]();
    if (this.over) close();
    this.signal.addEventListener("abort", close, { once: true });
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
    this.#asker.removeEventListener("abort", this.#stop);
  }
}

/** The answer, or undefined where it was cut. Throws when the wait is over. */
async function byDatagram(
  server: DnsServer,
  question: DnsQuestion,
  { net, random }: ExchangeDeps,
  extended: boolean,
  wait: Wait,
): Promise<DnsMessage | undefined> {
  const id = idBy(random);
  using socket = net.datagrams(server.host.includes(":"));
  wait.ends(socket);
  await socket.send(encodeQuery(id, question, extended), server);
  for (;;) {
    const { bytes, from } = await socket.receive();
    if (from.port !== server.port || plainAddress(from.host) !== plainAddress(server.host)) {
      continue;
    }
    const message = decodeMessage(bytes);
    if (message === undefined ? isCut(bytes, id) : answers(message, id, question)) return message;
  }
}

async function byStream(
  server: DnsServer,
  question: DnsQuestion,
  { net, random }: ExchangeDeps,
  wait: Wait,
): Promise<DnsMessage> {
  const id = idBy(random);
  using stream = await net.connect(server, wait.signal);
  wait.ends(stream);
  const query = encodeQuery(id, question, true);
  const framed = Uint8Array.from([query.length >> 8, query.length & 0xff, ...query]);
  for (let sent = 0; sent < framed.length;) sent += await stream.write(framed.subarray(sent));
  const read = async (length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const count = await stream.read(bytes.subarray(filled));
      if (count === null) throw new RouterError("internal", "the server has ended the connection");
      filled += count;
    }
    return bytes;
  };
  const [high = 0, low = 0] = await read(2);
  const message = decodeMessage(await read((high << 8) | low));
  if (message !== undefined && answers(message, id, question)) return message;
  throw new RouterError("internal", "what the server sent is no answer to the question");
}

function answers(message: DnsMessage, id: number, { name, type }: DnsQuestion): boolean {
  return message.id === id && message.question.name === name && message.question.type === type;
}

/** 16 bits that nobody foresees: those of a UUID are the platform's own, for secrets too. */
function idBy(random: Random): number {
  return parseInt(random.uuid().slice(0, 4), 16);
}

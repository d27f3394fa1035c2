// @ts-check
/** Follows a stream of events for as long as it is told to, whatever happens to the router. @module */
import { EventDecoder } from "./sse.js";

/** How much longer than its interval an event may take, in milliseconds. */
const LATE_MS = 6_000;

/** Longest wait for the head of an answer, in milliseconds. */
const HEAD_MS = 10_000;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * The pause before attempt `attempt` (0 for the first after a loss), a fifth shorter or longer by chance.
 * @param {number} attempt
 * @param {number} chance 0 to 1
 * @returns {number} Milliseconds.
 */
export function pauseMs(attempt, chance) {
  const usual = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
  return Math.round(usual * (0.8 + 0.4 * chance));
}

/**
 * @typedef {object} LivePorts
 * @property {(signal: AbortSignal) => Promise<Response>} open Asks for the stream; rejects with why not.
 * @property {(name: string, data: unknown) => void} onEvent
 * @property {() => void} onOpen
 * @property {(why: unknown, pauseMs: number) => void} onLost
 * @property {(ms: number, signal: AbortSignal) => Promise<void>} sleep Ends early when it aborts.
 * @property {() => number} random
 * @property {(error: unknown) => boolean} isFinal Whether it is of no use to ask again.
 */

/**
 * Ends when `signal` aborts, or with an error that is final.
 * @param {LivePorts} ports
 * @param {AbortSignal} signal
 */
export async function follow(ports, signal) {
  let attempt = 0;
  while (!signal.aborted) {
    try {
      await read(ports, signal, () => attempt = 0);
      throw new Error("The stream has ended");
    } catch (error) {
      if (signal.aborted) return;
      if (ports.isFinal(error)) throw error;
      const pause = pauseMs(attempt++, ports.random());
      ports.onLost(error, pause);
      await ports.sleep(pause, signal);
    }
  }
}

/**
 * @param {LivePorts} ports
 * @param {AbortSignal} signal
 * @param {() => void} onEvent
 */
async function read({ open, sleep, ...on }, signal, onEvent) {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  /** @type {AbortController | undefined} */
  let watch;
  /** @param {number} ms */
  const rewatch = (ms) => {
    watch?.abort();
    const own = watch = new AbortController();
    void sleep(ms, own.signal).then(() => {
      if (!own.signal.aborted) over.abort(new Error("Nothing has come for too long"));
    });
  };
  try {
    rewatch(HEAD_MS);
    const { body } = await open(both);
    if (body === null) throw new Error("The answer has no body");
    on.onOpen();
    const decoder = new EventDecoder();
    let interval = 1;
    for await (const text of body.pipeThrough(new TextDecoderStream(), { signal: both })) {
      for (const { name, data } of decoder.push(text)) {
        const value = JSON.parse(data);
        if (name === "hello") interval = value.interval;
        on.onEvent(name, value);
        onEvent();
      }
      rewatch(interval * 1_000 + LATE_MS);
    }
  } finally {
    watch?.abort();
    over.abort();
  }
}

/** A native PULL socket whose messages and events come from the test. @module */
import type { NativeEvent } from "../../lib/zmq/native_peers.ts";
import type { NativePull } from "../../lib/zmq/polled_pull.ts";

/** As the addon's, it has a message or has none, and calls nobody. */
export class FakeNative implements NativePull {
  readonly lastEndpoint = "tcp://10.0.0.1:7500";
  /** What `receive` gives; an error is rejected with. */
  readonly messages: (readonly Uint8Array[] | Error)[] = [];
  /** How often it was looked at, and how often closed. */
  looks = 0;
  closed = 0;
  readonly #events: (NativeEvent | Error)[] = [];
  #wake: (() => void) | undefined;

  /** Whether closing is told of by `end`. */
  constructor(readonly ends = true) {}

  get readable(): boolean {
    this.looks++;
    return this.messages.length > 0;
  }

  receive(): Promise<readonly Uint8Array[]> {
    const next = this.messages.shift() ?? new Error("Operation was not possible or timed out");
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  }

  close(): void {
    this.closed++;
    if (this.ends) this.happen({ type: "end" });
  }

  /** An event, or a monitor that fails. */
  happen(event: NativeEvent | Error): void {
    this.#events.push(event);
    this.#wake?.();
  }

  readonly events = {
    receive: async (): Promise<NativeEvent> => {
      while (this.#events.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
      const next = this.#events.shift();
      if (next === undefined || next instanceof Error) throw next;
      return next;
    },
  };
}

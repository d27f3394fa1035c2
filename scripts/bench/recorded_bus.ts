/** A bus that leads nowhere. @module */
import type { Bus, PeerId } from "../../lib/gossip/mod.ts";

/** Keeps what a router tells, and gives it what it is to hear. */
export class RecordedBus implements Bus {
  readonly self: PeerId;
  readonly sent: Uint8Array[] = [];
  #onMessage: ((from: PeerId, message: Uint8Array) => void) | undefined;

  constructor(self: PeerId) {
    this.self = self;
  }

  send(message: Uint8Array): void {
    this.sent.push(message.slice());
  }

  onMessage(listener: (from: PeerId, message: Uint8Array) => void): void {
    this.#onMessage = listener;
  }

  onPeer(): void {}

  hear(from: PeerId, message: Uint8Array): void {
    this.#onMessage?.(from, message);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A bus within one process, for routers of one test. @module */
import type { Bus, PeerId } from "../../lib/gossip/mod.ts";

/** How messages get from one to another. */
export interface Carrying {
  /** A message of `from` is on its way to `to`: `deliver` has it arrive, any number of times. */
  readonly carry: (from: PeerId, to: PeerId, deliver: () => void) => void;
  /**
   * Whether those on the bus are told who comes and goes.
   * @default true
   */
  readonly tells?: boolean;
}

/** What routers are joined by. Messages arrive a little later, in order, unless it is said how. */
export class MemoryHub {
  readonly #members = new Map<PeerId, Member>();
  readonly #carrying: Carrying;
  /** Messages sent, to however many. */
  sent = 0;

  constructor(carrying: Carrying = { carry: (_from, _to, deliver) => queueMicrotask(deliver) }) {
    this.#carrying = carrying;
  }

  /** Who is on it. */
  get members(): readonly PeerId[] {
    return [...this.#members.keys()];
  }

  /** A bus for `self`, which is nobody's name yet. */
  join(self: PeerId): Bus {
    if (this.#members.has(self)) throw new Error(`${self} is on the bus already`);
    const member = new Member(self, this);
    const { tells = true } = this.#carrying;
    for (const other of this.#members.values()) {
      if (!tells) break;
      other.met(self, true);
      member.met(other.self, true);
    }
    this.#members.set(self, member);
    return member;
  }

  /** `self` is heard no more, and hears nothing. */
  leave(self: PeerId): void {
    this.#members.delete(self);
    if (this.#carrying.tells === false) return;
    for (const other of this.#members.values()) other.met(self, false);
  }

  /** Have the bytes go to everybody else. */
  send(from: Member, message: Uint8Array): void {
    if (this.#members.get(from.self) !== from) return;
    this.sent++;
    const copy = message.slice();
    for (const to of this.#members.values()) {
      if (to === from) continue;
      this.#carrying.carry(from.self, to.self, () => {
        if (this.#members.get(to.self) === to) to.heard(from.self, copy);
      });
    }
  }
}

class Member implements Bus {
  readonly self: PeerId;
  readonly #hub: MemoryHub;
  readonly #there = new Set<PeerId>();
  #onMessage: ((from: PeerId, message: Uint8Array) => void) | undefined;
  #onPeer: ((peer: PeerId, there: boolean) => void) | undefined;

  constructor(self: PeerId, hub: MemoryHub) {
    this.self = self;
    this.#hub = hub;
  }

  send(message: Uint8Array): void {
    this.#hub.send(this, message);
  }

  onMessage(listener: (from: PeerId, message: Uint8Array) => void): void {
    this.#onMessage = listener;
  }

  onPeer(listener: (peer: PeerId, there: boolean) => void): void {
    this.#onPeer = listener;
    for (const peer of this.#there) listener(peer, true);
  }

  met(peer: PeerId, there: boolean): void {
    if (there) this.#there.add(peer);
    else this.#there.delete(peer);
    this.#onPeer?.(peer, there);
  }

  heard(from: PeerId, message: Uint8Array): void {
    this.#onMessage?.(from, message);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#hub.leave(this.self);
    return Promise.resolve();
  }
}

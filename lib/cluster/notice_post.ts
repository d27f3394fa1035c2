/** Notifications for other replicas, until the broker says that somebody has taken them. @module */
import type { Clock, Timer } from "../base/mod.ts";
import type { BrokerLink } from "./broker.ts";
import { MAX_NUMBER, noticeBytes } from "./envelope.ts";

/** Most notifications that are on their way or wait to be sent again. */
export const MAX_HELD = 16_384;

/** After so long whoever waits has given up, in milliseconds. */
export const HELD_MS = 10_000;

/** One that nobody took is sent again after so long, then after twice as long each time, in milliseconds. */
export const AGAIN_MS = 100;

/** What became of notifications so far. */
export interface PostStats {
  /** The broker had somebody to give them to. */
  handedOver: number;
  /** Nobody took them in time: the replica has gone, or the broker was not there for too long. */
  expired: number;
  /** There was no room for them. */
  overflowed: number;
}

interface Held {
  readonly channel: string;
  readonly bytes: Uint8Array;
  readonly sinceMs: number;
  pauseMs: number;
  /** When it is to be sent again. */
  dueMs: number;
}

/** Sends, and sends again what was not taken. The same one has the same number each time. */
export class NoticePost implements Disposable {
  readonly #clock: Clock;
  readonly #stats: PostStats = { handedOver: 0, expired: 0, overflowed: 0 };
  /** Those that wait to be sent again. */
  readonly #waiting = new Set<Held>();
  #link: Pick<BrokerLink, "publish"> | undefined;
  #timer: Timer | undefined;
  #underWay = 0;
  #number: number;
  #closed = false;

  /** `first`: the number of the first. */
  constructor(clock: Clock, first: number) {
    this.#clock = clock;
    this.#number = first;
  }

  get stats(): Readonly<PostStats> {
    return this.#stats;
  }

  /** Those whose fate is not known. */
  get held(): number {
    return this.#waiting.size + this.#underWay;
  }

  /** Send by `link` from here on, what waits first; without one, all wait. */
  use(link: Pick<BrokerLink, "publish"> | undefined): void {
    this.#link = link;
    if (link === undefined) return;
    for (const held of this.#waiting) held.dueMs = 0;
    this.#look();
  }

  /** Hand `frame` over by `channel`, in the name of `from`. Never waits, never throws. */
  send(channel: string, from: string, frame: Uint8Array): void {
    if (this.#closed || this.held >= MAX_HELD) {
      this.#stats.overflowed++;
      return;
    }
    this.#number = this.#number >= MAX_NUMBER ? 0 : this.#number + 1;
    const sinceMs = this.#clock.now();
    const bytes = noticeBytes(from, this.#number, frame);
    const held = { channel, bytes, sinceMs, pauseMs: AGAIN_MS, dueMs: sinceMs };
    if (this.#link === undefined) this.#wait(held);
    else this.#publish(held, this.#link);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#stats.expired += this.#waiting.size;
    this.#waiting.clear();
  }

  #publish(held: Held, link: Pick<BrokerLink, "publish">): void {
    this.#underWay++;
    link.publish(held.channel, held.bytes).then((takers) => {
      this.#underWay--;
      if (takers > 0) this.#stats.handedOver++;
      else this.#wait(held);
    }, () => {
      // The link is lost, which its owner sees to. Whether it was taken, its number tells who gets it again.
      this.#underWay--;
      this.#wait(held);
    });
  }

  #wait(held: Held): void {
    const nowMs = this.#clock.now();
    if (this.#closed || nowMs - held.sinceMs + held.pauseMs > HELD_MS) {
      this.#stats.expired++;
      return;
    }
    held.dueMs = nowMs + held.pauseMs;
    held.pauseMs *= 2;
    this.#waiting.add(held);
    this.#timer ??= this.#clock.after(AGAIN_MS, () => this.#look());
  }

  #look(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    for (const held of [...this.#waiting]) {
      if (nowMs - held.sinceMs > HELD_MS) {
        this.#waiting.delete(held);
        this.#stats.expired++;
      } else if (this.#link !== undefined && held.dueMs <= nowMs) {
        this.#waiting.delete(held);
        this.#publish(held, this.#link);
      }
    }
    if (this.#waiting.size > 0) this.#timer = this.#clock.after(AGAIN_MS, () => this.#look());
  }
}

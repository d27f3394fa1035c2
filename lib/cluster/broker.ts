/** What replicas reach one another by: a broker that hands messages on, and keeps who has which tag. @module */

/** One connection to the broker, which ends for good when it is lost. */
export interface BrokerLink {
  /** Resolves when it was lost, with why; not when it was closed. */
  readonly lost: Promise<string>;
  /**
   * Have all who listen to `channel` get `message`; resolves to how many there are. Rejects where that
   * cannot be known, and then they may have it or not.
   */
  publish(channel: string, message: Uint8Array): Promise<number>;
  /** Listen to `channel` as well; resolves when that is so. */
  subscribe(channel: string): Promise<void>;
  /** Have `key` say `owner` for `ttlMs` from here on, where nobody else has it; resolves to whose it is. */
  claim(key: string, owner: string, ttlMs: number): Promise<string>;
  /** Have `key` be nobody's, where it is `owner`'s. */
  release(key: string, owner: string): Promise<void>;
  /** Listeners of `channel`, this one too. */
  listeners(channel: string): Promise<number>;
  /** Resolves when nothing is left of it. */
  close(): Promise<void>;
}

/** Takes a message of a channel. Must not throw, and keep nothing of the bytes unless it copies them. */
export type OnBrokerMessage = (channel: string, message: Uint8Array) => void;

/** Connects; rejects with the reason why it cannot, and leaves nothing behind; likewise when `signal` aborts. */
export type OpenBroker = (onMessage: OnBrokerMessage, signal: AbortSignal) => Promise<BrokerLink>;

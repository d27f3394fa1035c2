/** What carries messages between routers that stand beside one another. @module */

/** One peer's number or name: 1 to 24 ASCII letters, digits, dots. */
export type PeerId = string;

/** Whether `text` can name a peer. */
export function isPeerId(text: string): boolean {
  return /^[A-Za-z0-9.]{1,24}$/.test(text);
}

/**
 * Reaches all peers, and knows nothing of what it carries. Messages may be lost, or come twice; those
 * of one peer come in the order in which it sent them. Whoever opened it closes it.
 */
export interface Bus extends AsyncDisposable {
  /**
   * Nobody else's, also of those that were there before. Where it turns out to be somebody's, the bus has
   * another from then on.
   */
  readonly self: PeerId;
  /**
   * Tell all peers; never waits, never throws. What cannot be sent, as to a peer that does not read, is
   * dropped and counted. The bytes are the bus's until it returns: the caller may use them again.
   */
  send(message: Uint8Array): void;
  /** At most one listener, which must not throw and must keep nothing of the bytes. */
  onMessage(listener: (from: PeerId, message: Uint8Array) => void): void;
  /** Have `listener`, at most one, told when a peer has come or gone; at once of those that are there. */
  onPeer(listener: (peer: PeerId, there: boolean) => void): void;
}

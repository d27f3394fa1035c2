/**
 * What of something that several routers take of one of them may take before it has heard of the others
 * again. Each takes no more than its part of what was left, so that all together take hardly more than
 * there is, however many come at one moment.
 * @module
 */

/** For one router and one thing. */
export class Allowance {
  /** Up to so much of its own. */
  #most = Infinity;

  /** What is left of it, where the router has taken `own`; not above 0 when it is used up. */
  spare(own: number): number {
    return this.#most - own;
  }

  /**
   * All know by now that the router has `own`, and there is `left` for `routers` of them. One of two is
   * told a moment before the other, so that there is a part for one more; and one alone may have all.
   * Whether more may be taken than a moment before, when it was used up.
   */
  renew(own: number, left: number, routers: number): boolean {
    const usedUp = this.spare(own) <= 0;
    this.#most = routers <= 1
      ? Infinity
      : own + (left > 0 ? Math.max(1, Math.floor(left / (routers + 1))) : 0);
    return usedUp && this.spare(own) > 0;
  }
}

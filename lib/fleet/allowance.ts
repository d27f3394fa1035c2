/**
 * What of something that several routers take of one of them may take before it has heard of the others
 * again. Each takes no more than its part of what was left, so that all together take hardly more than
 * there is, however many come at one moment. Where requests wait elsewhere, whoever has more than its
 * fair share gives way: what it gives back it would else take again before anybody else can.
 * @module
 */

/** What is known of something and of the routers that take of it. */
export interface AllowanceView {
  /** What the router has taken. */
  readonly own: number;
  /** All there is; infinite for no bound. */
  readonly most: number;
  /** What all routers leave of it, as far as is heard; below 0 where they have taken too much. */
  readonly left: number;
  /** Routers in all. */
  readonly routers: number;
  /** Other routers where requests wait for it. */
  readonly waiting: number;
}

/** What nobody has taken after so many renewals, they cannot use: it is not kept for them. */
export const PATIENCE = 4;

/** For one router and one thing. */
export class Allowance {
  /** Up to so much of its own. */
  #most = Infinity;
  /** It had more than its fair share while others waited. */
  #ahead = false;
  /** Renewals since it gives way, at each of which something was left. */
  #untaken = 0;

  /** What is left of it, where the router has taken `own`; not above 0 when it is used up. */
  spare(own: number): number {
    return this.#most - own;
  }

  /**
   * All know by now what the router has, and it has heard what they have: each may take its part of what is
   * left until then. One of two is told a moment before the other, so that there is a part for one more;
   * and one alone may have all. Whether more may be taken than a moment before, when it was used up.
   */
  renew(view: AllowanceView): boolean {
    const { own, left, routers } = view;
    const usedUp = this.spare(own) <= 0;
    const top = this.#givesWay(view);
    if (routers <= 1) this.#most = Infinity;
    else if (top !== undefined) this.#most = top;
    else this.#most = own + (left > 0 ? Math.max(1, Math.floor(left / (routers + 1))) : 0);
    return usedUp && this.spare(own) > 0;
  }

  /** Up to how much it may have where others go first; undefined where they do not. */
  #givesWay({ own, most, left, waiting }: AllowanceView): number | undefined {
    const fair = waiting === 0 ? Infinity : Math.floor(most / (waiting + 1));
    const wasAhead = this.#ahead;
    this.#ahead = own > fair;
    this.#untaken = this.#ahead && left > 0 ? this.#untaken + 1 : 0;
    if (this.#ahead) return this.#untaken < PATIENCE ? fair : undefined;
    // It has just given some back, of which others hear by what it tells at this moment.
    return wasAhead && left > 0 && waiting > 0 ? own : undefined;
  }
}

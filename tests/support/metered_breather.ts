/** A breather that is always tired, turns the event loop, and looks at what is held. @module */
import type { Breather } from "../../lib/base/mod.ts";

/** Rests after every step, for a turn in which others get theirs. */
export class MeteredBreather implements Breather {
  pauses = 0;
  /** The most that was held at a rest, in bytes. */
  mostHeld = 0;
  /** Says how many bytes are held. */
  held: () => number = () => 0;

  tired(): boolean {
    return true;
  }

  pause(): Promise<void> {
    this.pauses++;
    this.mostHeld = Math.max(this.mostHeld, this.held());
    return new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** How much of each role fails, and whether that is too much to go around it. @module */
import type { Role } from "../base/mod.ts";

/** How an engine counts: it gives no answer at all, it answers and fails, or nothing speaks against it. */
export type Standing = "silent" | "failing" | "serving";

/** One engine's part in the count. */
export interface Counted {
  readonly role: Role;
  readonly standing: Standing;
}

/** The engines of a role that answer, and those of them that fail. */
export interface RoleShare {
  readonly answering: number;
  readonly failing: number;
}

const NONE: RoleShare = { answering: 0, failing: 0 };

/** Counts engines by role. */
export class RoleShares {
  readonly #maxShutShare: number;
  readonly #shares = new Map<Role, RoleShare>();

  /** `maxShutShare`: of those that answer, what may be gone around; 0 to 1. */
  constructor(maxShutShare: number) {
    this.#maxShutShare = maxShutShare;
  }

  /** The count of `role`. */
  of(role: Role): RoleShare {
    return this.#shares.get(role) ?? NONE;
  }

  /** Whether more of `role` fails than may be gone around. */
  isPressed(role: Role): boolean {
    const { answering, failing } = this.of(role);
    // One alone has no other that would have to take its share: nothing is lost by going around it.
    const allowed = answering === 1 && this.#maxShutShare > 0 ? 1 : this.#maxShutShare * answering;
    return failing > allowed;
  }

  /** Count an engine as `is` in place of `was`; undefined for one that is not there. */
  move(was: Counted | undefined, is: Counted | undefined): void {
    if (was !== undefined) this.#add(was, -1);
    if (is !== undefined) this.#add(is, 1);
  }

  #add({ role, standing }: Counted, count: number): void {
    const { answering, failing } = this.of(role);
    this.#shares.set(role, {
      answering: answering + (standing === "silent" ? 0 : count),
      failing: failing + (standing === "failing" ? count : 0),
    });
  }
}

/** Descriptors that run out when the test says so. @module */

/** What the platform throws where there is no descriptor. */
export function wantOfDescriptors(code: "EMFILE" | "ENFILE" = "EMFILE"): Error {
  return Object.assign(new Error("Too many open files (os error 24)"), { code });
}

/** So many descriptors, of which some are taken. */
export class FakeDescriptors {
  taken = 0;

  constructor(public limit: number) {}

  /** Take one; throws where there is none. */
  readonly take = (): { close(): void } => {
    if (this.taken >= this.limit) throw wantOfDescriptors();
    this.taken++;
    return { close: () => void this.taken-- };
  };
}

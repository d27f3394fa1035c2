/** Chance as an argument: the system's here, a seeded one in tests. @module */

/** Source of chance and of unique ids. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A version 4 UUID in its 36-character text form. */
  uuid(): string;
}

/** The platform's random source. */
export function systemRandom(): Random {
  return { next: () => Math.random(), uuid: () => crypto.randomUUID() };
}

/** A reproducible source (mulberry32), as tests need it; not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const hex = (digits: number): string =>
    Math.floor(next() * 16 ** digits).toString(16).padStart(digits, "0");
  const uuid = (): string => {
    const variant = (8 + Math.floor(next() * 4)).toString(16);
    return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(6)}${hex(6)}`;
  };
  return { next, uuid };
}

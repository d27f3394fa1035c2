/** A consistent hash ring: few keys move when engines come and go. @module */
import { fnv1a, FNV_START, mix32 } from "../base/mod.ts";

/** Points per engine. */
const POINTS = 128;

/** What sets the points of one engine apart. */
const SUFFIXES = Array.from({ length: POINTS }, (_, index) => `#${index}`);

/** Room for an owner's number beside a hash of 32 bits in one exact number. */
const OWNERS = 2 ** 20;

/**
 * Points of a set of URLs, ordered by hash. Changing the set merges or drops the points of those that
 * changed alone. Two rings of one set are the same ring, in whatever order it came to be.
 */
export class HashRing {
  /** `hash * OWNERS + owner`, ascending; where hashes collide, the owners are ordered by URL. */
  #points = new Float64Array(0);
  readonly #owners = new Map<string, number>();
  readonly #urls: (string | undefined)[] = [];
  readonly #free: number[] = [];

  /** How many URLs are on the ring. */
  get size(): number {
    return this.#owners.size;
  }

  /** Make the ring that of `urls`, at most 1,048,576 of them. */
  sync(urls: readonly string[]): void {
    const wanted = new Set(urls);
    const gone = [...this.#owners.keys()].filter((url) => !wanted.has(url));
    const come = [...wanted].filter((url) => !this.#owners.has(url));
    if (gone.length > 0) this.#drop(gone);
    if (come.length > 0) this.#add(come);
  }

  /** The URL that owns the first point at or after `hash`, clockwise, and is `accepted`. */
  find(hash: number, accepted: (url: string) => boolean): string | undefined {
    const { length } = this.#points;
    const start = this.#firstAtOrAfter(hash * OWNERS);
    for (let step = 0; step < length; step++) {
      const url = this.#urls[ownerOf(this.#points[(start + step) % length] ?? 0)];
      if (url !== undefined && accepted(url)) return url;
    }
    return undefined;
  }

  #firstAtOrAfter(point: number): number {
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#points[middle] ?? 0) < point) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #drop(gone: readonly string[]): void {
    for (const url of gone) {
      const owner = this.#owners.get(url);
      if (owner === undefined) continue;
      this.#owners.delete(url);
      this.#urls[owner] = undefined;
      this.#free.push(owner);
    }
    const points = this.#points;
    let kept = 0;
    for (let at = 0; at < points.length; at++) {
      const point = points[at] ?? 0;
      if (this.#urls[ownerOf(point)] !== undefined) points[kept++] = point;
    }
    this.#points = points.slice(0, kept);
  }

  #add(come: readonly string[]): void {
    const added = new Float64Array(come.length * POINTS);
    let at = 0;
    for (const url of come) {
      const owner = this.#free.pop() ?? this.#urls.length;
      this.#owners.set(url, owner);
      this.#urls[owner] = url;
      const begun = fnv1a(FNV_START, url);
      for (const suffix of SUFFIXES) added[at++] = mix32(fnv1a(begun, suffix)) * OWNERS + owner;
    }
    this.#points = merged(this.#points, added.sort());
    this.#orderCollisions();
  }

  /** Owners' numbers depend on when they came; among equal hashes, the URL decides. */
  #orderCollisions(): void {
    const points = this.#points;
    for (let at = 1; at < points.length; at++) {
      for (let back = at; back > 0; back--) {
        const one = points[back - 1] ?? 0;
        const other = points[back] ?? 0;
        if (hashOf(one) !== hashOf(other) || this.#urlOf(one) <= this.#urlOf(other)) break;
        points[back - 1] = other;
        points[back] = one;
      }
    }
  }

  #urlOf(point: number): string {
    return this.#urls[ownerOf(point)] ?? "";
  }
}

function hashOf(point: number): number {
  return Math.floor(point / OWNERS);
}

/** `point % OWNERS`, which takes many times as long for numbers of this size. */
function ownerOf(point: number): number {
  return point - hashOf(point) * OWNERS;
}

/** Two ascending lists as one. */
function merged(one: Float64Array, other: Float64Array): Float64Array<ArrayBuffer> {
  const both = new Float64Array(one.length + other.length);
  let [left, right] = [0, 0];
  for (let at = 0; at < both.length; at++) {
    const a = one[left] ?? Infinity;
    const b = other[right] ?? Infinity;
    if (a <= b) {
      both[at] = a;
      left++;
    } else {
      both[at] = b;
      right++;
    }
  }
  return both;
}

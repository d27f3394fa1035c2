/** Sticky sessions: a consistent hash ring, so that few keys move when engines come and go. @module */
import type { Engine } from "../base/mod.ts";
import type { Policy } from "./policy.ts";

/** Points per engine on the ring. */
const POINTS = 128;

interface Point {
  readonly at: number;
  readonly url: string;
}

/** The points of one set of engines. */
interface Ring {
  readonly urls: string;
  readonly points: readonly Point[];
}

/** Same key, same engine; requests without a key go by `fallback`. */
export function sessionAffinity(fallback: Policy): Policy {
  // One per model: models are served by different engines, and building a ring takes long.
  const rings = new Map<string, Ring>();
  return {
    pick(candidates, ask) {
      if (ask.sessionKey === undefined) return fallback.pick(candidates, ask);
      const urls = candidates.map((engine) => engine.url).join("\n");
      const kept = rings.get(ask.model);
      const points = kept?.urls === urls ? kept.points : buildRing(candidates);
      if (points !== kept?.points) rings.set(ask.model, { urls, points });
      const at = hash32(ask.sessionKey);
      const point = points[firstAtOrAfter(points, at) % points.length];
      return candidates.find((engine) => engine.url === point?.url) ?? candidates[0];
    },
  };
}

function buildRing(engines: readonly Engine[]): readonly Point[] {
  const points: Point[] = [];
  for (const { url } of engines) {
    for (let index = 0; index < POINTS; index++) {
      points.push({ at: hash32(`${url}#${index}`), url });
    }
  }
  return points.sort((a, b) => a.at - b.at || (a.url < b.url ? -1 : 1));
}

function firstAtOrAfter(ring: readonly Point[], at: number): number {
  let low = 0;
  let high = ring.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ring[middle]?.at ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** FNV-1a with a final mix (murmur3's), over UTF-16 units; unsigned 32 bits. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

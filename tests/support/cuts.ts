/** Ways to cut bytes, for feeding decoders. @module */
import { type Random, seededRandom } from "../../lib/base/mod.ts";

/** `bytes` whole, byte by byte, and at `rounds` seeded random cuts; each with a name. */
export function* allCuts(
  bytes: Uint8Array,
  rounds = 50,
): Generator<{ name: string; pieces: Uint8Array[] }> {
  yield { name: "whole", pieces: [bytes] };
  yield { name: "byte by byte", pieces: [...bytes].map((byte) => Uint8Array.of(byte)) };
  for (let seed = 1; seed <= rounds; seed++) {
    yield { name: `random cuts, seed ${seed}`, pieces: randomCuts(bytes, seededRandom(seed)) };
  }
}

/** `bytes` in pieces of 1 to 40 bytes. */
export function randomCuts(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random.next() * 40);
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}

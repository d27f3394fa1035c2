/** One engine after the other. @module */
import type { Policy } from "./policy.ts";

/** Turns kept; beyond it those that began first are forgotten. */
const MAX_TURNS = 4_096;

/**
 * One engine after the other, by model, mode and protocol. The second engine of a pair is shifted by
 * one whenever all combinations of the present turn order have been met: both sides turn evenly, and
 * over time every pair is used alike. Turning both without it would use `lcm(n, m)` of `n * m` pairs.
 *
 * @param first The first turn, at least 0: which engine it begins with.
 */
export function roundRobin(first = 0): Policy {
  const turns = new Map<string, number>();
  return {
    pick(from, { model, mode, attempt, peer }) {
      const key = `${mode ?? ""} ${peer?.candidate.engine.kv ?? ""} ${model}`;
      const turn = turns.get(key) ?? first;
      if (attempt === 1) setBounded(turns, key, (turn + 1) % Number.MAX_SAFE_INTEGER);
      const shift = peer === undefined ? 0 : Math.floor(turn / lcm(from.length, peer.among));
      return from[(turn + shift) % from.length] ?? from[0];
    },
  };
}

function setBounded(turns: Map<string, number>, key: string, turn: number): void {
  turns.set(key, turn);
  if (turns.size <= MAX_TURNS) return;
  for (const oldest of turns.keys()) {
    turns.delete(oldest);
    return;
  }
}

/** Least common multiple of two positive integers. */
function lcm(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

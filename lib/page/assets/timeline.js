// @ts-check
/** Where a request's time went, as stretches of a line. Pure. @module */

/** @typedef {import("../../observe/mod.ts").PhaseTimes} PhaseTimes */

/** Parts of a request's time in the order in which they follow. */
export const PHASES = /** @type {const} */ ([
  "queue",
  "tokenize",
  "prefill",
  "kv_wait",
  "first_byte",
  "stream",
]);

/**
 * The parts that took place, in milliseconds from the arrival. They are laid from the end backwards:
 * what is left over at the beginning is of attempts before the last.
 * @param {PhaseTimes} times
 */
export function stretches(times) {
  const there = PHASES.flatMap((phase) => {
    const ms = times[phase];
    return ms === undefined ? [] : [{ phase, ms }];
  });
  const whole = there.reduce((sum, { ms }) => sum + ms, 0);
  let start = Math.max(0, (times.total ?? whole) - whole);
  return there.map(({ phase, ms }) => {
    const stretch = { phase, start, ms };
    start += ms;
    return stretch;
  });
}

/**
 * The time that the whole width stands for: few that took very long leave the others room.
 * @param {readonly { readonly phases: PhaseTimes }[]} requests
 * @returns {number} Milliseconds.
 */
export function scaleOf(requests) {
  const totals = requests.map(({ phases }) => phases.total ?? 0).sort((one, other) => one - other);
  const usual = totals[Math.floor((totals.length - 1) * 0.9)] ?? 0;
  return Math.max(1, Math.min(totals.at(-1) ?? 0, usual * 1.5));
}

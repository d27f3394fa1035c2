/** Whether two values of a configuration say the same. @module */

/** By what they hold, in the order in which they hold it; maps are compared as lists of pairs. */
export function isSame(one: unknown, other: unknown): boolean {
  return one === other || textOf(one) === textOf(other);
}

function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Map) return [...part];
    // There is no number without end in JSON.
    return part === Infinity ? "Infinity" : part;
  });
}

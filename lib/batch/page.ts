/** A part of a list, as clients ask for it. @module */

/** Which part. */
export interface PageAsk {
  readonly limit: number;
  /** The number behind which it begins, in the order of the list; absent: at its beginning. */
  readonly after?: number | undefined;
}

/** A part, and whether the list goes on behind it. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

/** The first `limit` of `found`, which is one more where there is more. */
export function pageOf<T>(found: readonly T[], limit: number): Page<T> {
  return { items: found.slice(0, limit), more: found.length > limit };
}

/** A part as clients are told of it: OpenAI's list object. */
export function listObject<T extends { readonly id: string }>(
  { items, more }: Page<T>,
  objectOf: (item: T) => Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return {
    object: "list",
    data: items.map(objectOf),
    first_id: items[0]?.id ?? null,
    last_id: items.at(-1)?.id ?? null,
    has_more: more,
  };
}

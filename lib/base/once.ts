/** What is made when it is first asked for. @module */

/** Gives what `make` does, which is called the first time alone: a start does not wait for it. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

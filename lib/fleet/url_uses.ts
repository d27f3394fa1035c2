/** How often each URL is in use. @module */

/** Counts uses by URL. */
export class UrlUses {
  readonly #counts = new Map<string, number>();

  /** URLs in use. */
  get size(): number {
    return this.#counts.size;
  }

  /** One use more. */
  begin(url: string): void {
    this.#counts.set(url, (this.#counts.get(url) ?? 0) + 1);
  }

  /** One use less, of those that were begun; whether it was the last. */
  end(url: string): boolean {
    const left = (this.#counts.get(url) ?? 0) - 1;
    if (left > 0) this.#counts.set(url, left);
    else this.#counts.delete(url);
    return left <= 0;
  }
}

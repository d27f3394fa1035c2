/**
 * Reads tool calls out of generated text as it comes: `{"name": "f", "arguments": {…}}`, with
 * anything around them skipped.
 * @module
 */

/** What became known of a tool call. */
export type ToolEvent =
  | { readonly kind: "begin"; readonly index: number; readonly name: string }
  | { readonly kind: "arguments"; readonly index: number; readonly text: string };

const NAME = /"name"\s*:\s*"((?:[^"\\]|\\.)*)"/;
const VALUE = /"(?:arguments|parameters)"\s*:\s*(?=\{)/;

/** Finds calls one after another; keeps no more text than it needs. */
export class ToolScanner {
  #state: "name" | "value" | "inside" = "name";
  #text = "";
  #calls = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** How many calls have begun. */
  get calls(): number {
    return this.#calls;
  }

  /** True while a call has begun and its arguments have not ended. */
  get open(): boolean {
    return this.#state !== "name";
  }

  /** Add text; returns what it made known. */
  add(text: string): readonly ToolEvent[] {
    this.#text += text;
    const events: ToolEvent[] = [];
    while (this.#advance(events));
    return events;
  }

  #advance(events: ToolEvent[]): boolean {
    if (this.#state === "name") {
      const found = NAME.exec(this.#text);
      if (found === null) return false;
      this.#text = this.#text.slice(found.index + found[0].length);
      events.push({ kind: "begin", index: this.#calls++, name: found[1] ?? "" });
      this.#state = "value";
      return true;
    }
    if (this.#state === "value") {
      const found = VALUE.exec(this.#text);
      if (found === null) return false;
      this.#text = this.#text.slice(found.index + found[0].length);
      this.#state = "inside";
      return true;
    }
    const end = this.#scanValue();
    if (end > 0) {
      events.push({
        kind: "arguments",
        index: this.#calls - 1,
        text: this.#text.slice(0, end),
      });
    }
    this.#text = this.#text.slice(end);
    if (this.#depth > 0 || end === 0) return false;
    this.#state = "name";
    return true;
  }

  /** How much of the text belongs to the value begun; `#depth` is 0 when it has ended. */
  #scanValue(): number {
    for (let at = 0; at < this.#text.length; at++) {
      const char = this.#text[at];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (char === "\\") this.#escaped = true;
        else if (char === '"') this.#inString = false;
      } else if (char === '"') {
        this.#inString = true;
      } else if (char === "{" || char === "[") {
        this.#depth++;
      } else if ((char === "}" || char === "]") && --this.#depth === 0) {
        return at + 1;
      }
    }
    return this.#text.length;
  }
}

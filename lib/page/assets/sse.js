// @ts-check
/** Server-sent events out of text that comes in pieces. Pure. @module */

/** Longest event, in characters: a full one of 1,000 engines is far shorter. */
const MAX_EVENT = 32 * 1024 * 1024;

/** Takes a stream apart. Mutable. */
export class EventDecoder {
  #text = "";

  /**
   * The events that `text` completes. Throws `RangeError` where one is too long.
   * @param {string} text
   * @returns {readonly { readonly name: string, readonly data: string }[]}
   */
  push(text) {
    const events = (this.#text + text).split("\n\n");
    this.#text = events.pop() ?? "";
    if (this.#text.length > MAX_EVENT) throw new RangeError("An event is too long");
    return events.flatMap((event) => {
      /** @type {Record<string, string>} */
      const fields = {};
      for (const line of event.split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
      }
      const { event: name = "message", data } = fields;
      // Without data it is a comment, which keeps a connection open.
      return data === undefined ? [] : [{ name, data }];
    });
  }
}

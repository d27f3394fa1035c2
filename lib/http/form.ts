/** A form as the router needs it: its small fields by name; the rest stays as the client sent it. @module */
import { type ByteParts, encodeUtf8, RouterError, type Sliced } from "../base/mod.ts";
import { JsonObject } from "../openai/mod.ts";
import { boundaryOf, type FormPart, scanningForm } from "./multipart.ts";

/** Longest field that is read here, in bytes: those that decide the way are small. */
const MAX_FIELD_BYTES = 64 * 1024;

/** A `multipart/form-data` body whose parts are known. */
export class Form {
  readonly #bytes: Uint8Array;
  readonly #parts: readonly FormPart[];

  constructor(bytes: Uint8Array, parts: readonly FormPart[]) {
    this.#bytes = bytes;
    this.#parts = parts;
  }

  /** The form that `bytes` are, in steps. Throws `bad-request`. */
  static *reading(bytes: Uint8Array, contentType: string): Sliced<Form> {
    return new Form(bytes, yield* scanningForm(bytes, boundaryOf(contentType)));
  }

  /**
   * The text of a field; undefined when it is absent. Throws `bad-request` for one that not all engines
   * would read alike: given twice, as a file, or not as UTF-8; and for a very long one.
   */
  text(name: string): string | undefined {
    const part = this.#part(name);
    if (part === undefined) return undefined;
    const { start, end, fileName } = part;
    if (fileName !== undefined) throw refused(name, "must be a text, not a file");
    if (end - start > MAX_FIELD_BYTES) {
      throw refused(name, `has ${end - start} bytes; at most ${MAX_FIELD_BYTES} are accepted`);
    }
    try {
      return utf8.decode(this.#bytes.subarray(start, end));
    } catch (cause) {
      throw refused(name, "is not UTF-8", cause);
    }
  }

  /** The whole body with `text` in the place of what a field of it says; nothing is copied. */
  with(name: string, text: string): ByteParts {
    const part = this.#part(name);
    if (part === undefined) return this.whole;
    const before = this.#bytes.subarray(0, part.start);
    return [before, encodeUtf8(text), this.#bytes.subarray(part.end)];
  }

  /** The body as it came. */
  get whole(): ByteParts {
    return [this.#bytes];
  }

  /** Those of its fields that are prompts, as an object: what is known of the work it asks for. */
  prompts(): JsonObject {
    const asked = ["prompt", "input"].flatMap((name) => {
      const text = this.text(name);
      return text === undefined ? [] : [[name, text] as const];
    });
    return new JsonObject(encodeUtf8(JSON.stringify(Object.fromEntries(asked))));
  }

  #part(name: string): FormPart | undefined {
    const [part, another] = this.#parts.filter((each) => each.name === name);
    if (another !== undefined) throw refused(name, "is given several times");
    return part;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function refused(name: string, what: string, cause?: unknown): RouterError {
  return new RouterError("bad-request", `Field '${name}' ${what}`, { param: name, cause });
}

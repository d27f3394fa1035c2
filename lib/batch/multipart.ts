/**
 * A form with files in it, read as it comes: `multipart/form-data`.
 *
 * Source: RFC 7578, RFC 2046 section 5.1.
 * @module
 */
import { concatBytes, decodeUtf8, encodeUtf8, indexOfBytes, RouterError } from "../base/mod.ts";

/** Where the form comes from. */
export interface FormSource {
  /** The next bytes; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
}

/** One field of a form. What is not read of it is passed over. */
export interface Part {
  readonly name: string;
  /** Set where it is a file. */
  readonly filename: string | undefined;
  /** The next bytes of its value; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
}

/** Longest header of a field, and what may stand before the first, in bytes. */
const MAX_HEADER = 16 * 1024;

/** Fields of a form at most. */
const MAX_PARTS = 32;

const HEADER_END = encodeUtf8("\r\n\r\n");

/** Reads the fields one after the other. Rejects with `bad-request` for what is no form. */
export class MultipartReader {
  readonly #source: FormSource;
  /** What ends a value. */
  readonly #delimiter: Uint8Array;
  /** What has come and was not given out. */
  #held: Uint8Array = new Uint8Array(0);
  #over = false;
  #parts = 0;
  /** The value of a field is not at its end. */
  #within = true;

  /** `contentType` is that of the request. Throws `bad-request` where it is of no form. */
  constructor(source: FormSource, contentType: string | undefined) {
    this.#source = source;
    this.#delimiter = encodeUtf8(`\r\n--${boundaryOf(contentType)}`);
    // The first delimiter has no line before it that it could end.
    this.#held = encodeUtf8("\r\n");
  }

  /** The next field; undefined behind the last. */
  async next(): Promise<Part | undefined> {
    let passed = 0;
    for (let more = await this.#value(); more !== undefined; more = await this.#value()) {
      passed += this.#parts === 0 ? more.length : 0;
      if (passed > MAX_HEADER) throw malformed("it does not begin with its boundary");
    }
    if (this.#over) return undefined;
    if (++this.#parts > MAX_PARTS) throw malformed(`it has more than ${MAX_PARTS} fields`);
    const part = headerOf(decodeUtf8(await this.#header()));
    this.#within = true;
    const mine = this.#parts;
    return {
      ...part,
      read: () => this.#parts === mine ? this.#value() : Promise.resolve(undefined),
    };
  }

  /** The next bytes of the value; undefined when it is at its end, and the delimiter passed. */
  async #value(): Promise<Uint8Array | undefined> {
    while (this.#within) {
      const at = indexOfBytes(this.#held, this.#delimiter);
      if (at === 0) {
        await this.#passDelimiter();
        return undefined;
      }
      // The end may be the beginning of a delimiter.
      const sure = at > 0 ? at : this.#held.length - this.#delimiter.length + 1;
      if (sure > 0) return this.#take(sure);
      await this.#more();
    }
    return undefined;
  }

  async #passDelimiter(): Promise<void> {
    this.#take(this.#delimiter.length);
    while (this.#held.length < 2) await this.#more();
    this.#within = false;
    if (this.#held[0] === DASH && this.#held[1] === DASH) this.#over = true;
  }

  /** The header that follows a delimiter, and the blanks that there may be in front of it. */
  async #header(): Promise<Uint8Array> {
    for (;;) {
      const at = indexOfBytes(this.#held, HEADER_END);
      if (at > MAX_HEADER || (at < 0 && this.#held.length > MAX_HEADER)) {
        throw malformed(`a field's header has more than ${MAX_HEADER} bytes`);
      }
      if (at >= 0) {
        const header = this.#take(at);
        this.#take(HEADER_END.length);
        return header;
      }
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const bytes = await this.#source.read();
    if (bytes === undefined) throw malformed("it ends before its last boundary");
    this.#held = this.#held.length === 0 ? bytes : concatBytes([this.#held, bytes]);
  }

  #take(count: number): Uint8Array {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }
}

const DASH = 0x2d;

function boundaryOf(contentType: string | undefined): string {
  const [type = "", ...parameters] = (contentType ?? "").split(";");
  if (type.trim().toLowerCase() !== "multipart/form-data") {
    throw new RouterError("bad-request", "Send a form: 'Content-Type: multipart/form-data'");
  }
  for (const parameter of parameters) {
    const [, quoted, plain] = /^\s*boundary=(?:"([^"]*)"|(\S+))\s*$/i.exec(parameter) ?? [];
    const given = quoted ?? plain ?? "";
    if (/^[\x20-\x7e]{1,70}$/.test(given)) return given;
  }
  throw malformed("its 'Content-Type' names no boundary");
}

function headerOf(header: string): Pick<Part, "name" | "filename"> {
  const [, value] = /^content-disposition:[ \t]*form-data([^\r\n]*)$/im.exec(header) ?? [];
  const name = value === undefined ? undefined : parameterOf(value, "name");
  if (value === undefined || name === undefined) {
    throw malformed("a field has no 'Content-Disposition: form-data' with a name");
  }
  return { name, filename: parameterOf(value, "filename") };
}

/** The value of a parameter, as browsers and clients write it; undefined for none. */
function parameterOf(text: string, name: string): string | undefined {
  const form = new RegExp(`;[ \\t]*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;"\\s]*))`, "i");
  const [, quoted, plain] = form.exec(text) ?? [];
  // Browsers write a quote as %22, others as \".
  return quoted?.replace(/\\(["\\])/g, "$1").replaceAll("%22", '"') ?? plain;
}

function malformed(what: string): RouterError {
  return new RouterError("bad-request", `The form cannot be read: ${what}`);
}

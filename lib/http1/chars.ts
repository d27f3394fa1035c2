/**
 * Which bytes may stand where in an HTTP/1.1 message (RFC 9110 section 5, RFC 9112 section 3).
 * @module
 */
import { SPACE, TAB } from "../base/mod.ts";

/** Field names and methods: `tchar` of RFC 9110 section 5.6.2. */
export const TOKEN = 1;
/** Field values: tab, space, visible US-ASCII and `obs-text`. */
export const VALUE = 2;
/** Request targets: visible US-ASCII. */
export const TARGET = 4;

export const SEMICOLON = 0x3b;
export const DELETE = 0x7f;

/** By byte, the kinds of text it may stand in. */
export const CHARS: Uint8Array = buildTable();

/** True for a byte that may stand in no line of a message: a control character other than a tab. */
export function isControl(byte: number): boolean {
  return (byte < SPACE && byte !== TAB) || byte === DELETE;
}

function buildTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const visible = byte > SPACE && byte < DELETE;
    const token = visible && !'"(),/:;<=>?@[\\]{}'.includes(String.fromCharCode(byte));
    const value = visible || byte === SPACE || byte === TAB || byte >= 0x80;
    table[byte] = (token ? TOKEN : 0) | (value ? VALUE : 0) | (visible ? TARGET : 0);
  }
  return table;
}

/**
 * Which bytes may stand where in an HTTP/1.1 message (RFC 9110 section 5, RFC 9112 section 3).
 * @module
 */

/** Field names and methods: `tchar` of RFC 9110 section 5.6.2. */
export const TOKEN = 1;
/** Field values: tab, space, visible US-ASCII and `obs-text`. */
export const VALUE = 2;
/** Request targets: visible US-ASCII. */
export const TARGET = 4;

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const DELETE = 0x7f;

/** By byte, the kinds of text it may stand in. */
export const CHARS: Uint8Array = buildTable();

/** Value of a hexadecimal digit, or -1. */
export function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

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

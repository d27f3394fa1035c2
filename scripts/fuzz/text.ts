/**
 * Bytes as text with one character for each, so that inputs of all parsers are made, cut and shown in
 * one way.
 * @module
 */
import { encodeUtf8 } from "../../lib/base/mod.ts";

/** The bytes of `text`, whose characters are all below 256. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** `bytes` as text with one character for each. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** The UTF-8 bytes of `text`, with one character for each. */
export function utf8Text(text: string): string {
  return textOf(encodeUtf8(text));
}

/**
 * `value` as text that is the same for equal values: bytes, maps and errors have a form of theirs.
 * What is nested too deeply to be written has one in common.
 */
export function show(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, each: unknown) => plain(each)) ?? "undefined";
  } catch (error) {
    if (error instanceof RangeError) return "(nested too deeply)";
    throw error;
  }
}

function plain(each: unknown): unknown {
  if (each instanceof Uint8Array) return `bytes ${textOf(each)}`;
  if (each instanceof Map) return { map: [...each] };
  if (each instanceof Set) return { set: [...each] };
  if (each instanceof Error) return `${each.name}: ${each.message}`;
  if (typeof each === "bigint") return `${each}n`;
  return typeof each === "number" && !Number.isFinite(each) ? String(each) : each;
}

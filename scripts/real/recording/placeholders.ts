/**
 * Values that differ from run to run, replaced so that their kind and shape can still be compared:
 * ids keep their prefix and the number of their digits, times keep whether they have a fraction.
 * @module
 */
import { isObject, type Json } from "./exchange.ts";

/** Keys whose strings are ids of the engine's own making. */
const ID_KEY = /(^|_)(id|ids|fingerprint)$/;
const TIME_KEY = /^(created|created_at|completed_at|remote_blocks_expiry_time|server_load)$/;
const PORT_KEY = /(^|_)port$/;
const HOST_KEY = /(^|_)(host|root)$/;

/** Decimals kept of a number with a fraction, and what stands for one that has none left. */
const DECIMALS = 2;
const SMALLEST = 0.01;

const ID_SHAPES: readonly (readonly [shape: RegExp, placeholder: string])[] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<uuid>"],
  [/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g, "<32 hex>"],
  [/(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])/g, "<16 hex>"],
  [/(?<![0-9a-f])[0-9a-f]{8}(?![0-9a-f])/g, "<8 hex>"],
];

/** `value` with placeholders; `key` is what it is called where it stands. */
export function withPlaceholders(value: Json, key = ""): Json {
  if (typeof value === "string") return stringPlaceholder(value, key);
  if (typeof value === "number") return numberPlaceholder(value, key);
  if (!isObject(value)) {
    return Array.isArray(value) ? value.map((item) => withPlaceholders(item, key)) : value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withPlaceholders(member, name)]),
  );
}

function stringPlaceholder(text: string, key: string): string {
  if (HOST_KEY.test(key)) return `<${key}>`;
  if (!ID_KEY.test(key)) return text;
  return ID_SHAPES.reduce((now, [shape, placeholder]) => now.replace(shape, placeholder), text);
}

function numberPlaceholder(value: number, key: string): Json {
  if (TIME_KEY.test(key)) return Number.isInteger(value) ? "<whole number>" : "<number>";
  if (PORT_KEY.test(key)) return "<port>";
  // Engines do not agree with themselves on more.
  return Number.isInteger(value) ? value : Number(value.toFixed(DECIMALS)) || SMALLEST;
}

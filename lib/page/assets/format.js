// @ts-check
/** Numbers and times for people. Pure. @module */

/** What stands for a figure that nobody knows. */
export const UNKNOWN = "–";

const COUNT = new Intl.NumberFormat("en");
const NAMES = new Intl.Collator("en", { numeric: true });

/**
 * A time in milliseconds with its unit, three digits at most.
 * @param {number | null | undefined} ms
 * @returns {string}
 */
export function duration(ms) {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return span(ms / 1_000);
}

/**
 * A bound of a histogram: as short as it can be.
 * @param {number} ms
 * @returns {string}
 */
export function bound(ms) {
  if (ms < 1_000) return `${ms} ms`;
  return ms < 60_000 ? `${ms / 1_000} s` : `${ms / 60_000} min`;
}

/**
 * A longer time in seconds, by its two largest units.
 * @param {number} seconds
 * @returns {string}
 */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3_600)];
  if (minutes < 1) return `${whole} s`;
  if (hours < 1) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

/**
 * How long ago something was, in seconds.
 * @param {number} seconds
 * @returns {string}
 */
export function ago(seconds) {
  if (seconds < 1.5) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3_600)} h ago`;
}

/**
 * A whole number.
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function count(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return value < 1e6 ? COUNT.format(Math.round(value)) : `${(value / 1e6).toFixed(1)} M`;
}

/**
 * A number in a second.
 * @param {number} value
 * @returns {string}
 */
export function rate(value) {
  return value === 0 || value >= 100 ? count(value) : value.toFixed(value < 10 ? 1 : 0);
}

/**
 * A share, 0 to 1.
 * @param {number | null | undefined} share
 * @returns {string}
 */
export function percent(share) {
  if (share === null || share === undefined) return UNKNOWN;
  const hundredths = share * 100;
  // What is not all is not shown as all.
  return hundredths > 99 && hundredths < 100
    ? `${(Math.floor(hundredths * 10) / 10).toFixed(1)} %`
    : `${Math.round(hundredths)} %`;
}

/**
 * Bytes.
 * @param {number} value
 * @returns {string}
 */
export function bytes(value) {
  if (value < 1_024) return `${value} B`;
  if (value < 1_048_576) return `${Math.round(value / 1_024)} KiB`;
  return `${(value / 1_048_576).toFixed(1)} MiB`;
}

/**
 * The order of two names, numbers in them by their value.
 * @param {string} one
 * @param {string} other
 * @returns {number}
 */
export function byName(one, other) {
  return NAMES.compare(one, other);
}

/**
 * Something with its number: `1 request`, `2 requests`.
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 * @returns {string}
 */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/**
 * The time of a day, as the reader's own clock has it.
 * @param {number} unixSeconds
 * @returns {string}
 */
export function clockTime(unixSeconds) {
  const at = new Date(unixSeconds * 1_000);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
}

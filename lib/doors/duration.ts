/** Durations as OpenAI's `x-ratelimit-reset-*` fields write them. @module */

/** `ms` as e.g. `17ms`, `1.5s`, `6m0s`; rounded up, so that whoever waits so long has waited enough. */
export function durationText(ms: number): string {
  const whole = Math.ceil(Math.max(0, ms) - 1e-6);
  if (whole === 0) return "0s";
  if (whole < 1000) return `${whole}ms`;
  const minutes = Math.floor(whole / 60_000);
  const seconds = (whole - minutes * 60_000) / 1000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}

/** `ms` for `Retry-After`: whole seconds, at least one. */
export function retryAfter(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000 - 1e-9)));
}

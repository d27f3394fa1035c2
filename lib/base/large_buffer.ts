/**
 * Memory of large buffers, given back as soon as nobody needs it. V8 counts it to its old heap, which is
 * collected as a whole when that grows by some: prompts of 128 KB had that done ten times a second, each
 * time for 50 ms of work.
 * @module
 */

/** Smaller buffers are left to the collector, in bytes: giving one back costs a microsecond. */
const LARGE_BYTES = 16 * 1024;

/**
 * Give back the buffer that `bytes` are a part of, if it is large: it and all views of it are empty from
 * here on. Only for whoever has it alone. What a read or write that is under way has of it stays until
 * that has ended.
 */
export function giveBackBuffer({ buffer }: Uint8Array): void {
  if (buffer.byteLength < LARGE_BYTES || !(buffer instanceof ArrayBuffer)) return;
  buffer.transferToFixedLength(0);
}

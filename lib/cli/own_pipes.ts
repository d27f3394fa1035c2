/** This process as a worker: its standard input and output are its link. @module */
import type { ByteStream } from "../workers/mod.ts";

/** This process's own standard input and output as the worker's end of the link. */
export function ownPipes(): ByteStream {
  const room = new Uint8Array(64 * 1024);
  return {
    async read() {
      const count = await Deno.stdin.read(room);
      return count === null ? undefined : room.slice(0, count);
    },
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
    },
    // They end with the process.
    close: () => {},
  };
}

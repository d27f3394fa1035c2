/** Sends bytes to a server, and tells what came of them. @module */
import { SENTINEL } from "./corpus.ts";
import type { Peer, Seen } from "./peers.ts";

/** What a server made of an input. */
export interface Observed {
  readonly seen: readonly Seen[];
  /** Statuses of its final answers, in order. */
  readonly statuses: readonly number[];
}

/** Longest silence before the client says that nothing more will come, and before it gives up. */
const QUIET_MS = 80;
const GIVE_UP_MS = 5_000;

/** Send `input` and the sentinel behind it, and see. `patience` lengthens the silence. */
export async function observe(peer: Peer, input: string, patience = 1): Promise<Observed> {
  const bytes = Uint8Array.from(input + SENTINEL, (character) => character.charCodeAt(0));
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: peer.port });
  const { port } = connection.localAddr;
  const text = await talk(connection, bytes, QUIET_MS * patience);
  const statuses = [...text.matchAll(/HTTP\/1\.[01] ([2-5]\d\d)/g)].map(([, code]) => Number(code));
  return { seen: peer.take(port), statuses };
}

/** Write, and read until the other side closes. */
async function talk(
  connection: Deno.TcpConn,
  bytes: Uint8Array,
  quietMs: number,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let halfClosed = false;
  let closed = false;
  const onQuiet = (): void => {
    if (halfClosed) {
      closed = true;
      connection.close();
      return;
    }
    halfClosed = true;
    timer = setTimeout(onQuiet, GIVE_UP_MS);
    connection.closeWrite().catch(() => {}); // It has been closed by the other side.
  };
  let timer = setTimeout(onQuiet, quietMs);
  try {
    const buffer = new Uint8Array(16 * 1024);
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    for (;;) {
      const size = await connection.read(buffer);
      if (size === null) return text;
      text += decoder.decode(buffer.subarray(0, size), { stream: true });
      if (halfClosed) continue;
      clearTimeout(timer);
      timer = setTimeout(onQuiet, quietMs);
    }
  } catch (error) {
    const isEnd = error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BrokenPipe || closed;
    if (isEnd) return text;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

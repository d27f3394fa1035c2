/** Requests as bytes, for what no client library would send. @module */
import { encodeUtf8 } from "../../lib/base/mod.ts";

/** A connection to a router's port. */
export interface RawConnection extends Disposable {
  /** Send bytes, or a text as UTF-8. */
  send(sent: string | Uint8Array): Promise<void>;
  /** What has come, once it holds `end`, or the connection has ended. */
  until(end: string): Promise<string>;
  /** All that comes until the connection ends. */
  rest(): Promise<string>;
}

/** Connect; what comes is read as Latin-1, byte for byte. */
export async function rawConnection(port: number): Promise<RawConnection> {
  let closed = false;
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const decoder = new TextDecoder("latin1");
  let text = "";
  const more = async (): Promise<boolean> => {
    const buffer = new Uint8Array(16 * 1024);
    try {
      const count = await connection.read(buffer);
      if (count === null) return false;
      text += decoder.decode(buffer.subarray(0, count));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset || closed) return false;
      throw error;
    }
  };
  return {
    async send(sent) {
      let bytes = typeof sent === "string" ? encodeUtf8(sent) : sent;
      while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
    },
    async until(end) {
      while (!text.includes(end) && await more()) { /* More comes. */ }
      return text;
    },
    async rest() {
      while (await more()) { /* More comes. */ }
      return text;
    },
    [Symbol.dispose]() {
      if (!closed) connection.close();
      closed = true;
    },
  };
}

/** The answer to `request`, which asks for the connection's end. */
export async function rawRequest(port: number, request: string): Promise<string> {
  using connection = await rawConnection(port);
  await connection.send(request);
  return await connection.rest();
}

/** The status of an answer; 0 where there is none. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
}

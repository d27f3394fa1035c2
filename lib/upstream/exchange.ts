/**
 * One request on one connection, up to the head of its response.
 * @module
 */
import { WireError } from "../http1/mod.ts";
import type { UpstreamRequest } from "./client.ts";
import type { Connection } from "./connection.ts";
import { responseFraming } from "./framing.ts";
import { HeadParser, type ResponseHead } from "./head.ts";
import { aborted, LostConnection } from "./problems.ts";
import type { EncodedRequest } from "./request_head.ts";
import { PooledResponse, reportedError } from "./response.ts";

/** Most interim (1xx) responses before the final one. */
const MAX_INTERIM_RESPONSES = 64;

/**
 * Sends `encoded` and waits for the final response head.
 *
 * Resolves with `LostConnection` when the connection ended before any byte of a response: the only
 * case in which the request may be sent again. Rejects with `RouterError` otherwise, also with what
 * the connection was closed for already. In both cases the connection is closed. `release` takes it
 * back after the response.
 */
export async function exchange(
  connection: Connection,
  encoded: EncodedRequest,
  request: UpstreamRequest,
  release: (connection: Connection, reusable: boolean) => void,
): Promise<PooledResponse | LostConnection> {
  const { signal } = request;
  const onAbort = (): void => connection.close(aborted(connection.origin, signal?.reason));
  signal?.addEventListener("abort", onAbort);
  // An abort before this moment has called no listener.
  if (signal?.aborted) onAbort();
  try {
    connection.startRequest(encoded, request.headTimeoutMs);
    const head = await readHead(connection);
    const framing = responseFraming(request.method, head);
    connection.startBody(request.idleTimeoutMs);
    return new PooledResponse(connection, head, framing, (returned, reusable) => {
      signal?.removeEventListener("abort", onAbort);
      release(returned, reusable);
    });
  } catch (error) {
    signal?.removeEventListener("abort", onAbort);
    if (error instanceof LostConnection && !connection.received) {
      connection.close(error);
      return error;
    }
    const reported = reportedError(connection, error);
    connection.close(reported);
    throw reported;
  }
}

async function readHead(connection: Connection): Promise<ResponseHead> {
  const parser = new HeadParser();
  let interim = 0;
  while (await connection.fill()) {
    for (;;) {
      const head = parser.parse(connection.window);
      if (head === undefined) break;
      if (head.status >= 200) return head;
      if (head.status === 101) throw new WireError("protocol switched without being asked to");
      if (++interim > MAX_INTERIM_RESPONSES) throw new WireError("too many interim responses");
    }
  }
  throw new LostConnection("connection closed before the response head");
}

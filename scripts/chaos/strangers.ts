/** Whoever connects to the router's port for notifications without being of the fleet. @module */
import { Push } from "zeromq";
import { encode } from "@msgpack/msgpack";
import type { Random } from "../../lib/base/mod.ts";

/** Messages in one go. */
const BURST = 20;

/**
 * Sends notifications of requests that nobody has, and bytes that are none, to `port` on loopback;
 * the returned function closes the connection.
 */
export async function botherNotices(port: number, random: Random): Promise<() => void> {
  const socket = new Push({ linger: 0, sendTimeout: 1_000 });
  socket.connect(`tcp://127.0.0.1:${port}`);
  for (let index = 0; index < BURST; index++) await socket.send(message(random));
  return () => socket.close();
}

function message(random: Random): Uint8Array {
  if (random.next() < 0.5) {
    return encode({ type: "ProxyNotif", req_id: random.uuid() });
  }
  return Uint8Array.from(
    { length: 1 + Math.floor(random.next() * 200) },
    () => Math.floor(random.next() * 256),
  );
}

/**
 * A process of its own: as many peers as engines there are, each of which notifies at a steady rate.
 *
 * `notify_sender.ts PORT PEERS RATE SECONDS TAG...`: `RATE` of all together, for the tags in turn. A
 * notification's id begins with the moment it was sent at, in microseconds since 1970.
 * @module
 */
import { encode } from "@msgpack/msgpack";

const GREETING = new Uint8Array(64);
GREETING.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
GREETING.set(new TextEncoder().encode("NULL"), 12);

/** The READY command of a PUSH socket. */
const READY = ((): Uint8Array => {
  const text = (value: string): number[] => [...new TextEncoder().encode(value)];
  const body = [5, ...text("READY"), 11, ...text("Socket-Type"), 0, 0, 0, 4, ...text("PUSH")];
  return Uint8Array.from([4, body.length, ...body]);
})();

/** How often what is due is sent, in milliseconds. */
const TICK_MS = 2;

async function connected(port: number): Promise<Deno.TcpConn> {
  const peer = await Deno.connect({ hostname: "127.0.0.1", port });
  peer.setNoDelay(true);
  await peer.write(GREETING);
  await peer.write(READY);
  const room = new Uint8Array(256);
  for (let got = 0; got < 64 + READY.length;) got += await peer.read(room) ?? Infinity;
  return peer;
}

function message(tag: string, count: number): Uint8Array {
  const sentUs = Math.round((performance.timeOrigin + performance.now()) * 1000);
  const body = encode({ type: "ProxyNotif", req_id: `${sentUs}-${count}@${tag}` });
  const bytes = new Uint8Array(2 + body.length);
  bytes.set([0, body.length]);
  bytes.set(body, 2);
  return bytes;
}

const [port = 0, peers = 0, rate = 0, seconds = 0] = Deno.args.map(Number);
const tags = Deno.args.slice(4);
const sockets: Deno.TcpConn[] = [];
while (sockets.length < peers) {
  const some = Math.min(50, peers - sockets.length);
  sockets.push(...await Promise.all(Array.from({ length: some }, () => connected(port))));
}
const begun = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const elapsed = (performance.now() - begun) / 1000;
  if (elapsed > seconds) {
    clearInterval(timer);
    for (const socket of sockets) socket.close();
    return;
  }
  for (; sent < elapsed * rate; sent++) {
    void sockets[sent % peers]?.write(message(tags[sent % tags.length] ?? "", sent));
  }
}, TICK_MS);

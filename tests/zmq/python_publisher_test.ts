import { seededRandom, systemClock } from "../../lib/base/mod.ts";
import { CLIENT_SILENCE_MS, ZmtpPeer } from "../../lib/zmq/zmtp_client.ts";
import { requestMany, type SubEvent, subscribe, ZmtpLost } from "../../lib/zmq/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { python } from "./python_peer.ts";
import { within } from "./support.ts";

const clock = systemClock();
const LIMITS = { maxMessageBytes: 1024 * 1024, maxFrames: 3 };

function dial(
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: host, port });
}

function portOf(line: string): number {
  return Number(line.trim().split("\n")[0]);
}

Deno.test("subscribe() has what a pyzmq PUB sends under its topic, and connects to its successor", async () => {
  await using publisher = python(
    `
socket = context.socket(zmq.PUB)
port = socket.bind_to_random_port("tcp://127.0.0.1")
print(port, flush=True)
def publish(sock):
    # Until it is subscribed to, what is sent goes nowhere.
    for seq in range(100000):
        sock.send_multipart([b"other", b"no", b"no"])
        sock.send_multipart([b"kv", seq.to_bytes(8, "big"), b"x" * 70000])
        time.sleep(0.005)
        if sock.poll(0, zmq.POLLOUT) and seq > 100:
            break
publish(socket)
socket.close(linger=0)
again = context.socket(zmq.PUB)
for attempt in range(200):
    try:
        again.bind(f"tcp://127.0.0.1:{port}")
        break
    except zmq.ZMQError:
        time.sleep(0.02)
while True:
    publish(again)
`,
    "",
  );
  await publisher.printed();
  const end = new AbortController();
  const address = { host: "127.0.0.1", port: portOf(publisher.output()) };
  const options = { clock, random: seededRandom(1), dial, limits: LIMITS, topic: "kv" };
  const kinds: SubEvent["kind"][] = [];
  const reading = (async () => {
    for await (const event of subscribe(address, { ...options, signal: end.signal })) {
      if (event.kind !== "message") {
        kinds.push(event.kind);
        continue;
      }
      if (kinds.at(-1) !== "message") kinds.push("message");
      const [topic, seq, payload, ...more] = event.frames.map((frame) => frame.length);
      assertEquals([topic, seq, payload, more], [2, 8, 70_000, []]);
      if (kinds.filter((kind) => kind === "message").length === 2) end.abort();
    }
  })();
  await within(reading, "messages of two publishers");
  // The second socket may not be there at once.
  const tries = kinds.slice(2, -2);
  assertEquals(kinds.slice(0, 2), ["open", "message"]);
  assertEquals(tries.every((kind) => kind === "lost") && tries.length > 0, true, kinds.join());
  assertEquals(kinds.slice(-2), ["open", "message"]);
});

Deno.test("requestMany() has the replay of a pyzmq ROUTER, as vLLM sends it", async () => {
  await using router = python(
    `
socket = context.socket(zmq.ROUTER)
print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
identity, empty, start = socket.recv_multipart()
assert empty == b"" and len(start) == 8, (empty, start)
for seq in range(int.from_bytes(start, "big"), 5):
    socket.send_multipart((identity, b"", seq.to_bytes(8, "big"), b"payload %d" % seq))
socket.send_multipart((identity, b"", (-1).to_bytes(8, "big", signed=True), b""))
time.sleep(30)
`,
    "",
  );
  await router.printed();
  const end = new AbortController();
  const address = { host: "127.0.0.1", port: portOf(router.output()) };
  const start = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 3);
  const asked = { clock, dial, limits: LIMITS, signal: end.signal, idleMs: 20_000 };
  const seen: (readonly [number | undefined, string])[] = [];
  for await (const [seq, payload] of requestMany(address, [start], asked)) {
    if (seq?.[0] === 0xff) break;
    seen.push([seq?.[7], new TextDecoder().decode(payload)]);
  }
  assertEquals(seen, [[3, "payload 3"], [4, "payload 4"]]);
});

Deno.test("ZmtpPeer.next() takes the PONG of a pyzmq PUB that is silent for a sign of life", async () => {
  await using publisher = python(
    `
socket = context.socket(zmq.PUB)
print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
time.sleep(30)
`,
    "",
  );
  await publisher.printed();
  const clock = new FakeClock();
  const end = new AbortController();
  const address = { host: "127.0.0.1", port: portOf(publisher.output()) };
  const options = { clock, dial, limits: LIMITS, type: "SUB", signal: end.signal } as const;
  using peer = await ZmtpPeer.open(address, options);
  const next = peer.next().catch((error: unknown) => error);
  for (let round = 0; round < 3; round++) {
    await eventually(() => clock.dueIn(CLIENT_SILENCE_MS), () => "the wait for its silence");
    await clock.advance(CLIENT_SILENCE_MS);
  }
  await eventually(() => clock.dueIn(CLIENT_SILENCE_MS), () => "an answer to the third PING");
  end.abort();
  assertEquals(await next instanceof ZmtpLost, true);
});

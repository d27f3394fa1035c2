import { bindPull } from "../../lib/zmq/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";
import {
  data,
  event,
  type ScriptedPair,
  sse,
  startPair,
  usageEvent,
} from "../support/scripted_pair.ts";

/** LMCache's ranks, played by pyzmq and msgpack: one PUSH socket each, one message per line read. */
const RANKS = `
import sys
try:
    import msgpack, zmq
except ImportError as error:
    sys.exit(f"install Debian's python3-zmq and python3-msgpack: {error}")
context = zmq.Context()
ranks = []
for _ in range(2):
    rank = context.socket(zmq.PUSH)
    rank.connect(sys.argv[1])
    ranks.append(rank)
print("connected", flush=True)
for line in sys.stdin:
    kind, req_id = line.split()
    if kind == "garbage":
        ranks[0].send(b"\\xc1\\xff\\x00")
        ranks[1].send(msgpack.packb({"type": "Unheard", "req_id": req_id}))
        ranks[1].send(msgpack.packb({"type": "ProxyNotif", "req_id": "somebody-else"}))
    else:
        ranks[int(kind)].send(msgpack.packb({"type": "ProxyNotif", "req_id": req_id}))
    print("sent", flush=True)
context.destroy(linger=0)
`;

/** The Python process; each \`say\` resolves when its message is with ZeroMQ. */
async function startRanks(
  port: number,
): Promise<AsyncDisposable & { say(line: string): Promise<void> }> {
  const process = new Deno.Command("/usr/bin/python3", {
    args: ["-c", RANKS, `tcp://127.0.0.1:${port}`],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const limit = setTimeout(() => process.kill("SIGKILL"), 20_000);
  const writer = process.stdin.getWriter();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  const line = async (expected: string): Promise<void> => {
    while (!unread.includes("\n")) {
      const { value } = await reader.read();
      assert(value !== undefined, "python3 ended (see its message above)");
      unread += value;
    }
    const [first, ...rest] = unread.split("\n");
    unread = rest.join("\n");
    assertEquals(first, expected);
  };
  await line("connected");
  return {
    async say(text) {
      await writer.write(new TextEncoder().encode(`${text}\n`));
      await line("sent");
    },
    async [Symbol.asyncDispose]() {
      await writer.close();
      while (!(await reader.read()).done) { /* until it ends */ }
      await process.status;
      clearTimeout(limit);
    },
  };
}

function kvIdOf({ prefill }: ScriptedPair): string {
  const leg = prefill.asked.findLast(({ path }) => path === "/v1/completions");
  return JSON.parse(leg?.text ?? "").kv_transfer_params.disagg_spec.req_id;
}

Deno.test("ranks in Python: the decode leg waits for both, whatever else they send", async () => {
  const rest = [event(" two", { finish_reason: "stop" }), usageEvent(4, 1), data("[DONE]")];
  await using pair = await startPair({
    prefill: { notifications: 0 },
    decode: () => sse(rest),
    ranks: 2,
    router: { ports: { bindPull } },
  });
  await using python = await startRanks(pair.router.notifyPort);
  const answer = await post(`${pair.router.url}/v1/completions`, {
    model: "m",
    prompt: "hi",
    max_tokens: 5,
    stream: true,
  });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert((await reader?.read())?.value?.includes(" one"));
  const kvId = kvIdOf(pair);
  await python.say(`garbage ${kvId}`);
  await python.say(`0 ${kvId}`);
  const metrics = async (): Promise<string> =>
    await (await fetch(`${pair.router.url}/metrics`)).text();
  const counted = 'kv_notifications_total{result="counted"} 1';
  await eventually(async () => (await metrics()).includes(counted), () => counted);
  assertEquals(pair.decodeLegs(), []);
  await python.say(`1 ${kvId}`);
  let text = "";
  for (let part = await reader?.read(); !part?.done; part = await reader?.read()) {
    text += part?.value;
  }
  assert(text.includes(" two") && text.includes("[DONE]"));
  assertEquals(pair.decodeLegs().length, 1);
  const seen = await metrics();
  for (const result of ["completed", "garbage", "unknown-type", "early"]) {
    assert(seen.includes(`kv_notifications_total{result="${result}"} 1`), `${result} in ${seen}`);
  }
});

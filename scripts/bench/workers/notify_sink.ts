/**
 * A process of its own that takes notifications: a worker's end of a link, or, with a port, the socket of a
 * router of one process. It says in the end how long they took, in microseconds, as JSON on standard error.
 *
 * `notify_sink.ts [PORT]`
 * @module
 */
import { systemClock } from "../../../lib/base/mod.ts";
import { ownPipes } from "../../../lib/cli/own_pipes.ts";
import { Member } from "../../../lib/workers/mod.ts";
import { bindPull, decodeNotice } from "../../../lib/zmq/mod.ts";

const took: number[] = [];

function take(frames: readonly Uint8Array[]): void {
  const notice = decodeNotice(frames);
  if (notice.kind !== "kv-ready") return;
  const [sentUs = ""] = notice.reqId.split("-");
  took.push((performance.timeOrigin + performance.now()) * 1000 - Number(sentUs));
}

async function takeAll(source: AsyncIterable<readonly Uint8Array[]>): Promise<void> {
  for await (const frames of source) take(frames);
}

function tell(): void {
  const bytes = new TextEncoder().encode(JSON.stringify({ took }));
  for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  Deno.exit(0);
}

const clock = systemClock();
const [port] = Deno.args.map(Number);
Deno.addSignalListener("SIGTERM", tell);
if (port !== undefined) {
  const socket = await bindPull({ host: "127.0.0.1", port }, { clock });
  await takeAll(socket.frames());
} else {
  const member = await Member.join(ownPipes());
  if (member?.pull === undefined) Deno.exit(1);
  member.onOrder(tell);
  member.over.then(tell);
  await member.tell({ kind: "serving", address: { hostname: "127.0.0.1", port: 1 } });
  const socket = await member.pull.bind({ host: "", port: 0 }, { clock });
  await takeAll(socket.frames());
}

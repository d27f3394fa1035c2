/**
 * A program of its own, as it may never end by itself: awaits the addon's plain `receive` while
 * peers join and send, then prints how many of their messages it got, e.g. `0 of 20`.
 * @module
 */
import { Pull, Push } from "zeromq";

const COUNT = 20;

/** What comes later than that is taken for lost, in milliseconds; it takes a few. */
const PATIENCE_MS = 2000;

const pull = new Pull({ linger: 0 });
const { events } = pull;
await pull.bind("tcp://127.0.0.1:0");

let received = 0;
const all = (async () => {
  for await (const _message of pull) if (++received === COUNT) return;
})();

for (let index = 0; index < COUNT; index++) {
  const push = new Push({ linger: 0 });
  push.connect(pull.lastEndpoint ?? "");
  while ((await events.receive()).type !== "handshake");
  // The socket hears of its peer before there is a message.
  await new Promise((resolve) => setTimeout(resolve, 5));
  await push.send("a message");
}

await Promise.race([all, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
Deno.stdout.writeSync(new TextEncoder().encode(`${received} of ${COUNT}\n`));
Deno.exit(0);

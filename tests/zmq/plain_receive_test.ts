import { assert, assertMatch } from "../support/assert.ts";

/** Far above what it takes; a native call that hangs must not hang the tests. */
const DEADLINE_MS = 30_000;

/** Runs, of which one that misses a message shows the fault: on a busy machine some do not. */
const RUNS = 5;

/** How many of 20 messages one run got. */
async function receivedOf20(): Promise<number> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-all",
      new URL("plain_receive.ts", import.meta.url).pathname,
    ],
    stdin: "null",
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).output();
  const text = new TextDecoder();
  const said = text.decode(stdout);
  assertMatch(said, /^\d+ of 20\n$/, `it ended without a count: ${said}${text.decode(stderr)}`);
  return Number.parseInt(said);
}

/**
 * Holds as long as the fault does (denoland/deno issue 36317): it fails on the Deno that has none,
 * and says what is to be done then.
 */
Deno.test("the addon's plain receive() still misses messages of peers that join while it waits", async () => {
  let missed = false;
  for (let run = 0; run < RUNS && !missed; run++) missed = await receivedOf20() < 20;
  assert(
    missed,
    `Deno ${Deno.version.deno} polls as it should: plain receive() got all of 20 messages. The ` +
      "workaround may go: let lib/zmq/addon_pull.ts await receive() instead of polling",
  );
});

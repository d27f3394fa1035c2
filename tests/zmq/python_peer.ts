/** PUSH sockets of real pyzmq, as LMCache has them, in a process of their own. @module */
import { fail } from "../support/assert.ts";
import { Happenings, within } from "./support.ts";

/** Debian's interpreter, which has its packages; another first in PATH would not. */
const PYTHON = "/usr/bin/python3";
const LIMIT_MS = 20_000;

/** What every script starts with: the socket and the encoding that LMCache uses. */
const PRELUDE = `
import sys, time
try:
    import msgpack, zmq
except ImportError as error:
    sys.exit(f"{error}; install it with: apt-get install -y python3-zmq python3-msgpack")
context = zmq.Context()
def rank(**options):
    socket = context.socket(zmq.PUSH)
    for name, value in options.items():
        socket.setsockopt(getattr(zmq, name), value)
    socket.connect(sys.argv[1])
    return socket
def notif(req_id, type="ProxyNotif", **more):
    return msgpack.packb({"type": type, "req_id": req_id, **more})
def stop(*sockets):
    for socket in sockets:
        socket.close()
    context.term()
`;

/** A script that runs. */
export interface PythonPeer extends AsyncDisposable {
  /** Resolves when the script has printed its first line. */
  printed(): Promise<void>;
  /** Resolves when the script has ended well; rejects with what it said otherwise. */
  readonly done: Promise<void>;
  /** Everything it has printed. */
  output(): string;
  /** Send it a signal; `SIGSTOP` makes it as silent as a host that has died. */
  signal(name: "SIGSTOP" | "SIGCONT"): void;
}

/** Run a script, given on standard input. It is killed at the end of the scope. */
export function python(script: string, endpoint: string): PythonPeer {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(PYTHON, {
      args: ["-", endpoint],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    fail(`Cannot run ${PYTHON}: ${error}; install it with: apt-get install -y python3-zmq`);
  }
  const printed = new Happenings<string>();
  const reading = (async () => {
    for await (const line of child.stdout.pipeThrough(new TextDecoderStream())) printed.add(line);
  })();
  const complaint = new Response(child.stderr).text();
  const writing = (async () => {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(PRELUDE + script));
    await writer.close();
  })();
  let running = true;
  const ended = (async () => {
    await writing;
    const { success } = await child.status;
    running = false;
    if (!success) fail(`${PYTHON}: ${(await complaint).trim() || "killed"}`);
  })();
  // Whoever waits for `done` hears of a failure; nobody else need.
  ended.catch(() => {});
  const done = within(ended, "the script's end", LIMIT_MS);
  done.catch(() => {});
  return {
    printed: () => Promise.race([printed.until("a line", () => true), ended]),
    done,
    output: () => printed.all.join(""),
    signal: (name) => child.kill(name),
    [Symbol.asyncDispose]: async () => {
      if (running) child.kill("SIGKILL");
      await Promise.allSettled([reading, complaint, ended, done]);
    },
  };
}

/** The smoke step of signals: those that end nothing, and one that drains. @module */
import { freePorts } from "./smoke_handoff.ts";
import type { Running, SmokeHost } from "./smoke_host.ts";

const READY_MS = 30_000;

/** Deno listens to SIGUSR1 from half a second after its start on, and opens its inspector then. */
const SETTLED_MS = 1_000;

/** A router that takes signals for what they are; resolves to what it says of them. */
export async function checkSignals(host: SmokeHost): Promise<string> {
  const [port = 0, nobody = 0] = freePorts(2);
  await using router = host.start([
    ...["--decode", `http://127.0.0.1:${nobody};model=m`, "--routing-logic", "roundrobin"],
    ...["--host", "127.0.0.1", "--port", `${port}`],
  ]);
  const url = `http://127.0.0.1:${port}/health`;
  await untilHealthy(url, router);
  await pause(SETTLED_MS);
  for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGUSR1"] as const) router.send(signal);
  await pause(SETTLED_MS);
  if (!await isHealthy(url)) throw new Error("Cannot see a healthy router after the signals");
  const text = await router.stop("SIGQUIT");
  if (text.includes("Debugger")) throw new Error(`Cannot accept an open inspector: ${text}`);
  const lines = text.split("\n").filter((line) => line.includes("SIG"));
  for (const word of ["SIGUSR2 is ignored", "SIGHUP: ", "SIGQUIT: draining"]) {
    if (!lines.some((line) => line.includes(word))) {
      throw new Error(`Cannot find ${word} in what was written: ${text}`);
    }
  }
  return `${lines.length} lines`;
}

async function untilHealthy(url: string, router: Running): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (!await isHealthy(url)) {
    if (router.ended) await router.stop();
    if (performance.now() > deadline) throw new Error(`Cannot reach ${url} in ${READY_MS} ms`);
    await pause(50);
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

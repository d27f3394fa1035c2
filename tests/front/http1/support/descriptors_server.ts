/**
 * A process of its own with few descriptors: a server that tells what happens to it, a line of JSON
 * each. `/hold` is answered when somebody asks for `/release`, all else at once.
 * @module
 */
import { encodeUtf8, systemClock } from "../../../../lib/base/mod.ts";
import { startHttp1 } from "../../../../lib/front/http1/mod.ts";
import type { Answer } from "../../../../lib/request/mod.ts";

/** What it tells. */
export type Told =
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "request"; readonly target: string }
  | { readonly kind: "refused" | "timed-out" | "not-accepting" | "accepting" | "fault" }
  | { readonly kind: "ailment"; readonly ailment: string | null };

function tell(told: Told): void {
  Deno.stdout.writeSync(encodeUtf8(`${JSON.stringify(told)}\n`));
}

if (import.meta.main) {
  // The platform takes descriptors for signals half a second after its start, and panics when there
  // are none then, unless it has them already.
  Deno.addSignalListener("SIGUSR2", () => {});
  const held: (() => void)[] = [];
  const answer: Answer = { status: 200, headers: [], body: encodeUtf8("served") };
  const longMs = 60_000;
  const front = startHttp1({
    hostname: "127.0.0.1",
    port: 0,
    limits: {
      headMs: longMs,
      bodyIdleMs: longMs,
      writeIdleMs: longMs,
      keepAliveMs: longMs,
      maxConnections: 1_000,
      maxPerAddress: 1_000,
    },
    onFault() {
      tell({ kind: "fault" });
      return { ...answer, status: 500 };
    },
    onEvent: ({ kind }) => tell({ kind }),
  }, async ({ target, signal }) => {
    tell({ kind: "request", target });
    if (target === "/hold") {
      await new Promise<void>((resolve) => {
        held.push(resolve);
        signal.addEventListener("abort", () => resolve());
      });
    }
    if (target === "/release") { for (const release of held.splice(0)) release(); }
    if (target === "/ailment") tell({ kind: "ailment", ailment: front.ailment ?? null });
    return answer;
  }, { clock: systemClock() });
  tell({ kind: "port", port: front.addr.port });
}

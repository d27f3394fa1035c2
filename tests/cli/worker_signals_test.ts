import type { Signals, StopSignal } from "../../lib/cli/signals.ts";
import { workerSignals } from "../../lib/cli/worker_signals.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";

type Order = Parameters<Parameters<Parameters<typeof workerSignals>[0]["member"]["onOrder"]>[0]>[0];

interface Stage {
  readonly signals: Signals;
  order(order: Order): void;
  /** A signal to the worker itself. */
  own(signal: StopSignal): void;
  orphan(): void;
  readonly reloads: () => number;
}

function stage(): Stage {
  let order: (order: Order) => void = () => {};
  let reloads = 0;
  const over = Promise.withResolvers<undefined>();
  const arrived: StopSignal[] = [];
  let wake = Promise.withResolvers<void>();
  const signals = workerSignals({
    member: { onOrder: (listener) => void (order = listener), over: over.promise },
    own: {
      async next() {
        for (;;) {
          const signal = arrived.shift();
          if (signal !== undefined) return signal;
          wake = Promise.withResolvers();
          await wake.promise;
        }
      },
      [Symbol.dispose]() {},
    },
    log: { warning: () => {} },
    reload: () => void reloads++,
  });
  return {
    signals,
    order: (given) => order(given),
    own(signal) {
      arrived.push(signal);
      wake.resolve();
    },
    orphan: () => over.resolve(undefined),
    reloads: () => reloads,
  };
}

async function settled(promise: Promise<StopSignal>): Promise<StopSignal | undefined> {
  let found: StopSignal | undefined;
  promise.then((signal) => found = signal);
  await settle();
  return found;
}

Deno.test("workerSignals() stops as is ordered, and at once as is ordered then", async () => {
  const { signals, order } = stage();
  const first = signals.next();
  assertEquals(await settled(first), undefined);
  order({ kind: "stop", signal: "SIGQUIT" });
  assertEquals(await settled(first), "SIGQUIT");
  const second = signals.next();
  assertEquals(await settled(second), undefined);
  order({ kind: "end" });
  assert(await settled(second) !== undefined);
});

Deno.test("workerSignals() takes what a service manager sends to all for the order that it is", async () => {
  const { signals, order, own } = stage();
  own("SIGTERM");
  assertEquals(await settled(signals.next()), "SIGTERM");
  const second = signals.next();
  order({ kind: "stop", signal: "SIGTERM" });
  own("SIGTERM");
  own("SIGTERM");
  assertEquals(await settled(second), undefined);
});

Deno.test("workerSignals() leaves a key press to the supervisor", async () => {
  const { signals, own, order } = stage();
  const first = signals.next();
  own("SIGINT");
  assertEquals(await settled(first), undefined);
  order({ kind: "stop", signal: "SIGINT" });
  assertEquals(await settled(first), "SIGINT");
});

Deno.test("workerSignals() stops when the supervisor has gone, and takes further signals itself then", async () => {
  const { signals, own, orphan } = stage();
  const first = signals.next();
  orphan();
  assertEquals(await settled(first), "SIGTERM");
  const second = signals.next();
  own("SIGTERM");
  assertEquals(await settled(second), undefined);
  own("SIGTERM");
  assertEquals(await settled(second), "SIGTERM");
});

Deno.test("workerSignals() reads again when it is ordered to", async () => {
  const { signals, order, reloads } = stage();
  order({ kind: "reload" });
  assertEquals([reloads(), await settled(signals.next())], [1, undefined]);
});

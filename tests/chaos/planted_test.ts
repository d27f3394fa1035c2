/** A router with a fault of its own is found out: each is planted in front of a real one. @module */
import { systemClock } from "../../lib/base/mod.ts";
import { type FrontHandler, startDenoFront, type StartFront } from "../../lib/front/mod.ts";
import { type Answer, type ByteSource, isWhole } from "../../lib/request/mod.ts";
import { FAULT_KINDS, type FaultKind } from "../../scripts/chaos/faults.ts";
import { type ChaosPorts, type ChaosReport, runChaos } from "../../scripts/chaos/run.ts";
import type { ScheduledFault } from "../../scripts/chaos/schedule.ts";
import { reportText } from "../../scripts/chaos/report.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const OPTIONS = {
  seed: 11,
  minutes: 1.5 / 60,
  clients: 6,
  prefills: 1,
  decodes: 1,
  workers: 1,
  protocol: "lmcache",
} as const;

/** Until enough has been answered for what is planted to be met. */
function run(ports: ChaosPorts): Promise<ChaosReport> {
  return runChaos(OPTIONS, { quietMs: 4_000, faults: [], enough: isMuch, ...ports });
}

function isMuch(verdicts: ChaosReport["verdicts"]): boolean {
  return (verdicts.get("right") ?? 0) > 60;
}

/** A front whose answers are `spoilt`. */
function frontWith(spoilt: (answer: Answer) => Answer): StartFront {
  return (options, handler) => {
    const spoiling: FrontHandler = async (request) => spoilt(await handler(request));
    return startDenoFront(options, spoiling, { clock: systemClock() });
  };
}

/** Spoils one answer of those that `spoil` can: the `nth`, after the warm-up. */
function once(spoil: (answer: Answer) => Answer | undefined, nth = 20): (answer: Answer) => Answer {
  let seen = 0;
  return (answer) => {
    const spoilt = seen <= nth ? spoil(answer) : undefined;
    return spoilt !== undefined && seen++ === nth ? spoilt : answer;
  };
}

/** Fails unless something was found, and told as `says`, with how to have it again. */
function assertFound(report: ChaosReport, says: string): void {
  assert(report.violationCount > 0, "nothing was found");
  const text = reportText(report);
  assertStringIncludes(text, says);
  assertStringIncludes(text, "Again: deno task chaos --seed 11 ");
}

function always(kind: FaultKind): readonly ScheduledFault[] {
  return [{ kind, atMs: 0, forMs: 120_000, target: 0, seed: 1 }];
}

function kindCalled(name: string): FaultKind {
  const kind = FAULT_KINDS.find((known) => known.name === name);
  assert(kind);
  return kind;
}

Deno.test("runChaos() finds nothing where nothing goes wrong", async () => {
  const report = await run({});
  assertEquals(report.violations, []);
  assertEquals(report.faults.size, 0);
  assert(isMuch(report.verdicts), reportText(report));
});

Deno.test("runChaos() finds an answer that is another request's", async () => {
  let before: Uint8Array | undefined;
  const swap = ({ status, headers, body }: Answer): Answer | undefined => {
    if (status !== 200 || !isWhole(body)) return undefined;
    if (!new TextDecoder().decode(body).startsWith('{"id"')) return undefined;
    const swapped = before;
    before = body;
    return swapped && { status, headers, body: swapped };
  };
  assertFound(await run({ front: frontWith(once(swap, 5)) }), "another answer than one engine's");
});

Deno.test("runChaos() finds an error event that is swallowed", async () => {
  const swallow = (answer: Answer): Answer => {
    const { body } = answer;
    if (isWhole(body)) return answer;
    return {
      ...answer,
      body: {
        async read() {
          const bytes = await body.read();
          const isError = bytes !== undefined &&
            new TextDecoder().decode(bytes).includes('data: {"error"');
          return isError ? await body.read() : bytes;
        },
        cancel: () => body.cancel(),
      },
    };
  };
  const faults = always(kindCalled("streams break"));
  const enough = (verdicts: ChaosReport["verdicts"]): boolean => verdicts.has("violation");
  assertFound(await run({ faults, enough, front: frontWith(swallow) }), "0 error events");
});

Deno.test("runChaos() finds a seat that is not given back", async () => {
  let leaked: ByteSource | undefined;
  const leak = (answer: Answer): Answer | undefined => {
    const { body } = answer;
    if (isWhole(body)) return undefined;
    leaked ??= body;
    let ended = false;
    return {
      ...answer,
      body: {
        async read() {
          if (ended) return undefined;
          const bytes = await body.read();
          // The end is not waited for, and nobody cancels.
          ended = bytes !== undefined && new TextDecoder().decode(bytes).includes("[DONE]");
          return bytes;
        },
        cancel: () => {},
      },
    };
  };
  const report = await run({ front: frontWith(once(leak, 0)) });
  leaked?.cancel();
  assertFound(report, '"seats":1');
});

Deno.test("runChaos() finds a timer that stays", async () => {
  const stays: FaultKind = {
    name: "a timer stays",
    weight: 1,
    on: "any",
    begin({ clock }) {
      // As many as connections that were there at first, and have been closed.
      timers.push(...Array.from({ length: 50 }, () => clock.after(600_000, () => {})));
      return () => {};
    },
  };
  const timers: Disposable[] = [];
  const report = await run({ faults: always(stays) });
  for (const timer of timers) timer[Symbol.dispose]();
  assertFound(report, "timers, of");
});

Deno.test("runChaos() finds an engine that does not get well", async () => {
  const ill: FaultKind = {
    name: "ill for ever",
    weight: 1,
    on: "prefill",
    begin(_fleet, slot) {
      slot.spoil({ errorAnswer: true });
      return () => {};
    },
  };
  assertFound(await run({ faults: always(ill) }), "not good again after");
});

Deno.test("runChaos() finds a fleet that does not become the one it was", async () => {
  const gone: FaultKind = {
    name: "gone for ever",
    weight: 1,
    on: "decode",
    begin({ source }, { record }) {
      source.remove(record.id);
      // Told of again, it is removed at once.
      source.upsert = () => {};
      return () => {};
    },
  };
  assertFound(await run({ faults: always(gone) }), "engines are told of");
});

import { RouterError } from "../../lib/base/mod.ts";
import {
  type OpeningEnd,
  openNow,
  openWhenReady,
  type ReadyEnd,
} from "../../lib/handoff/open_when_ready.ts";
import { Custody, type Landing, NOTHING_AWAITED, type Transfer } from "../../lib/kv/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { DECODE, handoffParts, KV_WAIT_MS, type Parts, type PartsChanges } from "./support.ts";

/** How long a leg whose client has gone may take. */
const LEAVE_MS = 10_000;

interface Changes extends PartsChanges {
  /** No notification is awaited. */
  readonly silent?: boolean;
  readonly singleUse?: boolean;
  /** The prefill is under way until the test says. */
  readonly prefilling?: Promise<void>;
  readonly now?: boolean;
  readonly leaveMs?: number;
}

/** One wait and one opening, whose KV is watched. */
interface Fixture {
  readonly parts: Parts;
  readonly end: Promise<ReadyEnd<OpeningEnd>>;
  /** What has been asked of the decode leg. */
  readonly leg: { abort: AbortController | undefined; closed: number };
  readonly opened: PromiseWithResolvers<OpeningEnd>;
  /** What became of the KV, "held" while somebody answers for it. */
  readonly kv: () => "held" | "released" | "abandoned" | "several";
  readonly notify: (kind: "kv-ready" | "cancelled") => void;
}

function fixture(changes: Changes = {}): Fixture {
  const parts = handoffParts(changes);
  const { board, deps, context, client } = parts;
  let disposed = 0;
  let adopted = 0;
  const waiter = changes.silent === true ? undefined : board.expect("k", { ranks: 1 });
  const landed: Landing = waiter === undefined ? NOTHING_AWAITED : {
    wait: (options) => waiter.wait(options),
    received: () => waiter.received(),
    get cancelled() {
      return waiter.cancelled;
    },
    [Symbol.dispose]() {
      disposed++;
      waiter[Symbol.dispose]();
    },
  };
  const transfer: Transfer = {
    landed,
    prefillParams: undefined,
    decodeParams: () => undefined,
    reclaim: { singleUse: changes.singleUse === true, params: () => undefined },
  };
  const held = {
    transfer,
    decode: DECODE,
    prefill: { kind: "refused" } as const,
    path: "/",
    headers: [],
    body: () => [],
  };
  const adopt = (): void => {
    adopted++;
    waiter?.[Symbol.dispose]();
  };
  const custody = new Custody({ adopt }, held);
  const leg: Fixture["leg"] = { abort: undefined, closed: 0 };
  const opened = Promise.withResolvers<OpeningEnd>();
  const ask = {
    open: (abort: AbortController) => {
      leg.abort = abort;
      abort.signal.addEventListener("abort", () => {
        opened.resolve({ kind: "failed", error: new RouterError("decode-failed", "cut off") });
      });
      return opened.promise;
    },
    gone: client.signal,
    ...(changes.prefilling === undefined ? {} : { prefill: changes.prefilling }),
    ...(changes.leaveMs === undefined ? {} : { leaveMs: changes.leaveMs }),
  };
  const end = changes.now === true
    ? openNow(deps, custody, ask)
    : openWhenReady(deps, context, custody, ask);
  const kv: Fixture["kv"] = () => {
    if (disposed + adopted > 1) return "several";
    if (adopted === 1) return "abandoned";
    return disposed === 1 ? "released" : "held";
  };
  const notify: Fixture["notify"] = (kind) => {
    board.accept({ kind, reqId: "k" });
  };
  return { parts, end, leg, opened, kv, notify };
}

function open({ leg }: Pick<Fixture, "leg">): OpeningEnd {
  return { kind: "open", close: () => leg.closed++ };
}

Deno.test("openWhenReady() opens when the KV has landed, and not before", async () => {
  const made = fixture();
  await settle();
  assertEquals(made.leg.abort, undefined);
  await made.parts.clock.advance(KV_WAIT_MS - 1);
  assertEquals(made.leg.abort, undefined);
  made.notify("kv-ready");
  await settle();
  assert(made.leg.abort !== undefined, "opened");
  assertEquals(made.kv(), "held");
  made.opened.resolve(open(made));
  assertEquals((await made.end).kind, "open");
  assertEquals([made.kv(), made.leg.closed, made.leg.abort.signal.aborted], ["released", 0, false]);
  assertEquals(made.parts.steps(), ["kv-ready"]);
  assertStringIncludes(
    await made.parts.deps.metrics.text(),
    'pd_router_kv_wait_seconds_count{end="ready"} 1',
  );
  made.parts.assertQuiet();
});

Deno.test("openWhenReady() does not wait, or measure a wait, where no news is to come", async () => {
  const made = fixture({ silent: true });
  assert(made.leg.abort !== undefined, "opened before anything else can happen");
  made.opened.resolve(open(made));
  assertEquals((await made.end).kind, "open");
  assertEquals(made.parts.steps(), []);
  assert(!(await made.parts.deps.metrics.text()).includes("pd_router_kv_wait_seconds_count{"));
  made.parts.assertQuiet();
});

Deno.test("openWhenReady() gives up on KV that does not come, under the policy retry", async () => {
  const made = fixture();
  await made.parts.clock.advance(KV_WAIT_MS);
  assertEquals(await made.end, { kind: "timed-out" });
  assertEquals([made.leg.abort, made.kv()], [undefined, "abandoned"]);
  assertEquals(made.parts.steps(), ["kv-timed-out"]);
  made.parts.assertQuiet();
});

Deno.test("openWhenReady() opens without KV that does not come, under the policy proceed", async () => {
  const made = fixture({ policy: "proceed" });
  await made.parts.clock.advance(KV_WAIT_MS);
  assert(made.leg.abort !== undefined, "opened");
  made.opened.resolve(open(made));
  assertEquals((await made.end).kind, "open");
  assertEquals([made.kv(), made.parts.steps()], ["released", ["kv-timed-out"]]);
  made.parts.assertQuiet();
});

Deno.test("openWhenReady() does not wait out a transfer that was cancelled", async () => {
  const made = fixture();
  made.notify("cancelled");
  assertEquals(await made.end, { kind: "timed-out" });
  assertEquals([made.parts.clock.now(), made.kv()], [0, "abandoned"]);
  made.parts.assertQuiet();
});

const UNOPENED: readonly OpeningEnd[] = [
  { kind: "refused" },
  { kind: "failed", error: new RouterError("decode-failed", "no") },
];

for (const end of UNOPENED) {
  Deno.test(`openWhenReady() leaves KV to be released when the decode leg is ${end.kind}`, async () => {
    const made = fixture();
    made.notify("kv-ready");
    await settle();
    made.opened.resolve(end);
    assertEquals(await made.end, end);
    assertEquals(made.kv(), "abandoned");
    made.parts.assertQuiet();
  });
}

Deno.test("openWhenReady() opens nothing for a client that has gone already", async () => {
  for (const silent of [false, true]) {
    const parts = handoffParts();
    parts.client.controller.abort();
    let adopted = 0;
    const landed = silent ? NOTHING_AWAITED : parts.board.expect("k", { ranks: 1 });
    const transfer: Transfer = {
      landed,
      prefillParams: undefined,
      decodeParams: () => undefined,
      reclaim: { singleUse: true, params: () => undefined },
    };
    const adopt = (): void => {
      adopted++;
      landed[Symbol.dispose]();
    };
    const custody = new Custody({ adopt }, {
      transfer,
      decode: DECODE,
      prefill: { kind: "refused" },
      path: "/",
      headers: [],
      body: () => [],
    });
    let opens = 0;
    const end = await openWhenReady(parts.deps, parts.context, custody, {
      open: () => {
        opens++;
        return Promise.resolve({ kind: "refused" } as const);
      },
      gone: parts.client.signal,
    });
    assertEquals([end.kind, opens, adopted], ["gone", 0, 1]);
    parts.assertQuiet();
  }
});

Deno.test("openWhenReady() ends its wait when the client goes", async () => {
  const made = fixture();
  await made.parts.clock.advance(100);
  made.parts.client.controller.abort();
  assertEquals(await made.end, { kind: "gone" });
  assertEquals([made.leg.abort, made.kv()], [undefined, "abandoned"]);
  assertEquals(made.parts.steps(), []);
  made.parts.assertQuiet();
});

Deno.test("openWhenReady() ends its wait when nobody can be notified any more", async () => {
  const made = fixture();
  made.parts.board[Symbol.dispose]();
  const end = await made.end;
  // Its client is still there, and is told.
  assertEquals(end.kind === "failed" ? end.error.code : end.kind, "shutting-down");
  assertEquals([made.leg.abort, made.kv()], [undefined, "abandoned"]);
});

/** A leg that is being opened when its client goes. */
async function leaving(changes: Changes = {}): Promise<Fixture & { readonly abort: AbortSignal }> {
  const made = fixture(changes);
  made.notify("kv-ready");
  await settle();
  assert(made.leg.abort !== undefined, "opening");
  made.parts.client.controller.abort();
  assertEquals(await made.end, { kind: "gone" });
  return { ...made, abort: made.leg.abort.signal };
}

Deno.test("openWhenReady() lets the engine read the KV when the client goes, and then stops", async () => {
  const made = await leaving();
  await made.parts.clock.advance(LEAVE_MS - 1);
  assertEquals([made.abort.aborted, made.kv(), made.leg.closed], [false, "held", 0]);
  made.opened.resolve(open(made));
  await settle();
  assertEquals([made.kv(), made.leg.closed], ["released", 1]);
  made.parts.assertQuiet();
});

Deno.test("openWhenReady() stops a leg that its client has left at the latest in 10 s", async () => {
  const made = await leaving();
  await made.parts.clock.advance(LEAVE_MS);
  assertEquals([made.abort.aborted, made.kv(), made.leg.closed], [true, "abandoned", 0]);
  made.parts.assertQuiet();
});

Deno.test("openWhenReady() stops a leg that its client has left when the leg says so", async () => {
  const made = await leaving({ leaveMs: 700 });
  await made.parts.clock.advance(699);
  assertEquals([made.abort.aborted, made.kv()], [false, "held"]);
  await made.parts.clock.advance(1);
  assertEquals([made.abort.aborted, made.kv(), made.leg.closed], [true, "abandoned", 0]);
  made.parts.assertQuiet();
});

for (const end of UNOPENED) {
  Deno.test(`openWhenReady() leaves KV to be released when a leg without client is ${end.kind}`, async () => {
    const made = await leaving();
    made.opened.resolve(end);
    await settle();
    assertEquals([made.kv(), made.leg.closed], ["abandoned", 0]);
    made.parts.assertQuiet();
  });
}

Deno.test("openWhenReady() stops a leg that its client has left when the router stops", async () => {
  const made = await leaving();
  await made.parts.stop();
  assertEquals([made.abort.aborted, made.kv()], [true, "abandoned"]);
  made.parts.assertQuiet();
});

Deno.test("openWhenReady() stops a leg at once whose client leaves a router that is stopping", async () => {
  const made = fixture();
  made.notify("kv-ready");
  await settle();
  await made.parts.stop();
  assertEquals(made.leg.abort?.signal.aborted, false, "a client is answered to its end");
  made.parts.client.controller.abort();
  assertEquals(await made.end, { kind: "gone" });
  await settle();
  assertEquals([made.leg.abort?.signal.aborted, made.kv()], [true, "abandoned"]);
  made.parts.assertQuiet();
});

Deno.test("openWhenReady() gives KV that may be read once out of hand when the leg is sent", async () => {
  for (const end of [...UNOPENED, undefined]) {
    const made = fixture({ singleUse: true });
    made.notify("kv-ready");
    await settle();
    assertEquals(made.kv(), "released", "as soon as it is sent");
    made.opened.resolve(end ?? open(made));
    await made.end;
    assertEquals(made.kv(), "released");
    made.parts.assertQuiet();
  }
  const left = await leaving({ singleUse: true });
  await left.parts.clock.advance(LEAVE_MS);
  assertEquals([left.abort.aborted, left.kv()], [true, "released"]);
  left.parts.assertQuiet();
});

Deno.test("openNow() waits for no news, and reports none", async () => {
  const made = fixture({ now: true });
  assert(made.leg.abort !== undefined, "opened before anything else can happen");
  assertEquals(made.kv(), "held");
  made.opened.resolve(open(made));
  assertEquals((await made.end).kind, "open");
  assertEquals([made.kv(), made.parts.steps()], ["released", []]);
  made.parts.assertQuiet();
});

Deno.test("openNow() counts the time of a leg without client from the end of the prefill", async () => {
  const prefill = Promise.withResolvers<void>();
  const made = fixture({ now: true, prefilling: prefill.promise });
  made.parts.client.controller.abort();
  assertEquals(await made.end, { kind: "gone" });
  await made.parts.clock.advance(3 * LEAVE_MS);
  assertEquals(made.leg.abort?.signal.aborted, false, "there is nothing to read yet");
  prefill.resolve();
  await made.parts.clock.advance(LEAVE_MS - 1);
  assertEquals(made.leg.abort?.signal.aborted, false);
  await made.parts.clock.advance(1);
  assertEquals([made.leg.abort?.signal.aborted, made.kv()], [true, "abandoned"]);
  made.parts.assertQuiet();
});

Deno.test("openNow() has a leg without client end before the prefill does", async () => {
  const ends: readonly ((made: Fixture) => void | Promise<void>)[] = [
    (made) => made.opened.resolve(open(made)),
    ({ parts }) => parts.stop(),
  ];
  for (const end of ends) {
    const made = fixture({ now: true, prefilling: new Promise(() => {}) });
    made.parts.client.controller.abort();
    assertEquals(await made.end, { kind: "gone" });
    await end(made);
    await settle();
    assert(made.kv() !== "held", "somebody was told");
    made.parts.assertQuiet();
  }
});

import { dispatch } from "../../lib/cli/dispatch.ts";
import { keyOrder, topKeys } from "../../lib/cli/top_keys.ts";
import { COLUMNS, topScreen, topText } from "../../lib/cli/top_screen.ts";
import { TopState } from "../../lib/cli/top_state.ts";
import { encodeUtf8, systemClock } from "../../lib/base/mod.ts";
import type { EngineLive, PairLive } from "../../lib/observe/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { freePort } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { startObserved } from "../support/observed.ts";
import { fakeProcess } from "./support.ts";

const HELLO = { version: "1.2.3", started: 1_000, interval: 1, kv: "lmcache" };
const ENDED = { ok: 5, client_error: 1, server_error: 2, stream_error: 1, client_gone: 4 };

function engine(id: string, changes: Partial<EngineLive> = {}): EngineLive {
  return {
    ...{ id, url: `http://${id}`, role: "decode", elastic: false, models: ["m"], state: "ready" },
    ...{ drained: false, verdict: "good", why: null, inflight: 0, seats: null, running: null },
    ...{ waiting: null, kv_use: null, hit_rate: null, qps: null, latency: null, itl: null },
    remarks: {},
    ...changes,
  };
}

function pair(prefill: string, decode: string, changes: Partial<PairLive> = {}): PairLive {
  return {
    ...{ prefill, decode, verdict: "good", why: null, recompute: null, under_way: {} },
    ...{ ok: 0, failed: 0, tokens: 0, kv_wait: null, last: null },
    ...changes,
  };
}

function fleet(changes: object = {}): object {
  return {
    full: true,
    now: 1_090,
    router: {
      ...{ ready: true, draining: false, ailment: null, under_way: 3, queued: 2, kv_waiters: 1 },
      ...{ connections: 9, buffered_bytes: 0, ended: ENDED, routes: {}, rate: 12.34 },
    },
    engines: [engine("a:1"), engine("b:1", { inflight: 7, seats: 8, kv_use: 0.5, qps: 1.25 })],
    gone: [],
    pairs: [pair("a:1", "b:1", { ok: 3, under_way: { prefill: 1, stream: 2 }, kv_wait: 3.21 })],
    gone_pairs: [],
    times: {
      ttft: { bounds: [1], counts: [1, 0], count: 1, p50: 120, p95: 2_000, p99: 3_000 },
    },
    ...changes,
  };
}

function stateOf(...events: readonly object[]): TopState {
  const state = new TopState();
  for (const event of [HELLO, ...events]) state.take(event);
  return state;
}

const BY_ID = { column: 0, descending: false };

Deno.test("topText() tells the router, its engines and its pairs", () => {
  assertEquals(topText(stateOf(fleet()), "http://x", BY_ID), [
    "pd-router 1.2.3 at http://x, up 1 min: ready",
    "12.3/s, 3 under way, 2 queued, 1 wait for KV; 5 ok, 3 failed, 1 refused, 4 left",
    "p50 / p95 of 5 min: first token 120.0 ms / 2.00 s, KV -, token -",
    "",
    "ENGINE▲               ROLE    STATE         BUSY  RUN WAIT  KV% HIT%   QPS",
    "a:1                   decode  ready            0    -    -    -    -     -",
    "b:1                   decode  ready          7/8    -    -   50    -   1.3",
    "",
    "PAIR                                  BUSY      OK FAILED   KV WAIT  VERDICT",
    "a:1 > b:1                                3       3      0    3.2 ms  good",
  ]);
});

Deno.test("TopState follows what changes and what goes, and begins anew with what is full", () => {
  const state = stateOf(
    fleet(),
    fleet({
      full: false,
      engines: [engine("b:1", { inflight: 1 }), engine("c:1")],
      gone: ["a:1"],
      pairs: [],
      gone_pairs: [["a:1", "b:1"]],
      times: {},
    }),
  );
  assertEquals([...state.engines.values()].map(({ id, inflight }) => [id, inflight]), [
    ["b:1", 1],
    ["c:1", 0],
  ]);
  assertEquals([state.pairs.size, state.times.size], [0, 1]);
  state.take(fleet({ engines: [engine("d:1")], pairs: [], times: {} }));
  assertEquals([[...state.engines.keys()], state.times.size], [["d:1"], 0]);
  for (const strange of [null, 3, [], "x", {}]) assertEquals(state.take(strange), false);
});

Deno.test("topScreen() is as large as the terminal, whatever there is to show", () => {
  const many = Array.from({ length: 50 }, (_, at) => engine(`engine-${at}.example.test:8000`));
  const pairs = many.slice(1).map(({ id }) => pair("engine-0.example.test:8000", id));
  const full = stateOf(fleet({ engines: many, pairs }));
  full.take({
    untold: 0,
    ended: [{ id: "\x1b[2Jx".repeat(20), route: "direct", outcome: "ok", phases: { total: 3 } }],
  });
  for (const state of [new TopState(), stateOf(fleet()), full]) {
    for (
      const [columns, rows] of [[80, 24], [80, 10], [40, 15], [200, 60], [10, 3], [1, 1]] as const
    ) {
      const lines = topScreen(state, { columns, rows }, { order: BY_ID, where: "http://x" });
      assertEquals(lines.length, rows, `${columns}x${rows}`);
      for (const { text } of lines) {
        assert(text.length <= columns, text);
        assert(!text.includes("\x1b"), text);
      }
    }
  }
  const lines = topScreen(full, { columns: 80, rows: 24 }, { order: BY_ID, where: "x" });
  const texts = lines.map(({ text }) => text);
  // Each of the tables has its place, and says what it leaves out.
  assertEquals(texts.filter((text) => /^ {2}and \d+ more$/.test(text)).length, 2, texts.join("\n"));
  assertStringIncludes(texts.join("\n"), "LATEST REQUESTS");
});

Deno.test("topScreen() marks what is amiss", () => {
  const state = stateOf(fleet({
    engines: [
      engine("a:1", { verdict: "shut", why: "upstream-unreachable" }),
      engine("b:1", { state: "draining" }),
      engine("c:1", { remarks: { recompute_suspected: [{}] } }),
    ],
    pairs: [pair("a:1", "b:1", { recompute: "hash_seed" })],
  }));
  const lines = topScreen(state, { columns: 100, rows: 20 }, {
    order: BY_ID,
    where: "x",
    note: "Lost the router",
  });
  const kindOf = (start: string): string =>
    lines.find(({ text }) => text.startsWith(start))?.kind ?? "";
  assertEquals(
    ["a:1  ", "b:1  ", "c:1  ", "a:1 > b:1", "Lost"].map(kindOf),
    ["bad", "dim", "bad", "bad", "bad"],
  );
  assertMatch(lines.map(({ text }) => text).join("\n"), /a:1 +decode +shut/);
});

Deno.test("keyOrder() goes round the columns, and turns the order", () => {
  const last = COLUMNS.length - 1;
  assertEquals(keyOrder(BY_ID, "left").column, last);
  assertEquals(keyOrder({ column: last, descending: false }, "right").column, 0);
  assertEquals(keyOrder(BY_ID, "down"), { column: 0, descending: true });
  assertEquals(keyOrder({ column: 3, descending: true }, "up"), { column: 3, descending: false });
  const byBusy = { column: 3, descending: true };
  const [, , , , , first] = topText(stateOf(fleet()), "x", byBusy);
  assertMatch(first ?? "", /^b:1 /);
});

Deno.test("topKeys() knows arrows of both kinds, several at once, and passes over the rest", () => {
  const keys = (text: string): readonly string[] => topKeys(encodeUtf8(text));
  assertEquals(keys("\x1b[A\x1bOB\x1b[C\x1b[D"), ["up", "down", "right", "left"]);
  assertEquals(keys("x\x1b[5~é\x1b"), []);
  assertEquals([keys("q"), keys("\x03")], [["quit"], ["quit"]]);
});

Deno.test("pd-router top prints plain lines where there is no terminal, once or until it is told to end", async () => {
  await using observed = await startObserved();
  const { adminUrl } = observed.router;
  const once = fakeProcess();
  assertEquals(await dispatch(["top", "--once", "--admin", adminUrl], once.ports), 0);
  assertMatch(once.out.text, /^pd-router \d+\.\d+\.\d+ at http\S+, up \d+ s: ready\n/);
  assertStringIncludes(once.out.text, observed.ids.prefill);
  // deno-lint-ignore no-control-regex
  assert(!/\x1b/.test(once.out.text));
  const { ports, out, signals } = fakeProcess();
  const running = dispatch(["top", "--admin", adminUrl], { ...ports, clock: systemClock() });
  await eventually(() => out.text.split("ENGINE").length > 2, () => out.text);
  signals.send("SIGINT");
  assertEquals(await running, 0);
});

Deno.test("pd-router top says whom it does not reach, that its router has ended, and what is wrong", async () => {
  const { ports, err } = fakeProcess();
  const nobody = `http://127.0.0.1:${freePort()}`;
  assertEquals(await dispatch(["top", "--admin", nobody], ports), 1);
  assertStringIncludes(err.text, `Cannot reach the admin API at ${nobody}`);
  const wrong = fakeProcess();
  assertEquals(await dispatch(["top", "--interval", "0.5", "x"], wrong.ports), 2);
  assertStringIncludes(wrong.err.text, "x: unexpected argument");
  const soon = fakeProcess();
  assertEquals(await dispatch(["top", "--interval", "0.5"], soon.ports), 2);
  assertStringIncludes(soon.err.text, '--interval "0.5": expected seconds from 1 to 60');
  const ending = fakeProcess();
  const observed = await startObserved();
  const running = dispatch(["top", "--admin", observed.router.adminUrl], {
    ...ending.ports,
    clock: systemClock(),
  });
  try {
    await eventually(() => ending.out.text.includes("ENGINE"), () => ending.err.text);
  } finally {
    await observed[Symbol.asyncDispose]();
  }
  assertEquals(await running, 1);
  assertStringIncludes(ending.err.text, "pd-router: ");
});

import { MODES, RouterError } from "../../lib/base/mod.ts";
import { lmcache, taggedLmcache } from "../../lib/kv/lmcache.ts";
import { isReplayable } from "../../lib/kv/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { askFor, NEWS, ProtocolFixture, textOf } from "./protocol_support.ts";
import { engine, LMCACHE_PAIR, pairOf, RECEIVER } from "./support.ts";

const QUERY = { ...RECEIVER, queryPorts: [7500, 7501] };

/** Where the prefill ranks write to, behind the id. */
const ADDRESS = '"receiver_host":"10.0.0.7","receiver_init_port":[7300,7301],' +
  '"receiver_alloc_port":[7400,7401]';

Deno.test("lmcache asks for the first token in mode P1, and in no other", () => {
  using fixture = new ProtocolFixture();
  for (const [mode, first] of [["p1", '"ret_first_tok":true,'], ["d1", ""]] as const) {
    const transfer = lmcache.begin(fixture.deps, askFor(LMCACHE_PAIR, mode));
    assertEquals(
      textOf(transfer.prefillParams),
      `{${first}"disagg_spec":{"req_id":"${fixture.ids.at(-1)}",${ADDRESS}}}`,
    );
  }
});

Deno.test("lmcache names query ports where the receiver has them", () => {
  using fixture = new ProtocolFixture();
  const pair = pairOf("lmcache", { nixl: QUERY });
  const transfer = lmcache.begin(fixture.deps, askFor(pair));
  assertEquals(
    textOf(transfer.prefillParams),
    `{"disagg_spec":{"req_id":"${fixture.ids[0]}",${ADDRESS},"receiver_query_port":[7500,7501]}}`,
  );
});

/** Notifications to wait for: what the prefill engine is set to send, else one per decode rank. */
const RANKS: readonly (readonly [set: number | undefined, ports: number, awaited: number])[] = [
  [undefined, 1, 1],
  [undefined, 4, 4],
  // Of a model whose ranks all have the same KV, the first alone tells.
  [1, 4, 1],
  [8, 2, 8],
];

for (const [notifications, ports, awaited] of RANKS) {
  const set = notifications === undefined ? "not set" : `set to ${notifications}`;
  Deno.test(`lmcache waits for ${awaited} notifications: ${set}, ${ports} decode ranks`, async () => {
    using fixture = new ProtocolFixture();
    const initPorts = Array.from({ length: ports }, (_, rank) => 7300 + rank);
    const { prefill, decode } = pairOf("lmcache", {
      nixl: { ...RECEIVER, initPorts, allocPorts: initPorts },
    });
    const pair = {
      prefill: notifications === undefined ? prefill : { ...prefill, notifications },
      decode,
    };
    const { landed } = lmcache.begin(fixture.deps, askFor(pair));
    // The wait is there when the prefill can be sent: a notification can overtake its answer.
    assertEquals(fixture.steps, ["id", `expect ${awaited}`]);
    const [reqId = ""] = fixture.ids;
    for (let rank = 1; rank < awaited; rank++) {
      assertEquals(fixture.board.accept({ kind: "kv-ready", reqId }), "counted");
    }
    assertEquals(fixture.board.accept({ kind: "kv-ready", reqId }), "completed");
    assertEquals(landed.received(), awaited);
    assertEquals(await landed.wait({ timeoutMs: 0 }), "ready");
    landed[Symbol.dispose]();
    assertEquals(fixture.waiters, 0);
  });
}

Deno.test("lmcache tells of a transfer that was given up", async () => {
  using fixture = new ProtocolFixture();
  const { landed } = lmcache.begin(fixture.deps, askFor(LMCACHE_PAIR));
  const [reqId = ""] = fixture.ids;
  assertEquals(landed.cancelled, false);
  assertEquals(fixture.board.accept({ kind: "cancelled", reqId }), "cancelled");
  assertEquals(landed.cancelled, true);
  assertEquals(await landed.wait({ timeoutMs: 1_000 }), "timed-out");
});

Deno.test("lmcache gives the decode engine no parameters, and none to release its KV", () => {
  using fixture = new ProtocolFixture();
  for (const mode of MODES) {
    const { decodeParams, reclaim } = lmcache.begin(fixture.deps, askFor(LMCACHE_PAIR, mode));
    assert(reclaim !== "none");
    assertEquals(reclaim.singleUse, false);
    for (const news of [...NEWS, undefined]) {
      assertEquals([decodeParams(news), reclaim.params(news)], [undefined, undefined]);
    }
  }
  assertEquals([fixture.lines, fixture.metrics.counted], [[], []]);
});

Deno.test("lmcache takes the modes of the decode engine's receiver, and none without one", () => {
  for (const modes of [["p1"], ["d1"], ["p1", "d1"]] as const) {
    assertEquals(lmcache.traits.modes(engine("d", { nixl: { ...RECEIVER, modes } })), modes);
  }
  assertEquals(lmcache.traits.modes(engine("d")), []);
});

Deno.test("lmcache refuses a decode engine that has no receiver, and waits for nothing", () => {
  using fixture = new ProtocolFixture();
  const begin = (): unknown => lmcache.begin(fixture.deps, askFor(pairOf("lmcache")));
  const error = assertThrows(begin, RouterError, "http://d:8000");
  assertEquals([error.code, fixture.steps, fixture.waiters], ["internal", [], 0]);
});

Deno.test("taggedLmcache keeps each transfer under a key of its own, to be read and reclaimed by", () => {
  using fixture = new ProtocolFixture();
  const [news] = NEWS;
  const tags = [1, 2].map(() => {
    const transfer = taggedLmcache.begin(fixture.deps, askFor(LMCACHE_PAIR, "p1"));
    using _landed = transfer.landed;
    const id = fixture.ids.at(-1) ?? "";
    const tag = `"lmcache.tag.pd_router":"${id}"`;
    assertEquals(
      textOf(transfer.prefillParams),
      `{"ret_first_tok":true,${tag},"disagg_spec":{"req_id":"${id}",${ADDRESS}}}`,
    );
    assertEquals(textOf(transfer.decodeParams(news)), `{${tag}}`);
    assert(transfer.reclaim !== "none");
    assertEquals(textOf(transfer.reclaim.params(news) as string), `{${tag}}`);
    assertEquals(isReplayable(transfer, transfer.decodeParams(news)), true);
    return tag;
  });
  assert(tags[0] !== tags[1]);
});

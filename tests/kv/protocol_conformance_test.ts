import { KV_NAMES, type KvName, type Mode, MODES } from "../../lib/base/mod.ts";
import {
  Custody,
  KV_TABLE,
  type KvProtocol,
  type KvTraits,
  type Landing,
  NOTHING_AWAITED,
  type PrefillFate,
  type Transfer,
} from "../../lib/kv/mod.ts";
import type { Pair } from "../../lib/selection/mod.ts";
import { assert, assertEquals, assertMatch, assertNotEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { askFor, CLIENT_ID, NEWS, ProtocolFixture, textOf } from "./protocol_support.ts";
import { GRACE_MS, ReclaimFixture } from "./reclaim_support.ts";
import { engine, LMCACHE_PAIR, pairOf } from "./support.ts";
import { together } from "./together.ts";

/** Pairs that each protocol of the router serves. */
const PAIRS: Readonly<Record<KvName, Pair>> = {
  lmcache: LMCACHE_PAIR,
  nixl: pairOf("nixl"),
  shared_storage: pairOf("shared_storage"),
};

/** A protocol, and a pair that it serves. */
interface Subject {
  readonly name: string;
  readonly protocol: KvProtocol;
  readonly pair: Pair;
}

const SUBJECTS: readonly Subject[] = [
  ...KV_NAMES.map((name) => {
    const protocol = KV_TABLE.of(engine("d", { kv: name }));
    assert(protocol !== undefined, name);
    return { name, protocol, pair: PAIRS[name] };
  }),
  { name: "together", protocol: together, pair: pairOf("none") },
];

/** A transfer that has begun, in the hands of its custody. */
interface Begun {
  readonly parts: ProtocolFixture;
  readonly reclaiming: ReclaimFixture;
  readonly transfer: Transfer;
  readonly custody: Custody;
  readonly prefill: (fate: PrefillFate) => void;
  /** How often the landing was disposed, where it brings news. */
  readonly disposals: () => number;
  /** What the bodies of releasing requests were made of. */
  readonly released: unknown[];
}

function begin({ protocol, pair }: Subject, mode: Mode): Begun {
  const parts = new ProtocolFixture();
  const reclaiming = new ReclaimFixture();
  const begun = protocol.begin(parts.deps, askFor(pair, mode));
  let disposals = 0;
  const transfer = begun.landed === NOTHING_AWAITED
    ? begun
    : { ...begun, landed: watched(begun.landed, () => disposals++) };
  const prefill = Promise.withResolvers<PrefillFate>();
  const released: unknown[] = [];
  const custody = new Custody(reclaiming.reclaimer, {
    transfer,
    decode: pair.decode,
    prefill: prefill.promise,
    path: "/",
    headers: [],
    body(params) {
      released.push(params);
      return [];
    },
  });
  return {
    parts,
    reclaiming,
    transfer,
    custody,
    prefill: prefill.resolve,
    disposals: () => disposals,
    released,
  };
}

/** `landed`, which tells when it is disposed. */
function watched(landed: Landing, onDispose: () => void): Landing {
  return {
    wait: (options) => landed.wait(options),
    received: () => landed.received(),
    get cancelled() {
      return landed.cancelled;
    },
    [Symbol.dispose]() {
      onDispose();
      landed[Symbol.dispose]();
    },
  };
}

/** All ranks notify the router, where it waits for that. */
function notify({ parts, transfer }: Begun): void {
  if (transfer.landed === NOTHING_AWAITED) return;
  for (let rank = 0; rank < 2; rank++) {
    for (const reqId of parts.ids) parts.board.accept({ kind: "kv-ready", reqId });
  }
}

const NEWS_OF_OK = { kvParams: NEWS[0]?.kvParams };
const OK: PrefillFate = { kind: "ok", result: NEWS_OF_OK };

/** What can become of a transfer, and whether its KV is then there with nobody to read it. */
const STORIES: Readonly<
  Record<string, { readonly run: (begun: Begun) => void; readonly left: boolean | "if used again" }>
> = {
  "whose KV a decode has read": {
    run(begun) {
      begun.prefill(OK);
      notify(begun);
      begun.custody.sent();
      begun.custody.release();
    },
    left: false,
  },
  "left after its prefill": {
    run(begun) {
      begun.prefill(OK);
      notify(begun);
      begun.custody.abandon();
    },
    left: true,
  },
  "left before its prefill has answered": {
    run(begun) {
      begun.custody.abandon();
      notify(begun);
      begun.prefill(OK);
    },
    left: true,
  },
  "left without any notification": {
    run(begun) {
      begun.prefill(OK);
      begun.custody.abandon();
    },
    left: true,
  },
  "left after its decode leg was sent": {
    run(begun) {
      begun.prefill(OK);
      notify(begun);
      begun.custody.sent();
      begun.custody.abandon();
    },
    left: "if used again",
  },
  "whose prefill was refused": {
    run(begun) {
      begun.prefill({ kind: "refused" });
      begun.custody.abandon();
    },
    left: false,
  },
  "whose prefill was never sent": {
    run(begun) {
      begun.prefill({ kind: "failed", sent: false, told: false });
      begun.custody.abandon();
    },
    left: false,
  },
};

/** Fail unless `traits` go together. */
function checkTraits(traits: KvTraits, modes: readonly Mode[]): void {
  const { route, rereads, holds, order } = traits;
  assertMatch(route, /^handoff_[a-z0-9_]+$/);
  // The route of mode P1, whatever the protocol.
  assertNotEquals<string>(route, "handoff_p1");
  assert(!(rereads && holds), "KV that stays until it is read is read once");
  assert(modes.length > 0 && modes.every((mode) => MODES.includes(mode)));
  assertEquals(new Set(modes).size, modes.length);
  // The decode leg of mode P1 goes on behind a token that the prefill's answer tells.
  assert(!modes.includes("p1") || order === "prefill-first");
}

for (const subject of SUBJECTS) {
  const { name, protocol, pair } = subject;
  const { traits } = protocol;
  const modes = traits.modes(pair.decode);

  Deno.test(`${name}: its traits go together`, () => {
    checkTraits(traits, modes);
    assertEquals(traits.modes(pair.decode), modes);
  });

  for (const mode of modes) {
    Deno.test(`${name}: a transfer in ${mode} is all arranged when it has begun`, () => {
      const { parts, transfer } = begin(subject, mode);
      using _parts = parts;
      assertEquals(parts.waiters, transfer.landed === NOTHING_AWAITED ? 0 : 1);
      assertEquals([transfer.landed.received(), transfer.landed.cancelled], [0, false]);
      // Nothing is said of it before its prefill has answered.
      assertEquals([parts.metrics.counted, parts.lines], [[], []]);
      assertEquals(traits.holds && transfer.reclaim === "none", false);
    });

    Deno.test(`${name}: parameters in ${mode} are JSON objects, without the client's id`, () => {
      const { parts, transfer } = begin(subject, mode);
      using _parts = parts;
      const { prefillParams, decodeParams, reclaim } = transfer;
      const news = traits.order === "together" ? [undefined] : NEWS;
      const decodes = news.map((one) => decodeParams(one));
      const reclaims = [...NEWS, undefined]
        .map((one) => reclaim === "none" ? undefined : reclaim.params(one))
        .filter((params) => params !== "nothing");
      for (const params of [prefillParams, ...decodes, ...reclaims]) {
        if (params === undefined) continue;
        const value: unknown = JSON.parse(textOf(params));
        assert(typeof value === "object" && value !== null && !Array.isArray(value));
        assert(!textOf(params).includes(CLIENT_ID));
      }
      // It is for prefill engines: on others, a request with it would be taken for a prefill.
      for (const params of [...decodes, ...reclaims]) {
        assert(params === undefined || !textOf(params).includes("disagg_spec"));
      }
    });

    Deno.test(`${name}: what releases KV in ${mode} is what its decode would be given`, () => {
      const { parts, transfer } = begin(subject, mode);
      using _parts = parts;
      const { reclaim, decodeParams } = transfer;
      if (reclaim === "none") return;
      for (const news of NEWS) {
        const params = reclaim.params(news);
        const given = decodeParams(traits.order === "together" ? undefined : news);
        // Without parameters, KV is found where it waits, or it has not moved.
        assertEquals(params, given ?? (traits.holds ? undefined : "nothing"));
        assert(!reclaim.singleUse || params !== undefined);
      }
    });

    Deno.test(`${name}: transfers in ${mode} have nothing in common`, () => {
      const { parts, transfer } = begin(subject, mode);
      using _parts = parts;
      const other = protocol.begin(parts.deps, askFor(pair, mode));
      const each = transfer.landed === NOTHING_AWAITED ? 0 : 1;
      assertEquals(parts.waiters, 2 * each);
      if (parts.ids.length > 0) assertNotEquals(transfer.prefillParams, other.prefillParams);
      assertEquals(new Set(parts.ids).size, parts.ids.length);
      transfer.landed[Symbol.dispose]();
      transfer.landed[Symbol.dispose]();
      assertEquals(parts.waiters, each);
      other.landed[Symbol.dispose]();
      assertEquals(parts.waiters, 0);
    });

    for (const [what, { run, left }] of Object.entries(STORIES)) {
      Deno.test(`${name}: nothing is left of a transfer in ${mode} ${what}`, async () => {
        const begun = begin(subject, mode);
        using parts = begun.parts;
        const { reclaiming, transfer, released } = begun;
        const { reclaim } = transfer;
        run(begun);
        await settle();
        await parts.clock.advance(GRACE_MS);
        const reads = reclaim === "none"
          ? 0
          : Number(left === "if used again" ? !reclaim.singleUse : left);
        assertEquals(reclaiming.sent.length, reads);
        if (reclaim !== "none" && reads > 0) {
          assertEquals(released, [reclaim.params(NEWS_OF_OK)]);
          assertEquals(reclaiming.sent[0]?.request.replayable, !reclaim.singleUse);
          await reclaiming.answer(0, 200);
        }
        assertEquals(parts.waiters, 0);
        assertEquals(begun.disposals(), transfer.landed === NOTHING_AWAITED ? 0 : 1);
        reclaiming.assertIdle();
        // The board's own sweeps.
        assertEquals(parts.clock.pending, 1);
      });
    }
  }
}

Deno.test("no two protocols have a route in common", () => {
  const routes = SUBJECTS.map(({ protocol }) => protocol.traits.route);
  assertEquals(new Set(routes).size, routes.length);
});

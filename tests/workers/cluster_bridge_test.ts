import type { ClusterListener } from "../../lib/cluster/mod.ts";
import { gossipIn } from "../../lib/cluster/mod.ts";
import { ClusterBridge } from "../../lib/workers/cluster_bridge.ts";
import { decodeJson } from "../../lib/workers/codec.ts";
import { FRAME } from "../../lib/workers/frame.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("ClusterBridge stands between the cluster and all workers of the replica", () => {
  let listener: ClusterListener | undefined;
  const told: unknown[] = [];
  const sent: unknown[] = [];
  const taken: number[] = [];
  const cluster = {
    ...{ tag: "abcdefgh", connected: false },
    listen: (each: ClusterListener) => void (listener = each),
    tell: (from: string, { length }: Uint8Array) => void told.push([from, length]),
  };
  const workers = [1, 2].map((number) => ({
    send(kind: number, urgency: string, payload?: Uint8Array) {
      assert(payload);
      const what = kind === FRAME.far ? gossipIn(payload)?.from : decodeJson(payload);
      sent.push([number, urgency, what]);
    },
  }));
  const desk = { take: ({ length }: Uint8Array) => void taken.push(length) };
  const bridge = new ClusterBridge({ cluster, workers, desk });
  assertEquals(bridge.state, { tag: "abcdefgh", connected: false });
  bridge.tell({ number: 2, life: 5 }, new Uint8Array(3));
  assertEquals(told, [["abcdefgh.2.5", 3]]);
  assert(listener);
  listener.notice(new Uint8Array(7));
  listener.gossip("zyxwvuts.1.1", new Uint8Array(4));
  const state = { tag: "abcdefgh", connected: true };
  listener.change(state);
  assertEquals([taken, sent], [[7], [
    [1, "loose", "zyxwvuts.1.1"],
    [2, "loose", "zyxwvuts.1.1"],
    [1, "urgent", state],
    [2, "urgent", state],
  ]]);
});

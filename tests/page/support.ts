/** Engines, pairs and requests as the live stream tells them. @module */
import type {
  EngineLive,
  FleetEvent,
  PairLive,
  RequestView,
  RouterLive,
} from "../../lib/observe/mod.ts";

export function engine(id: string, changes: Partial<EngineLive> = {}): EngineLive {
  return {
    ...{ id, url: `http://${id}`, role: "decode", elastic: false, models: ["m"], state: "ready" },
    ...{ drained: false, verdict: "good", why: null, inflight: 0, seats: null, running: null },
    ...{ waiting: null, kv_use: null, hit_rate: null, qps: null, latency: null, itl: null },
    remarks: {},
    ...changes,
  };
}

export function pair(prefill: string, decode: string, changes: Partial<PairLive> = {}): PairLive {
  return {
    ...{ prefill, decode, verdict: "good", why: null, recompute: null, under_way: {} },
    ...{ ok: 0, failed: 0, tokens: 0, kv_wait: null, last: null },
    ...changes,
  };
}

export function request(seq: number, changes: Partial<RequestView> = {}): RequestView {
  return {
    ...{ seq, id: `r-${seq}`, path: "/v1/completions", model: "m", key: null, reason: null },
    ...{ route: "handoff_p1", stream: true, state: "ended", outcome: "ok", status: 200 },
    ...{ error: null, received: seq, prefill: "p", decode: "d", phases: { total: 500 } },
    ...{ tokens: null, retries: 0, lacks_kv: false },
    ...changes,
  };
}

export const ROUTER: RouterLive = {
  ...{ ready: true, draining: false, ailment: null, under_way: 0, queued: 0, kv_waiters: 0 },
  ...{ connections: 0, buffered_bytes: 0, routes: {}, rate: 0 },
  ended: { ok: 0, client_error: 0, server_error: 0, stream_error: 0, client_gone: 0 },
};

export function fleet(now: number, changes: Partial<FleetEvent> = {}): FleetEvent {
  return {
    ...{ full: false, now, router: ROUTER, engines: [], gone: [], pairs: [], gone_pairs: [] },
    times: {},
    ...changes,
  };
}

import { describeError } from "../../lib/base/mod.ts";
import { MissedKv } from "../../lib/handoff/missed_kv.ts";
import type { PeerSight } from "../../lib/zmq/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { PAIR } from "./support.ts";

const HEAD =
  "No KV-ready notification for the transfer from http://p:8000 to http://d:8000 within 250 ms";
const PORT = "pd_proxy_host and pd_proxy_port of the prefill engine must be those of 10.0.0.9:7500";
const SILENT = "compare the decode engine's init and alloc ports, the chunk size on both, and " +
  "save_unfull_chunk: true";

/** What is noted and told of a wait in which `received` ranks notified. */
function told(
  received: number,
  { cancelled = false, sight, notifications }: {
    readonly cancelled?: boolean;
    readonly sight?: PeerSight;
    readonly notifications?: number;
  } = {},
): readonly [note: string | undefined, message: string, detail: string] {
  const asked: string[] = [];
  const port = sight === undefined ? {} : {
    notifications: {
      endpoint: "tcp://10.0.0.9:7500",
      sight: (host: string) => {
        asked.push(host);
        return sight;
      },
    },
  };
  const { prefill, decode } = PAIR;
  const missed = new MissedKv({ kvReadyTimeoutMs: 250, ...port }, {
    prefill: notifications === undefined ? prefill : { ...prefill, notifications },
    decode,
  });
  const note = missed.note({ received: () => received, cancelled });
  const { code, message, cause } = missed.error();
  assertEquals(code, "kv-timeout");
  if (received === 0 && !cancelled && sight !== undefined) assertEquals(asked, ["p"]);
  return [note, message, cause === undefined ? "" : describeError(cause)];
}

Deno.test("MissedKv says no more than it knows", () => {
  assertEquals(told(0), [undefined, HEAD, ""]);
  assertEquals(new MissedKv({ kvReadyTimeoutMs: 250 }, PAIR).error().message, HEAD);
});

Deno.test("MissedKv names the port for notifications where ranks do not find it", () => {
  assertEquals(told(0, { sight: "never" }), [
    "no rank ever connected",
    `${HEAD}: no rank of it has ever connected to this router: ${PORT}`,
    "",
  ]);
  assertEquals(told(0, { sight: "elsewhere" }), [
    "no rank connected from its address",
    `${HEAD}: no rank has connected from its address, though others have: ${PORT}`,
    "",
  ]);
  assertEquals(told(0, { sight: "left" }), [
    "its ranks have left",
    `${HEAD}: ranks were connected and are not any more: does the prefill engine run? If so, ` +
    PORT,
    "",
  ]);
  assertEquals(told(0, { sight: "refused" }), [
    "its ranks are not let in",
    `${HEAD}: its ranks are not let in: see --nixl-proxy-allow and --nixl-proxy-max-per-address`,
    "",
  ]);
});

Deno.test("MissedKv names ports, chunk size and save_unfull_chunk where ranks are silent", () => {
  const ports = "it writes to d, init ports 7300 and alloc ports 7400";
  assertEquals(told(0, { sight: "connected" }), [
    "connected, and silent",
    `${HEAD}: its ranks are connected, and none has notified: ${SILENT}`,
    ports,
  ]);
  assertEquals(told(0, { sight: "untold" }), [
    "ranks are connected, and silent",
    `${HEAD}: ranks are connected, but whether its own cannot be told. If not, ${PORT}; else ` +
    SILENT,
    ports,
  ]);
});

Deno.test("MissedKv names the world size where some ranks have notified", () => {
  const text = "both engines need one world size (tensor x pipeline parallel); where fewer ranks " +
    "store KV, say notifications=1 of the prefill engine";
  assertEquals(told(1, { sight: "connected", notifications: 4 }), [
    "1 of 4 ranks",
    `${HEAD}: 1 of 4 ranks notified: ${text}`,
    "notifications=4 is configured",
  ]);
  const [, , detail] = told(1, { sight: "connected" });
  assertEquals(detail, "one is expected for each of d, init ports 7300 and alloc ports 7400");
});

Deno.test("MissedKv says that a transfer was cancelled", () => {
  assertEquals(told(1, { cancelled: true, sight: "connected" }), [
    "cancelled",
    `${HEAD}: the prefill engine cancelled the transfer: its log says why`,
    "",
  ]);
});

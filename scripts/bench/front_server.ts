/**
 * A process of its own: one front with the least handler there can be. It reads the body and
 * answers 1 KiB, or events as fast as they are taken for a target of `/events`.
 *
 * `front_server.ts ours|deno PORT`
 * @module
 */
import { encodeUtf8, systemClock } from "../../lib/base/mod.ts";
import { type FrontHandler, startDenoFront, startHttp1 } from "../../lib/front/mod.ts";
import type { ByteSource } from "../../lib/request/mod.ts";

/** Events of one answer. */
export const EVENTS = 200;

const BODY = encodeUtf8("x".repeat(1024));
const EVENT = encodeUtf8(`data: {"choices":[{"delta":{"content":" token"}}]}\n\n`);
const JSON_TYPE = "application/json";
const EVENT_TYPE = "text/event-stream";

/** A limit that is not reached. */
const LONG_MS = 60_000;

function events(): ByteSource {
  let sent = 0;
  return {
    read: () => Promise.resolve(sent++ < EVENTS ? EVENT.slice() : undefined),
    cancel() {},
  };
}

const handler: FrontHandler = async ({ target, body, signal }) => {
  if (signal.aborted) throw signal.reason;
  while (await body.read() !== undefined);
  return target === "/events"
    ? { status: 200, headers: [["content-type", EVENT_TYPE]], body: events() }
    : { status: 200, headers: [["content-type", JSON_TYPE]], body: BODY };
};

if (import.meta.main) {
  const [which, port = 0] = [Deno.args[0], Number(Deno.args[1])];
  const start = which === "ours" ? startHttp1 : startDenoFront;
  start(
    {
      hostname: "127.0.0.1",
      port,
      limits: {
        headMs: LONG_MS,
        bodyIdleMs: LONG_MS,
        writeIdleMs: LONG_MS,
        keepAliveMs: LONG_MS,
        maxConnections: 10_000,
        maxPerAddress: 10_000,
      },
      onFault: (error) => {
        throw error;
      },
    },
    handler,
    { clock: systemClock() },
  );
}

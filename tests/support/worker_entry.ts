/** One of several processes of a router that a test has started: its configuration is in the file that is named. @module */
import { deserialize } from "node:v8";
import { startApp } from "../../lib/app.ts";
import { describeError, seededRandom, silentLogger, systemClock } from "../../lib/base/mod.ts";
import { ownPipes } from "../../lib/cli/own_pipes.ts";
import type { RouterConfig } from "../../lib/config/mod.ts";
import { staticSource } from "../../lib/fleet/mod.ts";
import {
  Member,
  MemberOthers,
  relayAround,
  serveRelayed,
  sharedFront,
  workerConfig,
} from "../../lib/workers/mod.ts";
import { encodeJson } from "../../lib/workers/codec.ts";

/** What a test says of its router. */
export interface WorkerTask {
  readonly config: RouterConfig;
  readonly seed: number;
  /** Serve before the engines have been asked for their models. */
  readonly unprobed: boolean;
}

/** Name of the call by which a test asks what a worker holds. */
export const HOLDINGS_CALL = "holdings";

async function serve(task: WorkerTask): Promise<void> {
  const member = await Member.join(ownPipes());
  if (member === undefined) return;
  const { hello } = member;
  const clock = systemClock();
  const config = workerConfig(task.config, hello);
  const relay = { member, log: silentLogger(), root: config.rootPath };
  try {
    const app = await startApp(config, {
      clock,
      random: seededRandom(task.seed * 100 + hello.number * 10 + hello.life),
      log: silentLogger(),
      sources: [staticSource(config.engines)],
      bus: member.bus,
      others: new MemberOthers(member, clock),
      kvTag: member.tag,
      ...(member.pull === undefined ? {} : { bindPull: member.pull.bind }),
      front: sharedFront(clock, {
        port: hello.port,
        around(handler) {
          serveRelayed(relay, handler);
          return task.config.batches === undefined ? handler : relayAround(relay, handler);
        },
      }),
    });
    member.answer(HOLDINGS_CALL, (_head, call) => {
      call.answer(encodeJson({ stats: app.stats(), admission: app.admission() }));
      call.end();
    });
    if (!task.unprobed) await app.probed;
    const ended = Promise.withResolvers<void>();
    member.onOrder((order) => {
      // A test says how long, in place of a signal's name.
      if (order.kind === "stop") app.drain(Number(order.signal)).then(() => ended.resolve());
      if (order.kind === "end") ended.resolve();
    });
    await member.tell({ kind: "serving", address: app.address, admin: app.admin });
    await Promise.race([ended.promise, member.over]);
    await app[Symbol.asyncDispose]();
  } catch (error) {
    await member.tell({ kind: "failed", error: describeError(error) });
  }
}

if (import.meta.main) {
  const [file = ""] = Deno.args;
  await serve(deserialize(Deno.readFileSync(file)) as WorkerTask);
  Deno.exit(0);
}

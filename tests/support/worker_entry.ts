/** One of several processes of a router that a test has started: its configuration is in the file that is named. @module */
import { deserialize } from "node:v8";
import { startApp } from "../../lib/app.ts";
import {
  createLogger,
  describeError,
  encodeUtf8,
  type Engine,
  seededRandom,
  silentLogger,
  SocketTurns,
  systemClock,
} from "../../lib/base/mod.ts";
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
import { decodeJson, encodeJson } from "../../lib/workers/codec.ts";
import { ScriptedSource } from "./scripted_source.ts";

/** A change of engines that a test tells of. */
export type TestChange =
  | { readonly kind: "upsert"; readonly engine: Engine }
  | { readonly kind: "leaving" | "remove"; readonly id: string };

/** What a test says of its router. */
export interface WorkerTask {
  readonly config: RouterConfig;
  readonly seed: number;
  /** Serve before the engines have been asked for their models. */
  readonly unprobed: boolean;
  /** Take changes of engines from the test, and write log lines for it. */
  readonly scripted?: boolean;
}

/** Name of the call by which a test asks what a worker holds, and of the one by which it tells of engines. */
export const HOLDINGS_CALL = "holdings";
export const SOURCE_CALL = "source";

async function serve(task: WorkerTask): Promise<void> {
  const member = await Member.join(ownPipes());
  if (member === undefined) return;
  const { hello } = member;
  using turns = new SocketTurns();
  const clock = systemClock(turns);
  const config = workerConfig(task.config, hello);
  const log = task.scripted === true
    ? createLogger(
      clock,
      (line) => void member.write(encodeUtf8(`${line}\n`)),
      { level: "info", format: "json" },
    )
    : silentLogger();
  const source = ScriptedSource.of(config.engines);
  member.answer(SOURCE_CALL, (head, call) => {
    const change = decodeJson<TestChange>(head);
    if (change.kind === "upsert") source.upsert(change.engine);
    else source[change.kind](change.id);
    call.end();
  });
  const relay = { member, log, root: config.rootPath };
  try {
    const app = await startApp(config, {
      clock,
      random: seededRandom(task.seed * 100 + hello.number * 10 + hello.life),
      log,
      sources: [task.scripted === true ? source : staticSource(config.engines)],
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

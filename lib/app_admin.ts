/** The admin API put together: what it looks at, what it changes, and where it listens. @module */
import {
  type AdminDeps,
  adminHandler,
  changesOf,
  doneHere,
  type HandChanges,
  marksOf,
} from "./admin/mod.ts";
import {
  type Clock,
  describeError,
  every,
  type Logger,
  type Random,
  RouterError,
  WatchedFiles,
} from "./base/mod.ts";
import type { AdminOptions, RouterConfig } from "./config/mod.ts";
import { type EngineBook, type HandMarks, ManualSource } from "./discovery/mod.ts";
import { KeyStore, MAX_KEYS_FILE_BYTES } from "./doors/mod.ts";
import { type Fleet, type FleetObserver, FleetWaits } from "./fleet/mod.ts";
import type { Front, FrontOptions, StartFront } from "./front/mod.ts";
import { engineRows, type HttpDeps, refusalAnswer } from "./http/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import type { AskParts } from "./observe/mod.ts";
import type { OwnPart } from "./workers/mod.ts";
import type { Observing } from "./app_observe.ts";
import type { LookedAt } from "./app_observe_live.ts";

/** The name of the source of engines that are added by the API. */
export const ADMIN_SOURCE = "admin";

/** Connections at once: it is for a few people and programs. */
const MAX_CONNECTIONS = 64;

/** How often the file of keys is looked at when nobody comes, so that the log tells of it. */
const LOOK_MS = 1_000;

/** What it is put together from. */
export interface AdminParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly book: EngineBook;
  readonly fleet: Fleet;
  /** At the moment. */
  readonly life: HttpDeps["life"];
  readonly kvReport: HttpDeps["kvReport"];
  /** Absent where there is nothing to read again. */
  readonly reload?: AdminDeps["reload"];
  readonly version: string;
  readonly start: StartFront;
  /** How others than this machine are served. */
  readonly edge: Pick<FrontOptions, "tls">;
  readonly faultAnswer: FrontOptions["onFault"];
  /** Set where other routers are seen as one with this one. */
  readonly everywhere?: AdminDeps["everywhere"];
  /** And where what all of them tell is told as one. */
  readonly all?: AskParts | undefined;
  readonly observing: Observing;
  /** What is looked at of the router. */
  readonly looked: LookedAt;
}

/** The places of a router that it takes part in. */
export interface AdminWiring {
  observing(observer: FleetObserver): FleetObserver;
  /** Engines that are added by the API. */
  readonly manual: ManualSource;
  /** What was done by hand before. */
  readonly marks: HandMarks | undefined;
  /** Everything is there: listen. Throws `RouterError` where it cannot. */
  open(parts: AdminParts): OpenAdmin;
}

/** An admin API that listens. */
export interface OpenAdmin extends AsyncDisposable {
  readonly address: Front["addr"];
  /** For other routers that are seen as one with this one. */
  readonly here: NonNullable<OwnPart["admin"]>;
}

/** The wiring for `config`; undefined where the API is off. */
export function wireAdmin(
  { admin, clients }: Pick<RouterConfig, "admin" | "clients">,
  { clock, changes }: { readonly clock: Clock; readonly changes?: HandChanges | undefined },
): AdminWiring | undefined {
  if (admin === undefined) return undefined;
  const waits = new FleetWaits(clock);
  const manual = new ManualSource(ADMIN_SOURCE);
  // Nobody follows it yet: they are there when somebody does.
  for (const raw of changes?.added ?? []) void manual.add(raw);
  return {
    manual,
    marks: changes && marksOf(changes),
    observing: (observer) => waits.observing(observer),
    open(parts) {
      using stack = new DisposableStack();
      const { book, fleet, log, metrics, edge, version, reload } = parts;
      waits.attach(fleet);
      stack.use(waits);
      const keys = openKeys(admin, parts, stack);
      const names = { exposed: true, of: ({ id }: { readonly id: string }) => id };
      const rows: AdminDeps["rows"] = () =>
        engineRows({ fleet, names, kvReport: parts.kvReport, life: parts.life });
      const observing = parts.observing.open(parts.looked, { fleet, book, rows }, parts.all);
      const deps: AdminDeps = {
        ...observing,
        log,
        metrics,
        book,
        manual,
        fleet,
        waits,
        rows,
        keys,
        loopback: admin.loopback,
        host: admin.listen.host,
        reload,
        version,
        everywhere: parts.everywhere,
      };
      const handler = adminHandler(deps);
      const { host, port } = admin.listen;
      const options: FrontOptions = {
        hostname: host,
        port,
        limits: { ...clients, maxConnections: MAX_CONNECTIONS, maxPerAddress: MAX_CONNECTIONS },
        ...(admin.loopback ? {} : edge),
        onFault: parts.faultAnswer,
        onRefusal: refusalAnswer,
      };
      const front = listen(parts.start, options, handler);
      front.finished.catch((error: unknown) =>
        log.error("The admin API serves no more", { error: describeError(error) })
      );
      const held = stack.move();
      return {
        address: front.addr,
        here: {
          do: (asked, signal) => doneHere(deps, asked, signal),
          changes: () => changesOf(deps),
          live: (known) => observing.live.part(known),
        },
        async [Symbol.asyncDispose]() {
          // Whoever waits for an engine would keep it open.
          await front.close();
          held.dispose();
        },
      };
    },
  };
}

function listen(
  start: StartFront,
  options: FrontOptions,
  handler: Parameters<StartFront>[1],
): Front {
  try {
    return start(options, handler);
  } catch (cause) {
    const { hostname, port } = options;
    throw new RouterError("internal", `Cannot listen on ${hostname}:${port} (--admin-listen)`, {
      cause,
    });
  }
}

function openKeys(
  { keys: { given, file } }: AdminOptions,
  { clock, random, log }: AdminParts,
  stack: DisposableStack,
): KeyStore | undefined {
  if (file === undefined && given.length === 0) return undefined;
  const port = { stat: Deno.statSync, read: Deno.readTextFileSync };
  const store = new KeyStore({
    given,
    file: file === undefined ? undefined : {
      path: file,
      files: new WatchedFiles([file], { clock, port, limitBytes: MAX_KEYS_FILE_BYTES }),
    },
    flag: "--admin-api-keys-file",
    clock,
    log,
    secret: random.uuid(),
  });
  if (file !== undefined) stack.use(every(clock, LOOK_MS, () => store.look()));
  return store;
}

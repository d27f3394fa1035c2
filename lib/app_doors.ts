/** Keys, certificates and whom to believe, built from the configuration. @module */
import {
  type Clock,
  every,
  fileErrorText,
  type Logger,
  type Random,
  RouterError,
  WatchedFiles,
} from "./base/mod.ts";
import type { PairFiles, RouterConfig } from "./config/mod.ts";
import { Doors, type KeySharing, KeyStore, MAX_KEYS_FILE_BYTES } from "./doors/mod.ts";
import type { FrontOptions } from "./front/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import { type TlsPair, WatchedPair } from "./tls/mod.ts";
import type { UpstreamClientOptions } from "./upstream/mod.ts";

/** What doors are built with. */
export interface DoorParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** How keys are shared with other routers. */
  readonly sharing?: KeySharing | undefined;
}

/** The doors, and what the rest of the router is started with on their account. */
export interface AppDoors extends Disposable {
  readonly doors: Doors;
  /** The keys in force; undefined where clients need none. */
  readonly keys: () => KeyStore | undefined;
  readonly front: Pick<FrontOptions, "tls" | "addressOf">;
  readonly upstream: Pick<UpstreamClientOptions, "clientPair" | "serverName" | "refuseLinkLocal">;
  /** Have the keys and the proxies of `config` count; who is in stays. */
  apply(config: Pick<RouterConfig, "doors">): void;
  /** What is in force in place of what files say, by what it is about; empty when nothing is. */
  readonly remarks: () => Readonly<Record<string, string>>;
}

/** How often the file of keys is looked at when nobody comes, so that the log tells of it. */
const LOOK_MS = 1000;

/** Largest certificate or key file, in bytes. */
const MAX_PEM_BYTES = 1024 * 1024;

/** Open them. Throws `RouterError` when a file cannot be used. */
export function openDoors(config: RouterConfig, parts: DoorParts): AppDoors {
  const { clock, random, log, metrics, sharing } = parts;
  const { keys, tls, engineTls, trustedProxies, allowLinkLocalEngines } = config.doors;
  using stack = new DisposableStack();
  const storeOf = (given: readonly string[]): KeyStore =>
    new KeyStore({
      given,
      file: keys.file === undefined ? undefined : {
        path: keys.file,
        files: watched([keys.file], clock, MAX_KEYS_FILE_BYTES),
      },
      clock,
      log,
      secret: random.uuid(),
      sharing,
    });
  const needsStore = (given: readonly string[]): boolean =>
    keys.file !== undefined || given.length > 0;
  let store = needsStore(keys.given) ? storeOf(keys.given) : undefined;
  if (keys.file !== undefined) stack.use(every(clock, LOOK_MS, () => store?.look()));
  const pair = (files: PairFiles | undefined, name: string): WatchedPair | undefined =>
    files && stack.use(
      new WatchedPair({
        files: watched([files.cert, files.key], clock, MAX_PEM_BYTES),
        name,
        clock,
        log,
      }),
    );
  const served = pair(tls, "--tls-cert");
  const shown = pair(engineTls.client, "--engine-tls-cert");
  const doors = new Doors({
    keys: store,
    open: keys.open,
    engineKey: config.apiKey,
    trustedProxies,
    secure: tls !== undefined,
    log,
    metrics,
  });
  const clientCa = tls?.clientCa === undefined ? undefined : readPem(tls.clientCa);
  const held = stack.move();
  return {
    doors,
    keys: () => store,
    front: {
      addressOf: (request) => doors.addressOf(request),
      ...(served === undefined ? {} : {
        tls: {
          ...served.current,
          ...(clientCa === undefined ? {} : { clientCa }),
          onRenewed: served.onRenewed,
        },
      }),
    },
    upstream: {
      refuseLinkLocal: !allowLinkLocalEngines,
      ...(engineTls.serverName === undefined ? {} : { serverName: engineTls.serverName }),
      ...(shown === undefined ? {} : { clientPair: (): TlsPair => shown.current }),
    },
    apply({ doors: { keys: { given, open }, trustedProxies } }) {
      if (!needsStore(given)) store = undefined;
      else if (store === undefined) store = storeOf(given);
      else store.give(given);
      doors.change({ keys: store, open, trustedProxies });
    },
    remarks: () =>
      remarksOf({
        api_keys: doors.problem,
        tls: served?.problem,
        engine_tls: shown?.problem,
      }),
    [Symbol.dispose]: () => held.dispose(),
  };
}

function remarksOf(
  problems: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const told = Object.entries(problems).flatMap(([about, problem]) =>
    problem === undefined ? [] : [[about, problem] as const]
  );
  return Object.fromEntries(told);
}

function watched(
  paths: readonly string[],
  clock: Clock,
  limitBytes: number,
): WatchedFiles {
  const port = { stat: Deno.statSync, read: Deno.readTextFileSync };
  return new WatchedFiles(paths, { clock, port, limitBytes });
}

function readPem(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new RouterError("internal", `Cannot read ${path}: ${fileErrorText(error)}`);
  }
}

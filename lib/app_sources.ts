/** What is told of the sources of engines: to the log, to `/health`, and to `/metrics`. @module */
import { type Clock, every, type Logger } from "./base/mod.ts";
import type { EngineBook } from "./discovery/mod.ts";
import type { Metrics } from "./metrics/mod.ts";

/** What it works with. */
export interface SourceWatchParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Clients may know addresses, which are in what sources say. */
  readonly exposed: boolean;
}

/** Looks at sources until it is disposed. */
export interface SourceWatch extends Disposable {
  /** Set the gauges to what holds at this moment. */
  gauge(): void;
  /** Why no engine is known; undefined where there is one, or where there may be none. */
  ailment(): string | undefined;
  /** Sources that cannot look, by name; empty where all can. */
  remarks(): { readonly discovery?: Readonly<Record<string, string>> };
}

/** How often the log is told of changes. */
const LOOK_MS = 1_000;

const HIDDEN = "it cannot look for engines; the log says why";

/** Look at the sources of `book`; there is nothing to tell without one. */
export function watchSources(
  book: Pick<EngineBook, "sources"> | undefined,
  { clock, log, metrics, exposed }: SourceWatchParts,
): SourceWatch {
  if (book === undefined) {
    return { gauge() {}, ailment: () => undefined, remarks: () => ({}), [Symbol.dispose]() {} };
  }
  const told = new Map<string, string>();
  const timer = every(clock, LOOK_MS, () => tellChanges(book, told, log));
  return {
    gauge: () => gaugeSources(book, metrics),
    ailment() {
      const sources = book.sources();
      if (sources.some(({ engines, leftOut }) => engines > leftOut)) return undefined;
      const ill = sources.find(({ ailment }) => ailment !== undefined);
      return ill && `no engine is known, and the source "${ill.name}" cannot look for any`;
    },
    remarks() {
      const ailing = book.sources().flatMap(({ name, ailment }) =>
        ailment === undefined ? [] : [[name, exposed ? ailment : HIDDEN] as const]
      );
      return ailing.length === 0 ? {} : { discovery: Object.fromEntries(ailing) };
    },
    [Symbol.dispose]: () => timer.cancel(),
  };
}

/** Tell the log of what `told` does not have yet. */
function tellChanges(
  book: Pick<EngineBook, "sources">,
  told: Map<string, string>,
  log: Logger,
): void {
  const sources = book.sources();
  for (const { name: source, ailment } of sources) {
    if (told.get(source) === ailment) continue;
    if (ailment === undefined) {
      told.delete(source);
      log.info("Engines are looked for again", { source });
    } else {
      told.set(source, ailment);
      log.warning("Engines cannot be looked for; those that are known stay", {
        source,
        why: ailment,
      });
    }
  }
  const names = new Set(sources.map(({ name }) => name));
  for (const source of told.keys()) if (!names.has(source)) told.delete(source);
}

function gaugeSources(book: Pick<EngineBook, "sources">, metrics: Metrics): void {
  const sources = book.sources().map((state) => ({ labels: { source: state.name }, state }));
  metrics.replace(
    "pd_router_discovery_engines",
    sources.map(({ labels, state }) => ({ labels, value: state.engines })),
  );
  metrics.replace(
    "pd_router_discovery_left_out",
    sources.map(({ labels, state }) => ({ labels, value: state.leftOut })),
  );
  metrics.replace(
    "pd_router_discovery_synced",
    sources.map(({ labels, state }) => ({ labels, value: state.synced ? 1 : 0 })),
  );
  metrics.replace(
    "pd_router_discovery_up",
    sources.map(({ labels, state }) => ({ labels, value: state.ailment === undefined ? 1 : 0 })),
  );
}

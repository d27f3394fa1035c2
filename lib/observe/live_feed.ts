/**
 * The stream of what goes on: each reader is told what has changed since it was told last. Nothing is
 * looked at while nobody reads, and a reader that is slow holds nothing but its place.
 * @module
 */
import { type Clock, concatBytes, encodeUtf8, type Timer } from "../base/mod.ts";
import type { ByteSource, RequestOutcome } from "../request/mod.ts";
import { Changing } from "./changing.ts";
import type { Kept } from "./recorder.ts";
import type {
  DistributionLive,
  DistributionName,
  EngineLive,
  HelloEvent,
  PairLive,
  RouterLive,
} from "./shapes.ts";
import { requestView, type ViewDeps } from "./views.ts";

/** Readers at once. */
export const MAX_READERS = 16;

/** Requests that one event tells of. */
export const MAX_TOLD = 100;

/** A look at the state holds so long for others who want to look, in milliseconds. */
const FRESH_MS = 500;

/** Where the state is looked at. */
export interface LiveSource {
  engines(): readonly EngineLive[];
  pairs(): readonly PairLive[];
  router(): Omit<RouterLive, "rate">;
  readonly kept: Kept;
  readonly hello: Omit<HelloEvent, "interval">;
}

/** All readers of one router. */
export class LiveFeed {
  readonly #deps: ViewDeps;
  readonly #source: LiveSource;
  readonly #readers = new Set<LiveReader>();
  readonly #engines = new Changing<EngineLive>();
  readonly #pairs = new Changing<PairLive>();
  readonly #times = new Changing<DistributionLive>();
  #lookedMs = -Infinity;
  #looks = 0;

  constructor(deps: ViewDeps, source: LiveSource) {
    this.#deps = deps;
    this.#source = source;
  }

  /** How many read. */
  get readers(): number {
    return this.#readers.size;
  }

  /** A stream with an event every `intervalMs`, which ends when it is cancelled; undefined for one too many. */
  open(intervalMs: number): ByteSource | undefined {
    if (this.#readers.size >= MAX_READERS) return undefined;
    const reader = new LiveReader(this.#deps.clock, intervalMs, {
      tell: (place) => this.#tell(place, intervalMs),
      left: () => this.#readers.delete(reader),
    });
    this.#readers.add(reader);
    return reader;
  }

  #tell(place: Place, intervalMs: number): Uint8Array {
    const nowMs = this.#deps.clock.now();
    if (nowMs - this.#lookedMs >= FRESH_MS) this.#look(nowMs);
    const first = place.looked === 0;
    const { hello } = this.#source;
    const events = [
      ...(first ? [event("hello", JSON.stringify({ ...hello, interval: intervalMs / 1000 }))] : []),
      event("fleet", this.#fleet(place, nowMs)),
      ...this.#requests(place, first),
    ];
    place.looked = this.#looks;
    place.atMs = nowMs;
    return concatBytes(events);
  }

  #look(nowMs: number): void {
    const { kept } = this.#source;
    this.#lookedMs = nowMs;
    const look = ++this.#looks;
    this.#engines.look(look, this.#source.engines().map((engine) => [engine.id, engine]));
    this.#pairs.look(
      look,
      this.#source.pairs().map((pair) => [JSON.stringify([pair.prefill, pair.decode]), pair]),
    );
    const times = [...kept.times].flatMap(
      ([name, each]): [DistributionName, DistributionLive][] => {
        const told = each.told(nowMs);
        return told === undefined ? [] : [[name, told]];
      },
    );
    this.#times.look(look, times);
  }

  /** The event `fleet`, put together from texts that are there already. */
  #fleet(place: Place, nowMs: number): string {
    const { clock } = this.#deps;
    const kinds = [this.#engines, this.#pairs, this.#times];
    const full = kinds.some((kind) => kind.isBehind(place.looked));
    const since = full ? 0 : place.looked;
    const router = this.#source.router();
    const ended = Object.values<number>(router.ended).reduce((sum, each) => sum + each, 0);
    const seconds = (nowMs - place.atMs) / 1000;
    const rate = place.atMs === 0 || seconds <= 0 ? 0 : (ended - place.ended) / seconds;
    place.ended = ended;
    return objectOf([
      ["full", `${full}`],
      ["now", `${Math.round(clock.unixMs()) / 1000}`],
      ["router", JSON.stringify({ ...router, rate: Math.round(rate * 100) / 100 })],
      ["engines", `[${this.#engines.since(since).map(([, text]) => text).join(",")}]`],
      ["gone", JSON.stringify(full ? [] : this.#engines.goneSince(since))],
      ["pairs", `[${this.#pairs.since(since).map(([, text]) => text).join(",")}]`],
      ["gone_pairs", `[${(full ? [] : this.#pairs.goneSince(since)).join(",")}]`],
      ["times", objectOf(this.#times.since(since))],
    ]);
  }

  /** The event `requests`; none where none have ended. */
  #requests(place: Place, first: boolean): readonly Uint8Array[] {
    const { recent } = this.#source.kept;
    const count = first ? 0 : recent.ended - place.told;
    place.told = recent.ended;
    if (count === 0) return [];
    const told: string[] = [];
    for (const trace of recent.latest()) {
      if (told.length === Math.min(count, MAX_TOLD)) break;
      told.push(JSON.stringify(requestView(this.#deps, trace)));
    }
    const untold = `${count - told.length}`;
    return [
      event("requests", objectOf([["ended", `[${told.reverse().join(",")}]`], ["untold", untold]])),
    ];
  }
}

/** How far a reader is. */
interface Place {
  /** The look that it was told of last; 0 for none. */
  looked: number;
  /** When that was, and how many requests had ended then. */
  atMs: number;
  ended: number;
  /** Requests that were kept then. */
  told: number;
}

/** One stream. It holds its place, and at most one timer. */
class LiveReader implements ByteSource {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #feed: { readonly tell: (place: Place) => Uint8Array; readonly left: () => void };
  readonly #place: Place = { looked: 0, atMs: 0, ended: 0, told: 0 };
  #timer: Timer | undefined;
  #wake: (() => void) | undefined;
  #over = false;

  constructor(
    clock: Clock,
    intervalMs: number,
    feed: { readonly tell: (place: Place) => Uint8Array; readonly left: () => void },
  ) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#feed = feed;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#over) return undefined;
    if (this.#place.looked > 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#timer = this.#clock.after(this.#intervalMs, resolve);
      });
    }
    return this.#over ? undefined : this.#feed.tell(this.#place);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#wake?.();
    this.#feed.left();
  }
}

function event(name: string, data: string): Uint8Array {
  return encodeUtf8(`event: ${name}\ndata: ${data}\n\n`);
}

/** A JSON object of values that are JSON already. */
function objectOf(members: readonly (readonly [name: string, json: string])[]): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;
}

/** Counts of outcomes, each of them there. */
export function outcomesOf(counts: ReadonlyMap<RequestOutcome, number>): RouterLive["ended"] {
  const of = (outcome: RequestOutcome): number => counts.get(outcome) ?? 0;
  return {
    ok: of("ok"),
    client_error: of("client_error"),
    server_error: of("server_error"),
    stream_error: of("stream_error"),
    client_gone: of("client_gone"),
  };
}

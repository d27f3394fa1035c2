/**
 * The stream of what goes on: each reader is told what has changed since it was told last. Nothing is
 * looked at while nobody reads, and a reader that is slow holds nothing but its place.
 * @module
 */
import { concatBytes, encodeUtf8 } from "../base/mod.ts";
import type { ByteSource, RequestOutcome } from "../request/mod.ts";
import { Changing } from "./changing.ts";
import { EndedRequests } from "./ended_requests.ts";
import { type AskParts, type LivePart, MAX_TOLD, type NamedPart } from "./live_part.ts";
import { LiveReader, type Place } from "./live_reader.ts";
import { mergedLive } from "./merged_live.ts";
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

/** A look at the state holds so long for others who want to look, in milliseconds. */
const FRESH_MS = 500;

/** What this router is called where no others are seen as one with it. */
const ALONE = "";

/** Where the state is looked at. */
export interface LiveSource {
  engines(): readonly EngineLive[];
  pairs(): readonly PairLive[];
  router(): Omit<RouterLive, "rate">;
  readonly kept: Kept;
  readonly hello: Omit<HelloEvent, "interval">;
  /** Set where other routers are seen as one with this one: what all of them tell is told as one. */
  readonly all?: AskParts | undefined;
}

/** All readers of one router. */
export class LiveFeed {
  readonly #deps: ViewDeps;
  readonly #source: LiveSource;
  readonly #readers = new Set<LiveReader>();
  readonly #engines = new Changing<EngineLive>();
  readonly #pairs = new Changing<PairLive>();
  readonly #times = new Changing<DistributionLive>();
  readonly #ended = new EndedRequests();
  #router: Omit<RouterLive, "rate"> | undefined;
  #started: number;
  #lookedMs = -Infinity;
  #looks = 0;
  #looking: Promise<void> | undefined;

  constructor(deps: ViewDeps, source: LiveSource) {
    this.#deps = deps;
    this.#source = source;
    this.#started = source.hello.started;
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

  /** This router alone, with requests that have ended behind the first `known`; undefined for none. */
  part(known: number | undefined): LivePart {
    const source = this.#source;
    const { kept, hello } = source;
    const nowMs = this.#deps.clock.now();
    const { recent } = kept;
    const count = known === undefined ? 0 : Math.min(recent.ended - known, MAX_TOLD);
    return {
      started: hello.started,
      engines: source.engines(),
      pairs: source.pairs(),
      router: source.router(),
      times: [...kept.times].flatMap(([name, each]): [DistributionName, DistributionLive][] => {
        const told = each.told(nowMs);
        return told === undefined ? [] : [[name, told]];
      }),
      count: recent.ended,
      ended: [...recent.latest().take(Math.max(0, count))].reverse()
        .map((trace) => requestView(this.#deps, trace)),
    };
  }

  async #tell(place: Place, intervalMs: number): Promise<Uint8Array> {
    const { clock } = this.#deps;
    if (clock.now() - this.#lookedMs >= FRESH_MS) await this.#lookOnce();
    const first = place.looked === 0;
    const { version, kv } = this.#source.hello;
    const hello = { version, started: this.#started, interval: intervalMs / 1000, kv };
    const events = [
      ...(first ? [event("hello", JSON.stringify(hello))] : []),
      event("fleet", this.#fleet(place)),
      ...this.#requests(place, first),
    ];
    place.looked = this.#looks;
    place.atMs = this.#lookedMs;
    return concatBytes(events);
  }

  /** Those who want to look while others do look with them. */
  #lookOnce(): Promise<void> {
    return this.#looking ??= this.#look().finally(() => this.#looking = undefined);
  }

  async #look(): Promise<void> {
    const known = this.#ended.known;
    const all = await this.#source.all?.(known);
    // Where all cannot be asked at the moment, what is known of them holds on.
    if (all === undefined && this.#source.all !== undefined && this.#looks > 0) return;
    const alone = (): NamedPart => ({ of: ALONE, part: this.part(known[ALONE]) });
    const parts = all === undefined || all.length === 0 ? [alone()] : all;
    const look = ++this.#looks;
    this.#lookedMs = this.#deps.clock.now();
    const { engines, pairs, router, times, started } = mergedLive(parts.map(({ part }) => part));
    this.#started = started;
    this.#router = router;
    this.#engines.look(look, engines.map((engine) => [engine.id, engine]));
    this.#pairs.look(
      look,
      pairs.map((pair) => [JSON.stringify([pair.prefill, pair.decode]), pair]),
    );
    this.#times.look(look, times);
    if (all !== undefined || this.#source.all === undefined) this.#ended.take(parts);
  }

  /** The event `fleet`, put together from texts that are there already. */
  #fleet(place: Place): string {
    const { clock } = this.#deps;
    const kinds = [this.#engines, this.#pairs, this.#times];
    const full = kinds.some((kind) => kind.isBehind(place.looked));
    const since = full ? 0 : place.looked;
    const router = this.#router ?? this.#source.router();
    const ended = Object.values<number>(router.ended).reduce((sum, each) => sum + each, 0);
    const seconds = (this.#lookedMs - place.atMs) / 1000;
    // Of a router that has ended, the sum is without its part.
    const more = Math.max(0, ended - place.ended);
    const rate = place.looked === 0 || seconds <= 0 ? 0 : more / seconds;
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
    const { ended, untold } = this.#ended.since(place.told);
    place.told = this.#ended.count;
    if (first || ended.length + untold === 0) return [];
    const members = [["ended", `[${ended.join(",")}]`], ["untold", `${untold}`]] as const;
    return [event("requests", objectOf(members))];
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

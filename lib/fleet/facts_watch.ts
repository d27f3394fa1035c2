/** What engines tell of themselves beside their models, and by it whether they were started anew. @module */
import type { Engine } from "../base/mod.ts";
import type { EngineTold } from "./engine_told.ts";
import type { FleetChange } from "./fleet_options.ts";
import type { Outcome } from "./flight.ts";
import type { FetchCards } from "./model_watcher.ts";

/** What watching works with. */
export interface FactsWatchDeps {
  /** Asks an engine; what it does not tell in time is not there. Never rejects. */
  readonly ask: (engine: Engine, signal: AbortSignal) => Promise<EngineTold>;
  /** The engine was started anew at its address. */
  readonly onRestart: (engine: Engine) => void;
}

/** What is known of one engine. */
interface Known {
  readonly url: string;
  told: EngineTold;
  /** It has been asked for all that it tells. */
  asked: boolean;
  /** It gave no answer since it told this. */
  silent: boolean;
}

/** A start is told later than before, in seconds, where the clock of the engine's host was corrected. */
const CORRECTED = 2;

/** After silence, less than that is another start. */
const ANOTHER = 0.05;

/**
 * An engine is asked for all that it tells when it is met and when it answers again, before anybody is
 * told that it has answered: so what is known of it is known with its models.
 */
export class FactsWatch {
  readonly #deps: FactsWatchDeps;
  readonly #known = new Map<string, Known>();
  #revision = 0;

  constructor(deps: FactsWatchDeps) {
    this.#deps = deps;
  }

  /** Counts how often what some engine tells may have become another. */
  get revision(): number {
    return this.#revision;
  }

  /** What `engine` has told; empty where it is not known. */
  of({ id, url }: Engine): EngineTold {
    const known = this.#known.get(id);
    return known?.url === url ? known.told : {};
  }

  /** As `fetch`; behind it the engine is asked, where it is to be. */
  behind(fetch: FetchCards): FetchCards {
    return async (flight, signal) => {
      const cards = await fetch(flight, signal);
      const { engine } = flight;
      if (!this.#isDue(engine) || signal.aborted) return cards;
      const told = await this.#deps.ask(engine, signal);
      if (!signal.aborted) this.#learn(engine, told, true);
      return cards;
    };
  }

  /** Learn what a reading of the engine's metrics has told. */
  read(engine: Engine, told: EngineTold): void {
    this.#learn(engine, told, false);
  }

  /** Learn of a question for its models that is over. */
  landed({ engine: { id }, leg, end }: Outcome): void {
    const known = this.#known.get(id);
    if (known !== undefined && leg === "models" && end === "failed") known.silent = true;
  }

  /** Learn of engines that go. */
  follow({ kind, engine: { id } }: FleetChange): void {
    if (kind === "removed") this.#known.delete(id);
  }

  #isDue({ id, url, kv }: Engine): boolean {
    const known = this.#known.get(id);
    if (known === undefined || known.url !== url) return kv !== "none";
    return known.silent || (!known.asked && kv !== "none");
  }

  #learn(engine: Engine, told: EngineTold, asked: boolean): void {
    if (asked) this.#revision++;
    const { id, url } = engine;
    const was = this.#known.get(id);
    if (was !== undefined && was.url === url && isAnother(was, told)) {
      this.#deps.onRestart(engine);
      this.#known.set(id, { url, told, asked, silent: false });
      return;
    }
    // What is not told this time holds as it was.
    const known = was?.url === url ? was.told : {};
    const started = latest(known.started, told.started);
    this.#known.set(id, {
      url,
      told: { ...known, ...told, ...(started === undefined ? {} : { started }) },
      asked: asked || (was?.asked ?? false),
      silent: was?.silent === true && !asked,
    });
  }
}

/**
 * Whether `told` is of another process. Only a later start is one: behind one address there may be several
 * engines, which would else seem to be started anew each time another of them answers. Where none tells
 * its start, one that was silent and has computed less than before is another.
 */
function isAnother({ told: was, silent }: Known, told: EngineTold): boolean {
  if (was.started !== undefined && told.started !== undefined) {
    return told.started > was.started + (silent ? ANOTHER : CORRECTED);
  }
  if (!silent || was.prompts === undefined || told.prompts === undefined) return false;
  return told.prompts < was.prompts;
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? one ?? other : Math.max(one, other);
}

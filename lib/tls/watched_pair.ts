/** A certificate and its key in files that may be renewed while the router runs. @module */
import {
  type Clock,
  describeError,
  every,
  isWantOfDescriptors,
  Lease,
  type Logger,
  RouterError,
  type Timer,
  type WatchedFiles,
} from "../base/mod.ts";
import { certificateWarning, pairProblem, type TlsPair } from "./pair.ts";

/** How often the files are looked at, in milliseconds. */
export const LOOK_MS = 250;

/** What a pair is watched with. */
export interface WatchedPairOptions {
  /** The certificate's file and the key's. */
  readonly files: WatchedFiles;
  /** What the pair is for: names it in the log, e.g. `--tls-cert`. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
}

type Listener = (pair: TlsPair) => void;

/** The pair in force: the last one of the files that was right. */
export class WatchedPair implements Disposable {
  readonly #options: WatchedPairOptions;
  readonly #listeners = new Set<Listener>();
  readonly #timer: Timer;
  #current: TlsPair;
  /** Told if it stays: where one file has changed, the other may follow. */
  #suspicion: string | undefined;
  /** Right, but there was no descriptor to serve it with: there may be one later. */
  #waiting: TlsPair | undefined;
  #problem: string | undefined;

  /** Throws `RouterError` when the files hold no pair that can be used. */
  constructor(options: WatchedPairOptions) {
    this.#options = options;
    const look = options.files.look();
    if (look.kind !== "read") {
      const why = look.kind === "same" ? "" : `${look.path}: ${look.problem}`;
      throw this.#unusable(why);
    }
    const pair = pairOf(look.texts);
    const problem = pairProblem(pair);
    if (problem !== undefined) throw this.#unusable(problem);
    this.#current = pair;
    this.#warnOfTime();
    this.#timer = every(options.clock, LOOK_MS, () => this.look());
  }

  get current(): TlsPair {
    return this.#current;
  }

  /** Why the files are not what is in force, without their paths; undefined when they are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Have `listener` called with each pair that comes into force, until the lease is given back. */
  readonly onRenewed = (listener: Listener): Lease => {
    this.#listeners.add(listener);
    return new Lease(() => this.#listeners.delete(listener));
  };

  /** Look at the files now. */
  look(): void {
    const look = this.#options.files.look();
    switch (look.kind) {
      case "same":
        if (this.#suspicion !== undefined) this.#reject(this.#suspicion);
        else if (this.#waiting !== undefined) this.#serve(this.#waiting);
        this.#suspicion = undefined;
        return;
      case "unreadable":
        this.#suspicion = undefined;
        return this.#reject(look.problem, look.path);
      case "read":
        return this.#take(pairOf(look.texts));
      default:
        look satisfies never;
    }
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
    this.#listeners.clear();
  }

  #take(pair: TlsPair): void {
    this.#waiting = undefined;
    this.#suspicion = pairProblem(pair);
    if (this.#suspicion !== undefined) return;
    this.#problem = undefined;
    const before = this.#current;
    if (pair.cert !== before.cert || pair.key !== before.key) this.#serve(pair);
  }

  #serve(pair: TlsPair): void {
    const { name, log } = this.#options;
    try {
      for (const listener of this.#listeners) listener(pair);
    } catch (error) {
      if (isWantOfDescriptors(error)) this.#waiting = pair;
      return this.#reject(describeError(error));
    }
    this.#waiting = undefined;
    this.#problem = undefined;
    this.#current = pair;
    log.info(`The certificate of ${name} has been renewed`);
    this.#warnOfTime();
  }

  #reject(problem: string, file?: string): void {
    const { name, log } = this.#options;
    if (problem === this.#problem) return;
    this.#problem = problem;
    log.error(`Cannot renew the certificate of ${name}: the one before stays`, { file, problem });
  }

  #warnOfTime(): void {
    const { name, clock, log } = this.#options;
    const warning = certificateWarning(this.#current.cert, clock.unixMs());
    if (warning !== undefined) log.warning(`The certificate of ${name} is not in time: ${warning}`);
  }

  #unusable(problem: string): RouterError {
    return new RouterError("internal", `Cannot use ${this.#options.name}: ${problem}`);
  }
}

function pairOf([cert = "", key = ""]: readonly string[]): TlsPair {
  return { cert, key };
}

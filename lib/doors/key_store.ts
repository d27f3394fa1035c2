/** The keys in force: those given one by one, and those of a file as it is at the moment. @module */
import { type Clock, type Logger, RouterError, type WatchedFiles } from "../base/mod.ts";
import type { ApiKey } from "./api_key.ts";
import { KeyRing } from "./key_ring.ts";
import { type KeySharing, KeyState } from "./key_state.ts";
import { parseKeysFile } from "./keys_file.ts";

/** What a store is made from. */
export interface KeyStoreOptions {
  /** Digests of keys without limits. */
  readonly given: readonly string[];
  readonly file?: { readonly path: string; readonly files: WatchedFiles } | undefined;
  /**
   * The flag that names the file, for messages.
   * @default "--api-keys-file"
   */
  readonly flag?: string | undefined;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
  /** Nobody's but this process's. */
  readonly secret: string;
  /** How keys are shared with other routers; absent where they are this one's alone. */
  readonly sharing?: KeySharing | undefined;
}

/** Finds keys. A file that has changed counts from the next search on; a bad one does not. */
export class KeyStore {
  readonly #options: KeyStoreOptions;
  #given: readonly string[];
  /** As the file has them that was read last. */
  #filed: readonly ApiKey[] = [];
  #states = new Map<string, KeyState>();
  #byName = new Map<string, KeyState>();
  #ring: KeyRing<KeyState>;
  #problem: string | undefined;

  /** Throws `RouterError` when the file cannot be used. */
  constructor(options: KeyStoreOptions) {
    this.#options = options;
    this.#given = options.given;
    const look = options.file?.files.look();
    const problem = this.#read(look);
    if (problem !== undefined) {
      const path = options.file?.path;
      throw new RouterError("internal", `Cannot use ${this.#flag} ${path}: ${problem}`);
    }
    this.#ring = new KeyRing(this.#states.values(), options.secret);
  }

  /** Have the keys with these digests be those that are given one by one. */
  give(given: readonly string[]): void {
    this.#given = given;
    this.#take();
    this.#ring = new KeyRing(this.#states.values(), this.#options.secret);
  }

  get #flag(): string {
    return this.#options.flag ?? "--api-keys-file";
  }

  /** Keys in force. */
  get size(): number {
    return this.#ring.size;
  }

  /** Why the file is not what is in force, without its path; undefined when it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The state of `key`; undefined when it is none. */
  find(key: string): KeyState | undefined {
    this.look();
    return this.#ring.find(key);
  }

  /** The state of the key that goes by `name`; undefined when there is none. */
  named(name: string): KeyState | undefined {
    this.look();
    return this.known(name);
  }

  /** The same as of the last look. */
  known(name: string): KeyState | undefined {
    return this.#byName.get(name);
  }

  /** All states as of the last look. */
  get states(): Iterable<KeyState> {
    return this.#states.values();
  }

  /** Look whether the file has changed. */
  look(): void {
    const { file, log, secret } = this.#options;
    const look = file?.files.look();
    if (look === undefined || look.kind === "same") return;
    this.#problem = this.#read(look);
    if (this.#problem !== undefined) {
      log.error(`Cannot use the changed ${this.#flag}: the keys before stay`, {
        file: file?.path,
        problem: this.#problem,
      });
      return;
    }
    this.#ring = new KeyRing(this.#states.values(), secret);
    log.info(`The keys of ${this.#flag} have been read again`, { keys: this.size });
  }

  /** Take what a look has found; why it cannot be used, or undefined when it can. */
  #read(look: ReturnType<WatchedFiles["look"]> | undefined): string | undefined {
    if (look?.kind === "same") return undefined;
    if (look?.kind === "unreadable") return look.problem;
    if (look !== undefined) {
      const parsed = parseKeysFile(look.texts[0] ?? "");
      if (!parsed.ok) return parsed.problem;
      this.#filed = parsed.keys;
    }
    this.#take();
    return undefined;
  }

  /** States of keys that stay are kept: what they have used, and who is still in. */
  #take(): void {
    const plain = this.#given.map((digest, index): ApiKey => ({
      name: `api-key-${index + 1}`,
      digest,
      limits: {},
    }));
    // A key that is in the file too has the limits it has there.
    const keys = [...plain, ...this.#filed];
    const states = new Map<string, KeyState>();
    for (const key of keys) {
      const before = this.#states.get(key.digest);
      if (before === undefined || before.name !== key.name) {
        states.set(key.digest, new KeyState(key, this.#options.clock, this.#options.sharing));
      } else {
        before.limit(key.limits);
        states.set(key.digest, before);
      }
    }
    this.#states = states;
    this.#byName = new Map([...states.values()].reverse().map((state) => [state.name, state]));
  }
}

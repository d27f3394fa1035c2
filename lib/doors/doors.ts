/** Who may come in: the one question of a request's head, and what engines are told of its sender. @module */
import {
  isAmong,
  Lease,
  type Logger,
  type Network,
  plainAddress,
  RouterError,
} from "../base/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import { KEY_FIELDS, shownKeys } from "./credentials.ts";
import { clientAddress, forwardingFields, isForwardingField } from "./forwarded.ts";
import type { KeyState } from "./key_state.ts";
import type { KeyStore } from "./key_store.ts";
import { KeyPass, OPEN_PASS, type Pass, type RefusalReason } from "./pass.ts";
import { needsKey } from "./protection.ts";
import type { Visitor } from "./visitor.ts";

/** Names of keys that metrics tell apart; further ones are `other`. */
const MAX_LABELS = 1000;

/** What doors work with. */
export interface DoorsOptions {
  /** Absent where clients need no keys. */
  readonly keys?: KeyStore | undefined;
  /** Endpoints that need none all the same. */
  readonly open: readonly string[];
  /** Shown to engines in place of clients' keys, where there are keys. */
  readonly engineKey?: string | undefined;
  readonly trustedProxies: readonly Network[];
  /** Clients come by TLS. */
  readonly secure: boolean;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** The fields that tell of a request's sender, for one `Host`. */
interface Forwarded {
  readonly host: string | undefined;
  readonly fields: readonly HeaderField[];
}

/** Lets requests in, or says why not. */
export class Doors {
  #options: DoorsOptions;
  /** What engines are told of who has sent a request, by connection: of one it is nearly always the same. */
  #forwarded = new WeakMap<Visitor["remote"], Forwarded>();
  /** Names that have been labels; they stay bounded, however often the file changes. */
  readonly #labels = new Set<string>();

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  /** Have other keys and proxies count from here on; who is in stays. */
  change(options: Pick<DoorsOptions, "keys" | "open" | "trustedProxies">): void {
    this.#options = { ...this.#options, ...options };
    this.#forwarded = new WeakMap();
  }

  /** Why the keys in force are not those of the file; undefined when they are. */
  get problem(): string | undefined {
    const { keys } = this.#options;
    keys?.look();
    return keys?.problem;
  }

  /** Clients' keys stay here: what engines are shown is the router's own, if anything. */
  get keepsKeys(): boolean {
    return this.#options.keys !== undefined;
  }

  /** The pass of a request for `path`, without the root path; the error to answer when it gets none. */
  enter(visitor: Visitor, path: string): Pass | RouterError {
    const { keys, open } = this.#options;
    if (keys === undefined || !needsKey(visitor.method, path, open)) return OPEN_PASS;
    const shown = shownKeys(visitor.headers);
    let state: KeyState | undefined;
    for (const key of shown) state ??= keys.find(key);
    if (state === undefined) return this.#turnedAway(shown.length === 0 ? "missing" : "unknown");
    return this.#passOf(state);
  }

  #passOf(state: KeyState): Pass | RouterError {
    const { name } = state;
    const running = state.enter();
    if (!(running instanceof Lease)) {
      this.#refused(name, running.kind);
      return running.error;
    }
    this.#options.metrics.count("pd_router_api_key_requests_total", { key: this.#label(name) });
    return new KeyPass(state, running, (reason) => this.#refused(name, reason));
  }

  /**
   * The pass of a request that is made for the key `name`, which has shown itself before; the error to
   * answer where there is no such key any more, or it has had its share.
   */
  enterAs(name: string): Pass | RouterError {
    const { keys } = this.#options;
    if (keys === undefined) return OPEN_PASS;
    const state = keys.named(name);
    if (state !== undefined) return this.#passOf(state);
    return new RouterError("unauthorized", `There is no key '${name}' any more`);
  }

  /**
   * The fields that engines shall see of `fields`, which are those of `visitor` that go on: with keys of
   * the router's own the client's stays here, and who has sent the request is told anew.
   */
  engineFields(visitor: Visitor, fields: readonly HeaderField[]): HeaderField[] {
    const { keys, engineKey } = this.#options;
    const kept: HeaderField[] = [];
    for (const field of fields) {
      const name = field[0];
      if (isForwardingField(name) || (keys !== undefined && KEY_FIELDS.has(name))) continue;
      kept.push(field);
    }
    if (keys !== undefined && engineKey !== undefined) {
      kept.push(["authorization", `Bearer ${engineKey}`]);
    }
    for (const field of this.#forwardingFields(visitor)) kept.push(field);
    return kept;
  }

  #forwardingFields(visitor: Visitor): readonly HeaderField[] {
    const { trustedProxies: trusted, secure } = this.#options;
    const { remote, headers } = visitor;
    if (isAmong(plainAddress(remote.hostname), trusted)) {
      return forwardingFields(visitor, { trusted, secure });
    }
    // Of whoever is not believed, nothing but its address and the host it asks for counts.
    const host = headers.get("host");
    const known = this.#forwarded.get(remote);
    if (known !== undefined && known.host === host) return known.fields;
    const fields = forwardingFields(visitor, { trusted, secure });
    this.#forwarded.set(remote, { host, fields });
    return fields;
  }

  /** The address that a request counts under: behind a proxy that is trusted, that of its client. */
  addressOf(visitor: Visitor): string {
    return clientAddress(visitor, this.#options.trustedProxies);
  }

  #turnedAway(reason: "missing" | "unknown"): RouterError {
    this.#refused("", reason);
    const message = reason === "missing"
      ? "A key is needed: send it as 'Authorization: Bearer KEY', or as 'x-api-key: KEY'"
      : "The key is not known here";
    return new RouterError("unauthorized", message, {
      fields: [["www-authenticate", 'Bearer realm="pd-router"']],
    });
  }

  #refused(name: string, reason: RefusalReason): void {
    const { metrics, log } = this.#options;
    const key = name === "" ? "" : this.#label(name);
    metrics.count("pd_router_api_key_refusals_total", { key, reason });
    log.debug("Refused a request", { key: name === "" ? undefined : name, reason });
  }

  #label(name: string): string {
    if (this.#labels.has(name)) return name;
    if (this.#labels.size >= MAX_LABELS) return "other";
    this.#labels.add(name);
    return name;
  }
}

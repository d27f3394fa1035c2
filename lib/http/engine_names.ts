/** What engines are called towards clients: their addresses are nobody's outside. @module */
import { type Engine, type ErrorCode, type Logger, RouterError, sha256 } from "../base/mod.ts";
import type { FleetChange, FleetView } from "../fleet/mod.ts";

/** Engines that have gone and whose names are kept: errors tell of them for a while. */
const MAX_GONE = 1_024;

/** Longest text that an error tells, in characters. */
const MAX_TEXT = 16 * 1024;

/** Errors whose texts are of the request alone: what they quote of it is the client's own. */
const OF_THE_REQUEST: ReadonlySet<ErrorCode> = new Set([
  "bad-request",
  "body-too-large",
  "client-timeout",
  "not-found",
  "method-not-allowed",
  "unknown-model",
  "unknown-engine",
]);

/** A host, with or without a scheme before it and a port behind it. */
const ADDRESS = /(?:(https?):\/\/)?(\[[\da-f:.]+\]|[\w-]+(?:\.[\w-]+)*)(?::(\d{1,5})(?!\d))?/gi;

/** What the platform says of a certificate names the hosts that it is for. */
const CERTIFICATE = /(invalid peer certificate):.*$/is;

/** Digits that tell engines apart: of a thousand, two have the same once in ten thousand starts. */
const NAME_DIGITS = 8;

/** Where an engine is, as texts may name it. */
interface Place {
  readonly name: string;
  readonly url: string;
  readonly host: string;
  /** With the port. */
  readonly authority: string;
}

/** The names of one router's engines. */
export class EngineNames {
  /** Clients may know the engines' addresses. */
  readonly exposed: boolean;
  readonly #log: Pick<Logger, "info"> | undefined;
  readonly #byUrl = new Map<string, Place>();
  readonly #byAuthority = new Map<string, Place>();
  /** Several engines may have one host. */
  readonly #byHost = new Map<string, Set<Place>>();
  /** Addresses of the router's own. */
  readonly #hidden = new Map<string, string>();
  /** URLs without an engine, the longest gone first. */
  readonly #gone = new Set<string>();
  readonly #secret: string | undefined;
  #count = 0;

  /**
   * Unless the addresses are `exposed`, the log is told who has which name. Routers of the same `secret`
   * call engines the same, in whichever order they come; without one, engines are counted.
   */
  constructor(exposed: boolean, log?: Pick<Logger, "info">, secret?: string) {
    this.exposed = exposed;
    this.#log = log;
    this.#secret = secret;
  }

  /** Learn of engines as they come and go. */
  follow({ kind, engine: { url } }: FleetChange): void {
    if (this.exposed) return;
    if (kind === "added") this.#placeOf(url);
    if (kind === "forgotten" && this.#byUrl.has(url)) this.#leave(url);
  }

  /** Call `authority`, `host:port` of this router's own, `name` towards clients. */
  hide(authority: string, name: string): void {
    this.#hidden.set(authority, name);
  }

  /** The name of `engine`, by which a client can ask for it. */
  of({ id, url }: Engine): string {
    return this.exposed ? id : this.#placeOf(url).name;
  }

  /** The engine of that name; or of that id, since whoever knows an address is told nothing by it. */
  find(view: FleetView, name: string): Engine | undefined {
    const found = view.find(name);
    if (found !== undefined || this.exposed) return found;
    return view.engines.find(({ url }) => this.#byUrl.get(url)?.name === name);
  }

  /** `error` in words that name engines as clients may know them, and without its causes. */
  readonly told = (error: RouterError): RouterError => {
    if (this.exposed || OF_THE_REQUEST.has(error.code)) return error;
    const { param, refusal } = error;
    return new RouterError(error.code, this.#concealed(error.message), { param, refusal });
  };

  #concealed(text: string): string {
    const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
    return short.replace(CERTIFICATE, "$1").replace(
      ADDRESS,
      (found, scheme: string | undefined, host: string, port: string | undefined) => {
        const authority = authorityOf(scheme, host, port);
        if (authority !== undefined) {
          return this.#hidden.get(authority) ?? this.#byAuthority.get(authority)?.name ?? found;
        }
        // A host of one word can be any word of a sentence.
        return /[.\]]/.test(host) ? this.#hostName(host) ?? found : found;
      },
    );
  }

  #hostName(host: string): string | undefined {
    const [place, another] = this.#byHost.get(host.toLowerCase()) ?? [];
    return another === undefined ? place?.name : "an engine";
  }

  #placeOf(url: string): Place {
    this.#gone.delete(url);
    const known = this.#byUrl.get(url);
    if (known !== undefined) return known;
    const { protocol, hostname: host, port } = new URL(url);
    const authority = authorityOf(protocol.slice(0, -1), host, port || undefined) ?? host;
    const place = { name: this.#nameFor(url), url, host, authority };
    this.#byUrl.set(url, place);
    this.#byAuthority.set(authority, place);
    const others = this.#byHost.get(host);
    if (others === undefined) this.#byHost.set(host, new Set([place]));
    else others.add(place);
    this.#log?.info("Engine has a name for clients", { name: place.name, url });
    return place;
  }

  #nameFor(url: string): string {
    if (this.#secret === undefined) return `engine-${++this.#count}`;
    return `engine-${sha256(`${this.#secret} ${url}`).slice(0, NAME_DIGITS)}`;
  }

  #leave(url: string): void {
    this.#gone.add(url);
    const [oldest] = this.#gone;
    if (this.#gone.size <= MAX_GONE || oldest === undefined) return;
    this.#gone.delete(oldest);
    const place = this.#byUrl.get(oldest);
    if (place === undefined) return;
    this.#byUrl.delete(oldest);
    if (this.#byAuthority.get(place.authority) === place) this.#byAuthority.delete(place.authority);
    const others = this.#byHost.get(place.host);
    others?.delete(place);
    if (others?.size === 0) this.#byHost.delete(place.host);
  }
}

/** `host:port`; undefined where neither a scheme nor a port says which port. */
function authorityOf(
  scheme: string | undefined,
  host: string,
  port: string | undefined,
): string | undefined {
  const known = port ?? (scheme === undefined ? undefined : PORTS.get(scheme.toLowerCase()));
  return known === undefined ? undefined : `${host.toLowerCase()}:${known}`;
}

const PORTS: ReadonlyMap<string, string> = new Map([["http", "80"], ["https", "443"]]);

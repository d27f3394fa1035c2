/** The server: what it listens on, its connections, and its end. @module */
import { type Clock, openNullDevice, type TakeDescriptor, TurnMeter } from "../../base/mod.ts";
import type {
  Front,
  FrontEvent,
  FrontHandler,
  FrontLimits,
  FrontOptions,
} from "../contract/mod.ts";
import { Acceptor, type AcceptorOwner } from "./acceptor.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHost } from "./connection_host.ts";
import { Copies } from "./copies.ts";
import { DateField } from "./date_field.ts";
import { Place } from "./place.ts";
import { Reserve } from "./reserve.ts";
import { Scratches } from "./scratches.ts";
import { closeQuietly, type FrontSocket, type Listen, platformListen } from "./socket.ts";
import { TurnedAway } from "./turned_away.ts";
import { type Turned, Turnstile } from "./turnstile.ts";
import { Wheel } from "./wheel.ts";

/** What the server is made from besides its options. */
export interface Http1Parts {
  readonly clock: Clock;
  /** In place of the platform's sockets. */
  readonly listen?: Listen;
  /** In place of the null device, for the descriptor that is held back. */
  readonly takeDescriptor?: TakeDescriptor;
}

/** Begin to accept; throws when the address cannot be had, or the certificate is none. */
export function startHttp1(options: FrontOptions, handler: FrontHandler, parts: Http1Parts): Front {
  return new Http1Server(options, handler, parts);
}

/**
 * Requests of all connections that are begun in a turn of the event loop: milliseconds of them, and so few
 * that what they do on sockets stays below the 128 operations that the platform lets end in a turn. Those
 * that it sets back for others would wait for seconds.
 */
const TURN_REQUESTS = 16;

/** Above so many milliseconds of a turn, fewer begin in the next: streams under way wait for its end. */
const TURN_MS = 8;

class Http1Server implements Front, ConnectionHost, AcceptorOwner {
  readonly addr: Front["addr"];
  readonly finished: Promise<void>;
  readonly limits: FrontLimits;
  readonly handler: FrontHandler;
  readonly onFault: FrontOptions["onFault"];
  readonly onRefusal: FrontOptions["onRefusal"];
  readonly addressOf: FrontOptions["addressOf"];
  readonly clock: Clock;
  readonly wheel: Wheel;
  readonly date: DateField;
  readonly scratches = new Scratches();
  readonly copies = new Copies();
  readonly turns: TurnMeter;
  readonly #onEvent: FrontOptions["onEvent"];
  readonly #turnstile: Turnstile;
  readonly #turnedAway: TurnedAway;
  readonly #acceptor: Acceptor;
  readonly #open = new Set<Connection>();
  /** Called when a connection has gone. */
  readonly #departures = new Set<() => void>();
  /** What is being told that it is not served. */
  readonly #farewells = new Set<Promise<void>>();
  #draining = false;
  #turns = 0;

  constructor(
    options: FrontOptions,
    handler: FrontHandler,
    { clock, listen = platformListen(clock), takeDescriptor = openNullDevice }: Http1Parts,
  ) {
    const { limits } = options;
    this.limits = limits;
    this.handler = handler;
    this.onFault = options.onFault;
    this.onRefusal = options.onRefusal;
    this.addressOf = options.addressOf;
    this.clock = clock;
    this.turns = new TurnMeter(clock, TURN_REQUESTS, TURN_MS);
    this.#onEvent = options.onEvent;
    this.wheel = new Wheel(
      clock,
      Math.min(limits.headMs, limits.bodyIdleMs, limits.writeIdleMs, limits.keepAliveMs),
    );
    this.date = new DateField(clock);
    this.#turnstile = new Turnstile(limits, options.sharing);
    this.#turnedAway = new TurnedAway(clock, this.date, options.onRefusal);
    const listener = listen(options);
    const { hostname, port } = listener.addr;
    this.addr = { hostname, port };
    const reserve = new Reserve(takeDescriptor);
    this.#acceptor = new Acceptor({ listener, reserve, clock, owner: this });
    this.finished = this.#acceptor.finished.then(() => this.#empty());
  }

  get ailment(): string | undefined {
    return this.#acceptor.ailment;
  }

  get connections(): number {
    return this.#open.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  shutdown(): Promise<void> {
    this.#draining = true;
    this.#acceptor.close();
    for (const connection of [...this.#open]) connection.drain();
    return this.finished;
  }

  close(): Promise<void> {
    const ended = this.shutdown();
    for (const connection of [...this.#open]) connection.close();
    this.#turnedAway.close();
    return ended;
  }

  tell(event: FrontEvent): void {
    this.#onEvent?.(event);
  }

  turn(): number {
    return ++this.#turns;
  }

  onConnection(socket: FrontSocket): void {
    if (this.#draining) return closeQuietly(socket);
    const place = new Place(this.#turnstile, socket.remoteAddr.hostname);
    const turned = place.enter();
    if (turned === undefined) this.#letIn(socket, place);
    else if (turned === "connections") this.#squeezeIn(socket, place);
    else this.#refuse(socket, turned);
  }

  /** Where there are as many as may be, one that rests makes way for one that may ask. */
  async #squeezeIn(socket: FrontSocket, place: Place): Promise<void> {
    const found = await this.makeRoom();
    if (this.#draining) return closeQuietly(socket);
    const turned = found ? place.enter() : "connections";
    if (turned === undefined) this.#letIn(socket, place);
    else this.#refuse(socket, turned);
  }

  #refuse(socket: FrontSocket, why: Turned): void {
    this.tell({ kind: "refused", why });
    this.#turnAway(socket, false);
  }

  #letIn(socket: FrontSocket, place: Place): void {
    leaveAtOnce(socket);
    const connection = new Connection(socket, place, this, this.#onClosed);
    this.#open.add(connection);
    connection.start();
  }

  async makeRoom(): Promise<boolean> {
    let longest: Connection | undefined;
    for (const connection of this.#open) {
      const isLonger = longest === undefined || connection.idleSince < longest.idleSince;
      if (connection.rests && isLonger) longest = connection;
    }
    if (longest === undefined) return false;
    longest.close();
    while (this.#open.has(longest)) await this.#departure();
    return true;
  }

  turnAway(socket: FrontSocket): Promise<void> {
    return this.#turnAway(socket, true);
  }

  #turnAway(socket: FrontSocket, hurried: boolean): Promise<void> {
    const farewell = this.#turnedAway.tell(socket, hurried)
      .finally(() => this.#farewells.delete(farewell));
    this.#farewells.add(farewell);
    return farewell;
  }

  readonly #onClosed = (connection: Connection): void => {
    this.#open.delete(connection);
    connection.place.leave();
    for (const departed of this.#departures) departed();
    this.#departures.clear();
  };

  /** Resolves when no connection is left. */
  async #empty(): Promise<void> {
    while (this.#open.size > 0) await this.#departure();
    await Promise.all(this.#farewells);
    this.wheel[Symbol.dispose]();
    this.turns[Symbol.dispose]();
  }

  #departure(): Promise<void> {
    return new Promise((resolve) => this.#departures.add(resolve));
  }
}

/** Have small writes leave at once, where the platform can do that. */
function leaveAtOnce(socket: FrontSocket): void {
  try {
    socket.setNoDelay?.(true);
  } catch {
    // Some systems refuse this to a client that has gone; reading will tell.
  }
}

/** Clients without sockets: what they send and take is in the test's hands. @module */
import type { FrontListener, FrontSocket } from "../../../../lib/front/http1/socket.ts";
import { MemorySocket } from "../../../upstream/support/memory_engine.ts";

/** One connection, seen from the client's side. */
export class MemoryClient extends MemorySocket implements FrontSocket {
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
  /** The server writes no more. */
  writeClosed = false;
  /** Set for a client that has to shake hands first. */
  handshake?: () => Promise<unknown>;

  constructor(hostname = "10.0.0.1", port = 40_000) {
    super();
    this.remoteAddr = { hostname, port };
  }

  #left = false;
  #reset = false;

  /** Close in good order: the first that is written to it from here on is answered by a reset. */
  leave(): void {
    this.#left = true;
    this.send(null);
  }

  override write(data: Uint8Array): Promise<number> {
    if (this.#reset) return Promise.reject(new Deno.errors.BrokenPipe("Broken pipe"));
    this.#reset = this.#left;
    return super.write(data);
  }

  closeWrite(): Promise<void> {
    this.writeClosed = true;
    return this.closed
      ? Promise.reject(new Deno.errors.BadResource("Bad resource ID"))
      : Promise.resolve();
  }
}

/** A listener that the test connects to. */
export class MemoryListener implements FrontListener {
  readonly addr = { hostname: "10.0.0.254", port: 8000 };
  closed = false;
  #arrived: (FrontSocket | Error)[] = [];
  #acceptor: PromiseWithResolvers<FrontSocket> | undefined;

  /** True while a connection is waited for. */
  get accepting(): boolean {
    return this.#acceptor !== undefined;
  }

  /** The next connection, or what accepting it fails with. */
  arrive(next: FrontSocket | Error): void {
    this.#arrived.push(next);
    this.#pump();
  }

  accept(): Promise<FrontSocket> {
    if (this.closed) return Promise.reject(new Deno.errors.BadResource("Bad resource ID"));
    if (this.#acceptor !== undefined) return Promise.reject(new Error("two accepts at once"));
    this.#acceptor = Promise.withResolvers();
    const { promise } = this.#acceptor;
    this.#pump();
    return promise;
  }

  close(): void {
    if (this.closed) throw new Deno.errors.BadResource("Bad resource ID");
    this.closed = true;
    this.#acceptor?.reject(new Deno.errors.Interrupted("operation canceled"));
    this.#acceptor = undefined;
  }

  #pump(): void {
    const acceptor = this.#acceptor;
    const next = acceptor === undefined ? undefined : this.#arrived.shift();
    if (acceptor === undefined || next === undefined) return;
    this.#acceptor = undefined;
    if (next instanceof Error) acceptor.reject(next);
    else acceptor.resolve(next);
  }
}

/** Let promise chains that need no I/O run to their end, long ones too. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 300; turn++) await Promise.resolve();
}

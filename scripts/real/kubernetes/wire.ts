/** The network between the router and the API server, which can be cut and can fall silent. @module */

/** A port of 127.0.0.1 whose connections go on to another. */
export interface Wire extends Disposable {
  readonly port: number;
  /** End every connection, and take none until `mend`. */
  cut(): void;
  /** Lose all bytes that come meanwhile, and end nothing, until `mend`. */
  freeze(): void;
  /** Let pass again. Connections of which bytes were lost are ended. */
  mend(): void;
  /** Connections at this moment, and those of them that have lost bytes. */
  readonly connections: number;
  readonly lost: number;
}

type State = "open" | "cut" | "frozen";

/** Connections to it go on to `target` of 127.0.0.1. */
export function startWire(target: number): Wire {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pairs = new Set<Pair>();
  let state: State = "open";
  const accept = async (): Promise<void> => {
    for await (const near of listener) {
      if (state === "cut") {
        near.close();
        continue;
      }
      const pair = new Pair(near, () => state, () => pairs.delete(pair));
      pairs.add(pair);
      void pair.run(target);
    }
  };
  void accept();
  return {
    port: listener.addr.port,
    get connections() {
      return pairs.size;
    },
    get lost() {
      return [...pairs].filter(({ lost }) => lost).length;
    },
    cut() {
      state = "cut";
      for (const pair of [...pairs]) pair.end();
    },
    freeze: () => void (state = "frozen"),
    mend() {
      state = "open";
      for (const pair of [...pairs]) if (pair.lost) pair.end();
    },
    [Symbol.dispose]() {
      listener.close();
      for (const pair of [...pairs]) pair.end();
    },
  };
}

/** One connection on both sides. */
class Pair {
  readonly #near: Deno.TcpConn;
  readonly #state: () => State;
  readonly #ended: () => void;
  #far: Deno.TcpConn | undefined;
  #over = false;
  /** Bytes of it were lost. */
  lost = false;

  constructor(near: Deno.TcpConn, state: () => State, ended: () => void) {
    this.#near = near;
    this.#state = state;
    this.#ended = ended;
  }

  async run(port: number): Promise<void> {
    try {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      this.#far = far;
      if (this.#over) far.close();
      else await Promise.race([this.#pass(this.#near, far), this.#pass(far, this.#near)]);
    } catch (error) {
      // Either side may go at any time, or not be there.
      const gone = error instanceof Deno.errors.ConnectionRefused ||
        error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource;
      if (!gone) throw error;
    } finally {
      this.end();
    }
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#near.close();
    this.#far?.close();
    this.#ended();
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const bytes = new Uint8Array(64 * 1024);
    for (;;) {
      const count = await from.read(bytes);
      if (this.#state() === "frozen") {
        // The end of one side is lost on the other as well.
        this.lost = true;
        if (count === null) await new Promise<void>(() => {});
        continue;
      }
      if (count === null) return;
      for (let at = 0; at < count;) at += await to.write(bytes.subarray(at, count));
    }
  }
}

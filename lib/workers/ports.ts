/** The ports that workers are to share, tried before any of them is started. @module */
import { RouterError } from "../base/mod.ts";

/** An address to listen on; port 0 takes any free one. */
export interface SharedAddress {
  readonly host: string;
  readonly port: number;
  /** What it is called where it cannot be had, e.g. ` (--admin-listen)`. */
  readonly name?: string;
}

/** Ports that are free. */
export interface HeldPorts extends Disposable {
  /** In the order of the addresses. */
  readonly ports: readonly number[];
}

/**
 * See that all addresses can be listened on. A port that is given is let go at once: whoever listens on it
 * without accepting would swallow clients. One that is free, which nobody knows, is held until the others
 * listen. Throws `RouterError` where one cannot be had.
 */
export function heldPorts(addresses: readonly SharedAddress[]): HeldPorts {
  using stack = new DisposableStack();
  const ports = addresses.map(({ host: hostname, port, name = "" }) => {
    try {
      const listener = Deno.listen({ hostname, port, reusePort: port === 0 });
      if (port === 0) stack.defer(() => listener.close());
      else listener.close();
      return listener.addr.port;
    } catch (cause) {
      throw new RouterError("internal", `Cannot listen on ${hostname}:${port}${name}`, { cause });
    }
  });
  const held = stack.move();
  return { ports, [Symbol.dispose]: () => held.dispose() };
}

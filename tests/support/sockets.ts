/** Connections of a port, as the system counts them (Linux, proc(5)). @module */

/** States in which this side holds a descriptor: established, and left by the peer alone. */
const HELD: ReadonlySet<string> = new Set(["01", "08"]);

/** Connections that whoever listens on `port` of 127.0.0.1 holds. */
export function socketsOf(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = Deno.readTextFileSync("/proc/net/tcp").split("\n");
  return lines.filter((line) => {
    const [, address, , state = ""] = line.trim().split(/\s+/);
    return address === local && HELD.has(state);
  }).length;
}

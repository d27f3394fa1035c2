/** A DNS server on loopback, strict about what it is asked, whose answers change as a test says. @module */
import {
  questionBytes,
  type ReadQuery,
  readQuery,
  writeAnswer,
  type WrittenAnswer,
  type ZoneRecord,
} from "./dns_bytes.ts";

/** What a server says of a name. */
export type ZoneAnswer =
  | readonly ZoneRecord[]
  /** That there is no such name, or that it fails, or refuses; or nothing at all. */
  | "nxdomain"
  | "servfail"
  | "refused"
  | "silent";

/** How it misbehaves. */
export type Mischief =
  /** Before its answer: others, with another id, to another question, and from another port. */
  | "spoof"
  /** Datagrams are cut in the middle of a record. */
  | "cut"
  /** Never a datagram with records. */
  | "tcp-only"
  /** Its connections end before the answer does. */
  | "short-stream"
  /** What it answers by TCP is an answer to something else. */
  | "wrong-stream";

/** One question that has come. */
export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly by: "udp" | "tcp";
  readonly room: number;
  readonly id: number;
  /** The port that it came from. */
  readonly from: number;
}

const CODES = { servfail: 2, nxdomain: 3, refused: 5 } as const;

/** A running server. */
export class DnsServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Why it could not read what it was asked: a test fails where this is not empty. */
  readonly faults: string[] = [];
  readonly mischief = new Set<Mischief>();
  /** While set, it says nothing to anybody. */
  silent = false;
  /** How long it holds that there is nothing, in seconds; says nothing of that while undefined. */
  negativeTtl: number | undefined = 5;
  readonly #zone = new Map<string, ZoneAnswer>();
  readonly #udp: Deno.DatagramConn;
  readonly #tcp: Deno.TcpListener;
  readonly #conns = new Set<Deno.TcpConn>();
  readonly #running: Promise<unknown>;

  constructor(hostname = "127.0.0.1") {
    [this.#tcp, this.#udp] = bindBoth(hostname);
    this.#running = Promise.all([this.#serveUdp(), this.#serveTcp()]);
  }

  get port(): number {
    return this.#tcp.addr.port;
  }

  /** Say this of `name`, from here on; nothing is said of names that are not set but that there are none. */
  set(name: string, answer: ZoneAnswer): void {
    this.#zone.set(name.toLowerCase(), answer);
  }

  /** `name` is these addresses, of either family. */
  addresses(name: string, addresses: readonly string[], ttl = 1): void {
    this.set(
      name,
      addresses.map((address) => ({ type: address.includes(":") ? "AAAA" : "A", ttl, address })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#udp.close();
    this.#tcp.close();
    for (const conn of this.#conns) conn.close();
    await this.#running;
    if (this.faults.length > 0) throw new Error(this.faults.join("; "));
  }

  async #serveUdp(): Promise<void> {
    for await (const [bytes, from] of this.#udp) {
      const query = this.#read(bytes, "udp", from.transport === "udp" ? from.port : 0);
      const answer = query && this.#answer(query);
      if (query === undefined || answer === undefined) continue;
      if (this.mischief.has("spoof")) await this.#spoof(query, from);
      let message = writeAnswer(answer);
      if (message.length > query.room || this.mischief.has("tcp-only")) {
        message = writeAnswer({ id: query.id, question: query.question, code: 0, truncated: true });
      }
      if (this.mischief.has("cut")) {
        message = writeAnswer({ ...answer, truncated: true }).slice(0, -3);
      }
      await this.#udp.send(message, from);
    }
  }

  /** Answers that lead elsewhere, each wrong in one way. */
  async #spoof({ id, question, name, type }: ReadQuery, to: Deno.Addr): Promise<void> {
    const answers = [[name, { type: "A", ttl: 9, address: "192.0.2.66" }]] as const;
    const right = { id, question, code: 0, answers } satisfies WrittenAnswer;
    const other = questionBytes(`other.${name}`, type);
    await this.#udp.send(writeAnswer({ ...right, id: id ^ 1 }), to);
    await this.#udp.send(writeAnswer({ ...right, question: other }), to);
    await this.#udp.send(writeAnswer({ ...right, question: questionBytes(name, "SOA") }), to);
    await this.#udp.send(new Uint8Array([id >> 8, id & 0xff]), to);
    const hostname = this.#tcp.addr.hostname;
    const elsewhere = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    await elsewhere.send(writeAnswer(right), to);
    elsewhere.close();
  }

  async #serveTcp(): Promise<void> {
    const serving = new Set<Promise<void>>();
    for await (const conn of this.#tcp) {
      this.#conns.add(conn);
      const one = this.#converse(conn).finally(() => {
        serving.delete(one);
        if (this.#conns.delete(conn)) closeQuietly(conn);
      });
      serving.add(one);
    }
    await Promise.all(serving);
  }

  async #converse(conn: Deno.TcpConn): Promise<void> {
    const bytes = await readFramed(conn);
    const query = bytes && this.#read(bytes, "tcp", conn.remoteAddr.port);
    const answer = query && this.#answer(query);
    // Who says nothing keeps the connection until the asker leaves.
    if (answer === undefined) return void await readFramed(conn);
    const id = this.mischief.has("wrong-stream") ? answer.id ^ 1 : answer.id;
    const message = writeAnswer({ ...answer, id });
    const framed = Uint8Array.from([message.length >> 8, message.length & 0xff, ...message]);
    const end = this.mischief.has("short-stream") ? framed.length - 5 : framed.length;
    // In two parts: whoever reads one of them has not read all.
    for (const part of [framed.subarray(0, 3), framed.subarray(3, end)]) await writeAll(conn, part);
  }

  #read(bytes: Uint8Array, by: "udp" | "tcp", from: number): ReadQuery | undefined {
    try {
      const query = readQuery(bytes);
      const { name, type, room, id } = query;
      this.asked.push({ name, type, by, room, id, from });
      return query;
    } catch (error) {
      this.faults.push(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #answer({ id, question, name, type }: ReadQuery): WrittenAnswer | undefined {
    const said = this.#zone.get(name) ?? "nxdomain";
    if (this.silent || said === "silent") return undefined;
    const base = { id, question };
    if (typeof said === "string") {
      const negativeTtl = said === "nxdomain" ? this.negativeTtl : undefined;
      return { ...base, code: CODES[said], negativeTtl };
    }
    const answers = said.filter((record) => record.type === type || record.type === "CNAME");
    if (answers.length === 0) return { ...base, code: 0, negativeTtl: this.negativeTtl };
    return {
      ...base,
      code: 0,
      answers: answers.map((record) => [name, record]),
      additionals: answers.flatMap((record) =>
        record.type === "SRV" ? this.#beside(record.target) : []
      ),
    };
  }

  /** Names that begin with `bare` are left to be asked for. */
  #beside(target: string): readonly (readonly [string, ZoneRecord])[] {
    const said = this.#zone.get(target);
    if (target.startsWith("bare") || said === undefined || typeof said === "string") return [];
    return said.map((record) => [target, record]);
  }
}

/** One port for both. */
function bindBoth(hostname: string): [Deno.TcpListener, Deno.DatagramConn] {
  for (;;) {
    const tcp = Deno.listen({ hostname, port: 0 });
    try {
      const port = tcp.addr.port;
      return [tcp, Deno.listenDatagram({ transport: "udp", hostname, port })];
    } catch (error) {
      tcp.close();
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** A message behind its length; undefined where the connection ends first. */
async function readFramed(conn: Deno.TcpConn): Promise<Uint8Array | undefined> {
  try {
    const head = await readExactly(conn, 2);
    return head && await readExactly(conn, ((head[0] ?? 0) << 8) | (head[1] ?? 0));
  } catch (error) {
    // The asker has left, or the server has been stopped.
    if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BadResource) {
      return undefined;
    }
    if (error instanceof Deno.errors.Interrupted) return undefined;
    throw error;
  }
}

async function readExactly(conn: Deno.TcpConn, length: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const count = await conn.read(bytes.subarray(filled));
    if (count === null) return undefined;
    filled += count;
  }
  return bytes;
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

import { assert, assertEquals } from "../support/assert.ts";
import { ConnStream, type StreamConn } from "../../lib/tls/conn_stream.ts";

/** A connection whose writes end when the test says so. */
class SlowConn implements StreamConn {
  readonly taken: number[] = [];
  closed = 0;
  ended = 0;
  readonly #writes: { resolve(size: number): void; reject(error: Error): void; size: number }[] =
    [];

  read(): Promise<number | null> {
    return new Promise(() => {});
  }

  write(data: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#writes.push({ resolve, reject, size: data.length });
    });
  }

  closeWrite(): Promise<void> {
    this.ended++;
    return Promise.resolve();
  }

  close(): void {
    this.closed++;
    for (const { reject } of this.#writes.splice(0)) reject(new Deno.errors.BadResource("closed"));
  }

  /** The oldest write takes `size` bytes. */
  take(size?: number): void {
    const write = this.#writes.shift();
    if (write === undefined) throw new Error("nothing is being written");
    this.taken.push(size ?? write.size);
    write.resolve(size ?? write.size);
  }
}

/** Resolves once everything that is ready to run has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

Deno.test("a stream that is destroyed while its last bytes are written closes after them", async () => {
  const conn = new SlowConn();
  const stream = new ConnStream(conn);
  stream.write(new Uint8Array(24));
  stream.destroy();
  await settled();
  assertEquals(conn.closed, 0);
  conn.take(10);
  await settled();
  assertEquals(conn.closed, 0, "the rest of the bytes is still to go out");
  conn.take();
  await settled();
  assertEquals(conn.taken, [10, 14]);
  assertEquals(conn.closed, 1);
});

Deno.test("a stream that is destroyed with an error closes at once", async () => {
  const conn = new SlowConn();
  const stream = new ConnStream(conn);
  const errors: Error[] = [];
  stream.on("error", (error) => errors.push(error));
  stream.write(new Uint8Array(24));
  stream.destroy(new Error("broken"));
  await settled();
  assertEquals(conn.closed, 1);
  assertEquals(errors.map(({ message }) => message), ["broken"]);
});

Deno.test("written resolves once the bytes under way are out, and when they never will be", async () => {
  const conn = new SlowConn();
  const stream = new ConnStream(conn);
  stream.on("error", () => {});
  const seen: string[] = [];
  await stream.written;
  stream.write(new Uint8Array(3));
  const written = stream.written.then(() => seen.push("written"));
  await settled();
  assertEquals(seen, []);
  conn.take();
  await written;

  stream.write(new Uint8Array(3));
  const refused = stream.written;
  conn.close();
  await refused;
});

Deno.test("an abandoned stream closes its connection with a write that never ends", async () => {
  const conn = new SlowConn();
  const stream = new ConnStream(conn);
  stream.on("error", () => {});
  stream.write(new Uint8Array(3));
  stream.destroy();
  await settled();
  assertEquals(conn.closed, 0);
  stream.abandon();
  await settled();
  assert(conn.closed > 0);
  assert(stream.closed);
});

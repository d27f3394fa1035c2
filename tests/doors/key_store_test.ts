import { createLogger, Lease, RouterError, sha256, WatchedFiles } from "../../lib/base/mod.ts";
import { KeyStore } from "../../lib/doors/mod.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A store whose file is in memory. */
class Setup {
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  text: string | undefined;
  #writes = 0;
  readonly store: KeyStore;

  constructor(text: string | undefined, given: readonly string[] = []) {
    this.text = text;
    const port = {
      stat: () => ({
        isFile: true,
        size: this.#text().length,
        mtime: new Date(this.#writes),
        ino: 1,
      }),
      read: () => this.#text(),
    };
    const { clock } = this;
    this.store = new KeyStore({
      given: given.map(sha256),
      file: text === undefined
        ? undefined
        : { path: "/keys", files: new WatchedFiles(["/keys"], { clock, port, limitBytes: 1000 }) },
      clock,
      log: createLogger(clock, (line) => this.lines.push(line.replace(/^\S+ /, "")), {
        level: "debug",
        format: "text",
      }),
      secret: "secret",
    });
  }

  write(text: string | undefined): void {
    this.#writes++;
    this.text = text;
  }

  names(...keys: readonly string[]): readonly (string | undefined)[] {
    return keys.map((key) => this.store.find(key)?.name);
  }

  #text(): string {
    if (this.text === undefined) throw new Deno.errors.NotFound("/keys");
    return this.text;
  }
}

const ONE = "- {name: one, key: sk-one, concurrent_requests: 1}";

Deno.test("KeyStore finds keys that were given one by one", () => {
  const setup = new Setup(undefined, ["sk-a", "sk-b"]);
  assertEquals(setup.names("sk-a", "sk-b", "sk-c"), ["api-key-1", "api-key-2", undefined]);
  assertEquals(setup.store.size, 2);
});

Deno.test("KeyStore finds keys of a file beside them, and takes its word for those that are in both", () => {
  const setup = new Setup(`${ONE}\n- {name: both, key: sk-a}`, ["sk-a", "sk-b"]);
  assertEquals(setup.names("sk-one", "sk-a", "sk-b"), ["one", "both", "api-key-2"]);
});

Deno.test("KeyStore lets a changed file count from the next search on", () => {
  const setup = new Setup(ONE);
  setup.write("- {name: two, key: sk-two}");
  assertEquals(setup.names("sk-one", "sk-two"), [undefined, "two"]);
  assertEquals(setup.lines, ["INFO The keys of --api-keys-file have been read again keys=1"]);
  setup.write("keys: []");
  assertEquals([setup.names("sk-two"), setup.store.size], [[undefined], 0]);
});

Deno.test("KeyStore keeps its keys when the file is bad or gone, and says what is wrong, once", () => {
  const setup = new Setup(ONE);
  setup.write("- {name: hush hush, key: sk-hush}");
  for (let round = 0; round < 3; round++) {
    assertEquals(setup.names("sk-one", "sk-hush"), ["one", undefined]);
    assertMatch(setup.store.problem ?? "", /^keys\[0\]\.name: expected 1 to 64 letters/);
  }
  setup.write(undefined);
  assertEquals([setup.names("sk-one"), setup.store.problem], [["one"], "there is none"]);
  assertEquals(setup.lines.length, 2);
  for (const line of setup.lines) {
    assertMatch(
      line,
      /^ERROR Cannot use the changed --api-keys-file: the keys before stay file=\/keys/,
    );
    assert(!line.includes("hush"), line);
  }
  setup.write(ONE);
  assertEquals([setup.names("sk-one"), setup.store.problem], [["one"], undefined]);
});

Deno.test("KeyStore keeps what keys have used through changes of the file", () => {
  const setup = new Setup(ONE);
  const before = setup.store.find("sk-one");
  const held = before?.enter();
  setup.write(`${ONE}\n- {name: two, key: sk-two}`);
  const after = setup.store.find("sk-one");
  assert(after === before && after?.running === 1);
  setup.write("- {name: two, key: sk-two}");
  assertEquals(setup.names("sk-one"), [undefined]);
  assert(held !== undefined && "release" in held);
  held.release();
  assertEquals(before?.running, 0);
});

Deno.test("KeyStore does not begin with a file that cannot be used", () => {
  const rows = [
    ["- {name: one}", "Cannot use --api-keys-file /keys: keys[0]: give key or sha256"],
    ["x".repeat(2000), "Cannot use --api-keys-file /keys: it has 2000 bytes, over 1000"],
  ] as const;
  for (const [text, message] of rows) {
    assertEquals(assertThrows(() => new Setup(text), RouterError).message, message);
  }
});

Deno.test("KeyStore.give() exchanges the keys that were given one by one, and keeps those of the file", () => {
  const setup = new Setup(ONE, ["sk-a", "sk-b"]);
  const before = setup.store.find("sk-a");
  const entered = setup.store.find("sk-one")?.enter();
  setup.store.give(["sk-a", "sk-c"].map(sha256));
  assertEquals(
    setup.names("sk-a", "sk-b", "sk-c", "sk-one"),
    ["api-key-1", undefined, "api-key-2", "one"],
  );
  // What keys have used stays with them.
  assert(setup.store.find("sk-a") === before && entered !== undefined);
  assert(!(setup.store.find("sk-one")?.enter() instanceof Lease));
  setup.write("- {name: two, key: sk-two}");
  assertEquals(setup.names("sk-a", "sk-one", "sk-two"), ["api-key-1", undefined, "two"]);
});

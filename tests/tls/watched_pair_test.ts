import { createLogger, RouterError, WatchedFiles } from "../../lib/base/mod.ts";
import { LOOK_MS, type TlsPair, WatchedPair } from "../../lib/tls/mod.ts";
import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { wantOfDescriptors } from "../support/scarce.ts";
import { chains } from "./support.ts";

/** Manual time in the present, in which the certificates are valid. */
class PresentClock extends FakeClock {
  readonly #start = Date.now();

  override unixMs(): number {
    return this.#start + this.now();
  }
}

/** Two files in memory and what watches them. */
class Setup implements Disposable {
  readonly clock = new PresentClock();
  readonly lines: string[] = [];
  readonly renewed: string[] = [];
  readonly pair: WatchedPair;
  readonly #files = new Map<string, string>();
  #writes = 0;
  refuse: Error | undefined;

  constructor({ cert, key }: TlsPair) {
    this.write({ cert, key });
    const log = createLogger(this.clock, (line) => this.lines.push(line.replace(/^\S+ /, "")), {
      level: "info",
      format: "text",
    });
    const read = (path: string): string => {
      const text = this.#files.get(path);
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    };
    const port = {
      read,
      stat: (path: string) => ({
        isFile: true,
        size: read(path).length,
        mtime: new Date(this.#writes),
        ino: 1,
      }),
    };
    const files = new WatchedFiles(["/cert", "/key"], {
      clock: this.clock,
      port,
      limitBytes: 100_000,
    });
    const { clock } = this;
    this.pair = new WatchedPair({ files, name: "--tls-cert", clock, log });
    this.pair.onRenewed(({ cert: shown }) => {
      if (this.refuse !== undefined) throw this.refuse;
      this.renewed.push(shown);
    });
  }

  write({ cert, key }: Partial<TlsPair>): void {
    this.#writes++;
    if (cert !== undefined) this.#files.set("/cert", cert);
    if (key !== undefined) this.#files.set("/key", key);
  }

  remove(): void {
    this.#files.clear();
  }

  [Symbol.dispose](): void {
    this.pair[Symbol.dispose]();
    assertEquals(this.clock.pending, 0);
  }
}

Deno.test("WatchedPair hands a renewed pair on once both files have changed", async () => {
  const { server, renewed } = await chains();
  using setup = new Setup(server);
  setup.write({ cert: renewed.cert });
  await setup.clock.advance(LOOK_MS);
  assertEquals([setup.pair.current, setup.renewed], [server, []]);
  setup.write({ key: renewed.key });
  await setup.clock.advance(LOOK_MS);
  assertEquals([setup.pair.current, setup.renewed], [renewed, [renewed.cert]]);
  assertEquals([setup.pair.problem, setup.lines], [
    undefined,
    ["INFO The certificate of --tls-cert has been renewed"],
  ]);
});

Deno.test("WatchedPair keeps the pair it has when the next is none, and tells that once", async () => {
  const { server, renewed } = await chains();
  using setup = new Setup(server);
  const told = async (change: () => void): Promise<string | undefined> => {
    change();
    await setup.clock.advance(10 * LOOK_MS);
    assertEquals([setup.pair.current, setup.renewed], [server, []]);
    return setup.pair.problem;
  };
  const mixed = await told(() => setup.write({ cert: renewed.cert }));
  assertEquals(mixed, "is not the private key of the certificate");
  assertEquals(await told(() => setup.write({ cert: "x" })), "holds no PEM certificate");
  assertEquals(await told(() => setup.remove()), "there is none");
  assertEquals(setup.lines.length, 3);
  for (const line of setup.lines) {
    assertStringIncludes(line, "ERROR Cannot renew the certificate of --tls-cert: the one before");
  }
  setup.write(server);
  await setup.clock.advance(LOOK_MS);
  assertEquals([setup.pair.problem, setup.renewed], [undefined, []]);
  setup.write(renewed);
  await setup.clock.advance(LOOK_MS);
  assertEquals(setup.renewed, [renewed.cert]);
});

Deno.test("WatchedPair keeps the pair it has when the other cannot be served", async () => {
  const { server, renewed } = await chains();
  using setup = new Setup(server);
  setup.refuse = new Error("no such curve");
  setup.write(renewed);
  await setup.clock.advance(LOOK_MS);
  assertEquals([setup.pair.current, setup.pair.problem], [server, "no such curve"]);
});

Deno.test("WatchedPair tries again as long as there is no descriptor to serve the pair with", async () => {
  const { server, renewed } = await chains();
  using setup = new Setup(server);
  setup.refuse = wantOfDescriptors();
  setup.write(renewed);
  await setup.clock.advance(10 * LOOK_MS);
  const problem = "Too many open files (os error 24)";
  assertEquals([setup.pair.current, setup.pair.problem], [server, problem]);
  assertEquals(setup.lines.length, 1);
  setup.refuse = undefined;
  await setup.clock.advance(LOOK_MS);
  assertEquals([setup.pair.current, setup.pair.problem], [renewed, undefined]);
  await setup.clock.advance(10 * LOOK_MS);
  assertEquals(setup.renewed, [renewed.cert]);
});

Deno.test("WatchedPair tries a pair no more that another has come after", async () => {
  const { server, renewed } = await chains();
  using setup = new Setup(server);
  setup.refuse = wantOfDescriptors();
  setup.write(renewed);
  await setup.clock.advance(LOOK_MS);
  setup.write(server);
  await setup.clock.advance(LOOK_MS);
  setup.refuse = undefined;
  await setup.clock.advance(10 * LOOK_MS);
  assertEquals([setup.pair.current, setup.pair.problem, setup.renewed], [server, undefined, []]);
});

Deno.test("WatchedPair warns of a pair that is not in its time", async () => {
  const { expired } = await chains();
  using setup = new Setup(expired);
  assertMatch(setup.lines[0] ?? "", /^WARNING The certificate of --tls-cert .* it has expired on/);
});

Deno.test("WatchedPair refuses to begin with what is no pair", async () => {
  const { server, renewed } = await chains();
  const rows = [
    [{ cert: server.cert, key: renewed.key }, "is not the private key of the certificate"],
    [{ cert: "", key: server.key }, "holds no PEM certificate"],
  ] as const;
  for (const [pair, problem] of rows) {
    const error = assertThrows(() => new Setup(pair), RouterError);
    assertEquals(error.message, `Cannot use --tls-cert: ${problem}`);
  }
});

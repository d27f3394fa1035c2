import { seededRandom } from "../../lib/base/mod.ts";
import type { DnsName, DnsOptions } from "../../lib/config/mod.ts";
import { DnsSource, LEAVING_MS } from "../../lib/discovery/dns_source.ts";
import type { FoundChange } from "../../lib/discovery/mod.ts";
import type { Resolution } from "../../lib/dns/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

function named(name: string, more: Partial<DnsName> = {}): DnsName {
  const engine = { role: "any", models: [] } as const;
  return { name, type: "a", port: 8000, scheme: "http", engine, ...more };
}

function at(addresses: readonly string[], ttlMs = 5000): Resolution {
  return { kind: "found", places: addresses.map((address) => ({ address })), ttlMs };
}

const FAILED: Resolution = { kind: "failed", why: "no answer" };
const GONE: Resolution = { kind: "none", exists: false, ttlMs: undefined };

/** A source before a table of answers, and what it has told. */
class Followed implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly answers = new Map<string, Resolution>();
  readonly asked: string[] = [];
  readonly source: DnsSource;
  readonly #stop = new AbortController();
  readonly #lines: string[] = [];
  readonly #reading: Promise<void>;

  constructor(names: readonly DnsName[], answers: Readonly<Record<string, Resolution>>) {
    for (const [name, answer] of Object.entries(answers)) this.answers.set(name, answer);
    const options: DnsOptions = {
      names,
      servers: [],
      minTtlMs: 1000,
      maxTtlMs: 30_000,
      staleMs: 10_000,
    };
    this.source = new DnsSource(options, {
      clock: this.clock,
      random: seededRandom(1),
      resolver: {
        resolve: (name, type) => {
          this.asked.push(`${name} ${type}`);
          return Promise.resolve(this.answers.get(name) ?? FAILED);
        },
      },
    });
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const change of this.source.changes(this.#stop.signal)) {
      this.#lines.push(lineOf(change));
    }
  }

  /** What was told since the last look, `ms` on. */
  async after(ms = 0): Promise<readonly string[]> {
    await this.clock.advance(ms);
    await settle();
    return this.#lines.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#reading;
    assertEquals(this.clock.pending, 0);
  }
}

function lineOf(change: FoundChange): string {
  if (change.kind === "synced") return "synced";
  if (change.kind === "lost") return `-${change.key}`;
  const { leaving, raw } = change.engine;
  return `${leaving ? "~" : "+"}${raw.role} ${raw.url}`;
}

Deno.test("DnsSource.changes() tells of the engines of all names, and syncs when all were heard of", async () => {
  await using followed = new Followed([
    named("p.test", { engine: { role: "prefill", models: ["m"] }, scheme: "https" }),
    named("d.test", { type: "aaaa", port: 8100, engine: { role: "decode", models: [] } }),
  ], { "p.test": at(["10.0.0.1", "10.0.0.2"]) });
  assertEquals(await followed.after(), [
    "+prefill https://10.0.0.1:8000",
    "+prefill https://10.0.0.2:8000",
  ]);
  assertEquals(followed.source.ailment, "d.test: no answer");
  followed.answers.set("d.test", at(["fd00::1"]));
  assertEquals(await followed.after(1200), ["+decode http://[fd00::1]:8100", "synced"]);
  assertEquals(followed.source.ailment, undefined);
  assertEquals(followed.asked, ["p.test A", "d.test AAAA", "d.test AAAA"]);
});

Deno.test("DnsSource.changes() takes ports and names of services from their records", async () => {
  const places = [{ address: "10.0.0.1", port: 9000, target: "pod-0.test" }];
  const name = "_http._tcp.test";
  await using followed = new Followed([named(name, { type: "srv" })], {
    [name]: { kind: "found", places, ttlMs: 5000 },
  });
  assertEquals(await followed.after(), ["+any http://10.0.0.1:9000", "synced"]);
  assertEquals(followed.asked, [`${name} SRV`]);
});

Deno.test("DnsSource.changes() asks again when an answer is over, a little later each time", async () => {
  await using followed = new Followed([named("a.test")], { "a.test": at(["10.0.0.1"], 10_000) });
  await followed.after();
  await followed.after(9_999);
  assertEquals(followed.asked.length, 1);
  await followed.after(1_001);
  assertEquals(followed.asked.length, 2);
});

Deno.test("DnsSource.changes() has engines leave whose addresses go, and then be gone", async () => {
  await using followed = new Followed([named("a.test")], {
    "a.test": at(["10.0.0.1", "10.0.0.2"]),
  });
  await followed.after();
  followed.answers.set("a.test", at(["10.0.0.2", "10.0.0.3"]));
  assertEquals(await followed.after(6000), [
    "~any http://10.0.0.1:8000",
    "+any http://10.0.0.3:8000",
  ]);
  assertEquals(await followed.after(LEAVING_MS - 6000), []);
  assertEquals(await followed.after(12_000), ["-a.test/a/10.0.0.1:8000"]);
});

Deno.test("DnsSource.changes() leaves all as it is while nobody answers", async () => {
  await using followed = new Followed([named("a.test")], { "a.test": at(["10.0.0.1"]) });
  await followed.after();
  followed.answers.set("a.test", FAILED);
  assertEquals(await followed.after(3_600_000), []);
  assertEquals(followed.source.ailment, "a.test: no answer");
  followed.answers.set("a.test", at(["10.0.0.1"]));
  assertEquals(await followed.after(40_000), []);
  assertEquals(followed.source.ailment, undefined);
});

Deno.test("DnsSource.changes() keeps the engines of a name that is gone for as long as is said", async () => {
  await using followed = new Followed([named("a.test")], { "a.test": at(["10.0.0.1"]) });
  await followed.after();
  followed.answers.set("a.test", GONE);
  assertEquals(await followed.after(14_000), []);
  assertEquals(followed.source.ailment, "a.test: there is no such name (NXDOMAIN)");
  assertEquals(await followed.after(4_000), ["~any http://10.0.0.1:8000"]);
});

Deno.test("DnsSource.changes() ends for whoever reads no further", async () => {
  const followed = new Followed([named("a.test")], { "a.test": at(["10.0.0.1"]) });
  await using _followed = followed;
  await followed.after();
  for await (const change of followed.source.changes(new AbortController().signal)) {
    assert(change.kind === "found");
    break;
  }
});

Deno.test("DnsSource.changes() holds nothing of addresses that have come and gone", async () => {
  await using followed = new Followed([named("a.test")], { "a.test": at([]) });
  const lines: string[] = [];
  for (let round = 0; round < 300; round++) {
    followed.answers.set("a.test", at([`10.0.${round >> 8}.${round & 0xff}`], 1000));
    lines.push(...await followed.after(1100));
  }
  followed.answers.set("a.test", at([], 1000));
  lines.push(...await followed.after(2 * LEAVING_MS));
  const [came, left, gone] = ["+", "~", "-"].map((sign) =>
    lines.filter((line) => line.startsWith(sign)).length
  );
  assert(came !== undefined && came > 250, `${came} came`);
  assertEquals([left, gone], [came, came]);
});

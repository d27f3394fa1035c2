import { RouterError } from "../../lib/base/mod.ts";
import { type Loaded, Reloader, type ReloadReport, SETTLE_MS } from "../../lib/reload/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { BASE, TextOrigin } from "./support.ts";

interface Case extends Disposable {
  readonly clock: FakeClock;
  readonly origin: TextOrigin;
  readonly reloader: Reloader<undefined>;
  readonly applied: Loaded<undefined>[];
  readonly reports: ReloadReport[];
  readonly lines: string[];
  /** What `apply` waits for, and ends by. */
  applying: () => Promise<void>;
}

function started(text: string): Case {
  const clock = new FakeClock();
  const origin = new TextOrigin(text);
  const lines: string[] = [];
  const note = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const it: Case = {
    clock,
    origin,
    applied: [],
    reports: [],
    lines,
    applying: () => Promise.resolve(),
    reloader: new Reloader({
      clock,
      origin,
      log: {
        enabled: () => true,
        error: note("error"),
        warning: note("warning"),
        info: note("info"),
        debug: note("debug"),
      },
      apply: async (loaded) => {
        await it.applying();
        it.applied.push(loaded);
      },
      onReport: (report) => void it.reports.push(report),
    }),
    [Symbol.dispose]: () => it.reloader[Symbol.dispose](),
  };
  return it;
}

/** Past a look, and the time in which a file has to stay as it is. */
const LOOKED_MS = 5_000 + SETTLE_MS;

Deno.test("Reloader takes a file that has changed, and says what of it", async () => {
  using it = started(BASE);
  it.origin.text = `${BASE}root_path: /llm\n`;
  await it.clock.advance(LOOKED_MS);
  assertEquals(it.applied.map(({ config }) => config.rootPath), ["/llm"]);
  assertEquals(it.reports, [{
    result: "applied",
    applied: ["root-path"],
    restart: [],
    problems: [],
  }]);
  assertEquals(it.origin.inForce.length, 1);
  await it.clock.advance(4 * LOOKED_MS);
  assertEquals([it.applied.length, it.origin.reads], [1, 1]);
});

Deno.test("Reloader keeps what is in force for a bad file, and says once what is wrong with it", async () => {
  using it = started(BASE);
  it.origin.text = `${BASE}port: x\nrout_path: /llm\n`;
  await it.clock.advance(10 * LOOKED_MS);
  assertEquals([it.applied.length, it.reports.length], [0, 1]);
  const errors = it.lines.filter((line) => line.startsWith("error Configuration:"));
  assertEquals(errors.length, 2);
  assertMatch(errors.join("\n"), /port in pd\.yaml "x": expected an integer/);
  assertMatch(errors.join("\n"), /rout_path in pd\.yaml: unknown key/);
  assertEquals(it.reloader.problems.length, 2);
  it.origin.text = BASE;
  await it.clock.advance(LOOKED_MS);
  assertEquals(it.reloader.problems, []);
  assertEquals(it.reports.map(({ result }) => result), ["refused", "unchanged"]);
});

Deno.test("Reloader says nothing of a file that is half written, and whole soon after", async () => {
  using it = started(BASE);
  it.origin.text = "routing_logic: [";
  await it.clock.advance(5_000);
  it.origin.text = `${BASE}root_path: /llm\n`;
  await it.clock.advance(LOOKED_MS);
  assertEquals(it.reports.map(({ result }) => result), ["applied"]);
  assertEquals(it.lines.filter((line) => line.startsWith("error")), []);
});

Deno.test("Reloader takes what it can, and names what needs a start for as long as it does", async () => {
  using it = started(BASE);
  it.origin.text = `${BASE}port: 9000\nroot_path: /llm\n`;
  assertEquals((await it.reloader.reload()).restart, ["port"]);
  assertEquals(it.reloader.restart, ["port"]);
  assertMatch(it.lines.join("\n"), /warning What has changed of these settings takes effect/);
  it.origin.text = `${BASE}root_path: /llm\n`;
  assertEquals((await it.reloader.reload()).result, "unchanged");
  assertEquals(it.reloader.restart, []);
});

Deno.test("Reloader refuses what cannot be applied, and tries it again when it is asked to", async () => {
  using it = started(BASE);
  it.applying = () => Promise.reject(new RouterError("internal", "Cannot bind"));
  it.origin.text = `${BASE}root_path: /llm\n`;
  const report = await it.reloader.reload();
  assertEquals([report.result, it.reloader.problems.length], ["refused", 1]);
  assertMatch(report.problems.join(), /Cannot bind/);
  assertEquals(it.origin.inForce, []);
  it.applying = () => Promise.resolve();
  assertEquals((await it.reloader.reload()).applied, ["root-path"]);
});

Deno.test("Reloader reads once at a time; who asks meanwhile gets what is read afterwards", async () => {
  using it = started(BASE);
  const gate = Promise.withResolvers<void>();
  it.applying = () => gate.promise;
  it.origin.text = `${BASE}root_path: /one\n`;
  const first = it.reloader.reload();
  await settle();
  it.origin.text = `${BASE}root_path: /two\n`;
  const [second, third] = [it.reloader.reload(), it.reloader.reload()];
  assertEquals(second, third);
  gate.resolve();
  await Promise.all([first, second]);
  assertEquals(it.applied.map(({ config }) => config.rootPath), ["/one", "/two"]);
  assertEquals(it.origin.reads, 2);
});

Deno.test("Reloader does not wait for files for ever", async () => {
  using it = started(BASE);
  it.origin.read = () => new Promise(() => {});
  const asked = it.reloader.reload();
  await it.clock.advance(30_000);
  assertMatch((await asked).problems.join(), /within 30 s/);
});

Deno.test("Reloader leaves no timer after many reloads", async () => {
  const it = started(BASE);
  for (let round = 0; round < 200; round++) {
    it.origin.text = `${BASE}root_path: /r${round}\n`;
    await it.reloader.reload();
  }
  assertEquals([it.applied.length, it.clock.pending], [200, 1]);
  it.reloader[Symbol.dispose]();
  assertEquals(it.clock.pending, 0);
});

import { encodeUtf8, type Engine, RouterError } from "../../lib/base/mod.ts";
import { FleetView } from "../../lib/fleet/mod.ts";
import { EngineNames } from "../../lib/http/engine_names.ts";
import { assert, assertEquals } from "../support/assert.ts";

function engine(url: string): Engine {
  return { id: new URL(url).host, url, role: "any", models: ["m"], kv: "none" };
}

function viewOf(...engines: readonly Engine[]): FleetView {
  const entries = engines.map((engine) => ({ engine, cards: [], created: 0 }));
  return new FleetView(entries, []);
}

const URLS = [
  "http://10.0.0.1:8000",
  "https://gpu-2.internal",
  "http://prefill:8100",
  "http://[fd00::1]:80",
];

/** Names of engines at `urls`, which have come in that order. */
function namesOf(urls: readonly string[] = URLS): EngineNames {
  const names = new EngineNames(false);
  for (const url of urls) names.follow({ kind: "added", engine: engine(url) });
  return names;
}

function toldBy(names: EngineNames, text: string): string {
  return names.told(new RouterError("decode-failed", text)).message;
}

Deno.test("EngineNames names engines by their turn, and the log says which", () => {
  const lines: unknown[] = [];
  const names = new EngineNames(false, { info: (...line) => void lines.push(line) });
  for (const url of URLS.slice(0, 2)) names.follow({ kind: "added", engine: engine(url) });
  assertEquals(URLS.map((url) => names.of(engine(url))), [
    "engine-1",
    "engine-2",
    "engine-3",
    "engine-4",
  ]);
  assertEquals(lines.length, 4);
  assertEquals(lines[1], [
    "Engine has a name for clients",
    { name: "engine-2", url: "https://gpu-2.internal" },
  ]);
});

Deno.test("EngineNames finds an engine by its name, and by its id", () => {
  const [one, two] = [engine("http://10.0.0.1:8000"), engine("http://10.0.0.2:8000")];
  const names = namesOf([one.url, two.url]);
  const view = viewOf(one, two);
  assertEquals(names.find(view, "engine-2"), two);
  assertEquals(names.find(view, "10.0.0.1:8000"), one);
  for (const name of ["engine-3", "", "engine", "10.0.0.3:8000"]) {
    assertEquals(names.find(view, name), undefined);
  }
  // One that has gone has no request any more.
  assertEquals(names.find(viewOf(one), "engine-2"), undefined);
});

Deno.test("EngineNames.told() has no address, however a text names it", () => {
  const names = namesOf();
  const rows: readonly (readonly [text: string, told: string])[] = [
    ["Prefill on engine http://10.0.0.1:8000 failed", "Prefill on engine engine-1 failed"],
    [
      "Engine http://10.0.0.1:8000 sent no body for 50 ms",
      "Engine engine-1 sent no body for 50 ms",
    ],
    ["Cannot reach engine http://prefill:8100: refused", "Cannot reach engine engine-3: refused"],
    [
      "from http://prefill:8100 to https://gpu-2.internal within",
      "from engine-3 to engine-2 within",
    ],
    ["engine https://gpu-2.internal:443/v1: x", "engine engine-2/v1: x"],
    ["connect to 10.0.0.1:8000 failed", "connect to engine-1 failed"],
    ["lookup of GPU-2.internal failed.", "lookup of engine-2 failed."],
    ["host 10.0.0.1.", "host engine-1."],
    ["engine http://[fd00::1]: no", "engine engine-4: no"],
    ["at [fd00::1]:80", "at engine-4"],
    // Not an engine's address, and words that are a host's name.
    ["http://10.0.0.1:8001 and 10.0.0.10:8000", "http://10.0.0.1:8001 and 10.0.0.10:8000"],
    ["a prefill of 10 tokens: 8100", "a prefill of 10 tokens: 8100"],
  ];
  for (const [text, told] of rows) assertEquals(toldBy(names, text), told);
  const certificate = "Cannot reach engine https://gpu-2.internal: invalid peer certificate: " +
    'certificate not valid for name "gpu-2.internal"; certificate is only valid for DnsName("x.y")';
  assertEquals(
    toldBy(names, certificate),
    "Cannot reach engine engine-2: invalid peer certificate",
  );
});

Deno.test("EngineNames.told() says no more of a host than that it has several engines", () => {
  const names = namesOf(["http://10.0.0.1:8000", "http://10.0.0.1:8001"]);
  assertEquals(toldBy(names, "10.0.0.1:8001 at 10.0.0.1"), "engine-2 at an engine");
});

Deno.test("EngineNames.told() keeps what is not of engines", () => {
  const names = namesOf();
  const error = new RouterError("unknown-model", "The model '10.0.0.1:8000' does not exist", {
    param: "model",
  });
  // A client's own words: put into others, they would tell whether there is such an engine.
  assertEquals(names.told(error), error);
  const failed = new RouterError("kv-timeout", "http://10.0.0.1:8000", { param: "p" });
  const told = names.told(failed);
  assertEquals([told.code, told.param, told.message], ["kv-timeout", "p", "engine-1"]);
});

Deno.test("EngineNames.told() is quick with a long text, and cuts it", () => {
  const told = toldBy(namesOf(), "http://10.0.0.1:8000 ".repeat(1_000_000));
  assert(told.startsWith("engine-1 engine-1 ") && told.endsWith("..."));
  assert(told.length <= 16 * 1024 + 3);
});

Deno.test("EngineNames that are exposed are addresses", () => {
  const names = new EngineNames(true);
  const one = engine("http://10.0.0.1:8000");
  const error = new RouterError("decode-failed", "Decode on engine http://10.0.0.1:8000 failed");
  assertEquals([names.exposed, names.of(one), names.told(error)], [true, one.id, error]);
  assertEquals(names.find(viewOf(one), "engine-1"), undefined);
  assertEquals(names.find(viewOf(one), one.id), one);
});

Deno.test("EngineNames remembers who has gone, but not for ever", () => {
  const names = namesOf(["http://10.0.0.1:8000"]);
  const gone = engine("http://10.0.0.1:8000");
  names.follow({ kind: "forgotten", engine: gone });
  assertEquals(toldBy(names, gone.url), "engine-1");
  for (let count = 0; count < 1_023; count++) {
    const other = engine(`http://10.1.${count >> 8}.${count & 255}:8000`);
    names.follow({ kind: "added", engine: other });
    names.follow({ kind: "forgotten", engine: other });
  }
  assertEquals(toldBy(names, gone.url), "engine-1");
  const back = engine("http://10.2.0.1:8000");
  names.follow({ kind: "added", engine: back });
  names.follow({ kind: "forgotten", engine: back });
  // What is not known any more is no engine's address.
  assertEquals(toldBy(names, gone.url), gone.url);
  assertEquals(toldBy(names, "10.0.0.1"), "10.0.0.1");
  assertEquals(names.of(gone), "engine-1026");
});

Deno.test("EngineNames keeps the name of an engine that comes back", () => {
  const names = namesOf(["http://10.0.0.1:8000"]);
  const one = engine("http://10.0.0.1:8000");
  names.follow({ kind: "forgotten", engine: one });
  names.follow({ kind: "added", engine: one });
  for (let count = 0; count < 2_000; count++) {
    const other = engine(`http://10.1.${count >> 8}.${count & 255}:8000`);
    names.follow({ kind: "added", engine: other });
    names.follow({ kind: "forgotten", engine: other });
  }
  assertEquals(names.of(one), "engine-1");
});

Deno.test("EngineNames.told() keeps what an engine itself has refused", () => {
  const refusal = { status: 429, headers: [["retry-after", "7"]], body: encodeUtf8("{}") } as const;
  const error = new RouterError("decode-failed", "Decode on engine http://10.0.0.1:8000", {
    refusal,
  });
  const told = namesOf().told(error);
  assertEquals([told.message, told.refusal], ["Decode on engine engine-1", refusal]);
});

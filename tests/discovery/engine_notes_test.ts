import { checkEngine } from "../../lib/config/mod.ts";
import { type EngineNotes, engineNotes } from "../../lib/discovery/engine_notes.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { HANDOFF, PLAIN } from "./support.ts";

type Texts = Readonly<Record<string, string>>;

function notes(annotations: Texts, labels: Texts = {}): EngineNotes {
  return engineNotes({ annotations, labels }, HANDOFF);
}

/** Annotations of this router's own. */
function own(texts: Texts): Texts {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [`pd-router/${name}`, text]),
  );
}

Deno.test("engineNotes() reads every annotation", () => {
  const { raw, port, scheme, problems } = notes(own({
    "role": "decode",
    "port": "8100",
    "scheme": "https",
    "kv-protocol": "lmcache",
    "max-num-seqs": "64",
    "topology": "zone:a, rack:r1",
    "nixl-host": "10.0.0.9",
    "nixl-init-ports": "7301,7302",
    "nixl-alloc-ports": "7401, 7402",
    "nixl-query-ports": "7501,7502",
    "first-token": "both",
    "buffer-bytes": "1000000",
    "bytes-per-token": "10",
    "chunk-size": "256",
    "kv-events": "5557",
    "kv-events-replay": "5558",
    "kv-events-topic": "kv",
    "kv-events-ranks": "2",
  }));
  assertEquals([port, scheme, problems], [8100, "https", []]);
  const checked = checkEngine({ ...raw, url: "https://10.0.0.1:8100" }, HANDOFF);
  assertEquals(checked.ok, true, JSON.stringify(checked));
  assertEquals([raw.role, raw.topology], ["decode", { zone: "a", rack: "r1" }]);
  assertEquals(raw.nixl?.alloc_ports, ["7401", "7402"]);
  assertEquals(raw.kv_events, { endpoint: "5557", replay: "5558", topic: "kv", ranks: 2 });
});

Deno.test("engineNotes() takes the role of whoever says it first", () => {
  const rows: readonly (readonly [Texts, Texts, string])[] = [
    [{}, {}, "any"],
    [{}, { model: "prefill" }, "prefill"],
    [{}, { "model": "prefill", "llm-d.ai/role": "decode" }, "decode"],
    [{}, { "llm-d.ai/role": "prefill-decode" }, "both"],
    [{}, { "llm-d.ai/role": "both" }, "both"],
    [{}, { "llm-d.ai/role": "decode", "pd-router/role": "prefill" }, "prefill"],
    [own({ role: "any" }), { "pd-router/role": "prefill", "model": "decode" }, "any"],
  ];
  for (const [annotations, labels, role] of rows) {
    assertEquals(notes(annotations, labels).raw.role, role, JSON.stringify(labels));
  }
  const plain = engineNotes({ annotations: {}, labels: { model: "prefill" } }, PLAIN);
  assertEquals(plain.raw.role, "any");
});

for (
  const [name, text, expected] of [
    ["role", "decoder", 'pd-router/role "decoder": expected any, prefill, decode'],
    ["port", "70000", 'annotation pd-router/port "70000": expected a port'],
    ["scheme", "ftp", 'annotation pd-router/scheme "ftp": expected http or https'],
    ["notifications", "0", 'annotation pd-router/notifications "0": expected an integer'],
    ["notifications", "1.5", "annotation pd-router/notifications"],
    ["nixl-init-ports", "7300,,7301", 'annotation pd-router/nixl-init-ports "7300,,7301"'],
    ["nixl-alloc-ports", "0", "annotation pd-router/nixl-alloc-ports"],
    ["first-token", "none", 'annotation pd-router/first-token "none": expected prefill or'],
    ["topology", "zone", "annotation pd-router/topology"],
    ["nixl-init-port", "7300", "pd-router/nixl-init-port"],
  ] as const
) {
  Deno.test(`engineNotes() names the annotation ${name} ${text} where it is wrong`, () => {
    const { problems } = notes(own({ [name]: text }));
    assertEquals(problems.length, 1);
    assertStringIncludes(problems[0] ?? "", expected);
  });
}

Deno.test("engineNotes() knows sleep by production-stack's label", () => {
  assertEquals(notes({}, {}).asleep, undefined);
  assertEquals(notes({}, { sleeping: "true" }).asleep, true);
  assertEquals(notes({}, { sleeping: "false" }).asleep, false);
});

Deno.test("engineNotes() lets annotations of others be", () => {
  assertEquals(notes({ "kubectl.kubernetes.io/x": "y", "pd-routers/role": "z" }).problems, []);
  // An empty one says nothing.
  assertEquals(notes(own({ port: " " })).port, undefined);
});

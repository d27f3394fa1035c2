import {
  clockFindings,
  connectorFindings,
  engineFindings,
  modelFindings,
  propertyFindings,
  versionFindings,
} from "../../lib/doctor/compare.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { lines, looked } from "./support.ts";

Deno.test("engineFindings() tells which engines give no answer, and which are slow", () => {
  assertEquals(
    lines(engineFindings([
      looked("a", "any"),
      looked("p", "prefill", { tookMs: 1_200.5 }),
      looked("d", "decode", { silent: "refused" }),
    ])),
    [
      "ok http://a:8000: answers within 2 ms",
      "warning prefill http://p:8000: takes 1201 ms for GET /health",
      "failed decode http://d:8000: gives no answer: refused",
    ],
  );
});

Deno.test("engineFindings() fails where there are no engines", () => {
  assertEquals(lines(engineFindings([])), ["failed : there are no engines"]);
});

Deno.test("clockFindings() tells clocks that are more than 2 s apart, either way", () => {
  const told = [
    looked("a", "any", { skewMs: 1_900 }),
    looked("b", "any", { skewMs: 90_000 }),
    looked("c", "any", { skewMs: -61_000 }),
  ];
  assertEquals(lines(clockFindings(told)), [
    "warning http://b:8000: its clock is 90 s ahead",
    "warning http://c:8000: its clock is 61 s behind",
  ]);
  assertEquals(lines(clockFindings(told.slice(0, 1))), ["ok : 1 engine within 2 s"]);
  assertEquals(lines(clockFindings([looked("a", "any")])), ["skipped : no engine tells its time"]);
});

Deno.test("modelFindings() fails where one side of handoffs has nobody for a model", () => {
  const [p, d] = [
    looked("p", "prefill"),
    looked("d", "decode", { cards: [{ id: "m" }, { id: "n" }] }),
  ];
  assertEquals(lines(modelFindings([p, d], true)), [
    "ok m: served by 1 prefill, 1 decode",
    "failed n: is served by decode engines alone: there are no handoffs of it",
  ]);
  assertEquals(lines(modelFindings([p, d], false))[1], "ok n: served by 1 decode");
  const both = looked("b", "both", { cards: [{ id: "n" }] });
  assertEquals(lines(modelFindings([d, both], true)).at(-1), "ok n: served by 1 decode, 1 both");
  assertEquals(lines(modelFindings([looked("a", "any")], true)), ["ok m: served by 1 any"]);
});

Deno.test("modelFindings() says so where nobody answers", () => {
  assertEquals(lines(modelFindings([], true)), ["skipped : no engine tells its models"]);
});

Deno.test("modelFindings() fails where an engine tells no models, or not those of its record", () => {
  const { cards: _cards, ...untold } = looked("u", "any");
  const [other] = [looked("o", "any", { cards: [{ id: "x" }, { id: "y" }] })];
  const found = modelFindings([untold, other], false);
  assertEquals(lines(found).slice(0, 2), [
    "failed http://u:8000: answers, but tells no models at GET /v1/models",
    "failed http://o:8000: does not serve m, which it is configured for",
  ]);
  assertStringIncludes(found[1]?.advice ?? "", "it serves x, y");
});

Deno.test("versionFindings() warns of roles of two versions", () => {
  const of = (role: "prefill" | "decode", version: string): ReturnType<typeof looked> =>
    looked(`${role}${version}`, role, { told: { version } });
  assertEquals(lines(versionFindings([of("prefill", "0.31"), of("decode", "0.32")])), [
    "warning m: version is 0.31 on prefill and 0.32 on decode engines",
  ]);
  assertEquals(lines(versionFindings([of("prefill", "0.32"), of("decode", "0.32")])), [
    "ok : vLLM 0.32",
  ]);
  assertEquals(lines(versionFindings([looked("p", "prefill")])), [
    "skipped : no engine tells its version",
  ]);
});

Deno.test("propertyFindings() tells contexts, types, block and chunk sizes that differ", () => {
  const told = (cacheDtype: string, blockSize: string): { told: object } => ({
    told: { cacheDtype, blockSize },
  });
  const p = looked("p", "prefill", {
    ...told("auto", "16"),
    cards: [{ id: "m", max_model_len: 8192, root: "one" }],
  }, "lmcache");
  const d = looked("d", "decode", {
    ...told("fp8", "32"),
    cards: [{ id: "m", max_model_len: 4096, root: "other" }],
  }, "lmcache");
  const sized = (at: typeof p, chunkTokens: number): typeof p => ({
    ...at,
    engine: { ...at.engine, chunkTokens },
  });
  assertEquals(lines(propertyFindings([sized(p, 256), sized(d, 128)])), [
    "warning m: max_model_len is 8192 on prefill and 4096 on decode engines",
    "failed m: root is one on prefill and other on decode engines",
    "failed : --kv-cache-dtype differs: auto (http://p:8000); fp8 (http://d:8000)",
    "failed : --block-size differs: 16 (http://p:8000); 32 (http://d:8000)",
    "failed : LMCache's chunk_size differs: 256, 128",
  ]);
  assertEquals(propertyFindings([p, p]).map(({ outcome }) => outcome), ["ok"]);
});

Deno.test("propertyFindings() takes other block sizes of NIXL for a cost, and compares no others", () => {
  const of = (id: string, blockSize: string, kv: "nixl" | "none"): ReturnType<typeof looked> =>
    looked(id, "decode", { told: { blockSize } }, kv);
  assertEquals(
    propertyFindings([of("a", "16", "nixl"), of("b", "64", "nixl")]).map(({ outcome }) => outcome),
    ["warning"],
  );
  assertEquals(lines(propertyFindings([of("a", "16", "none"), of("b", "64", "none")])), [
    "skipped : no engine hands KV over",
  ]);
});

Deno.test("connectorFindings() goes by what metrics show", () => {
  const of = (
    kv: "nixl" | "lmcache" | "shared_storage",
    signs?: { nixl: boolean; lmcache: boolean },
  ): string => {
    const [found, ...more] = connectorFindings([
      looked("e", "decode", signs === undefined ? {} : { signs }, kv),
    ]);
    assert(more.length === 0);
    return found?.outcome ?? "";
  };
  const NONE = { nixl: false, lmcache: false };
  assertEquals(of("nixl", { ...NONE, nixl: true }), "ok");
  assertEquals(of("nixl", NONE), "warning");
  assertEquals(of("nixl", { ...NONE, lmcache: true }), "failed");
  assertEquals(of("lmcache", { ...NONE, lmcache: true }), "ok");
  assertEquals(of("lmcache", NONE), "skipped");
  assertEquals(of("lmcache", { ...NONE, nixl: true }), "failed");
  assertEquals(of("nixl"), "skipped");
  assertEquals(of("shared_storage", NONE), "skipped");
});

Deno.test("connectorFindings() asks nothing of engines that are silent or hand nothing over", () => {
  const found = connectorFindings([
    looked("s", "decode", { silent: "refused" }),
    looked("a", "any", {}, "none"),
  ]);
  assertEquals(lines(found), ["skipped : no engine hands KV over"]);
});

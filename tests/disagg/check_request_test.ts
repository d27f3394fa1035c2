import { decodeUtf8, type Engine } from "../../lib/base/mod.ts";
import { MODEL_TYPES } from "../../lib/config/mod.ts";
import { checkRequest } from "../../lib/disagg/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const ANY: Engine = { id: "a", url: "http://a", role: "any", models: ["m"], kv: "none" };
const UNSAVED = { "lmcache.skip_save": true, "lmcache.tag.pd_router": "check" };

function bodyOf(engine: Engine, type: typeof MODEL_TYPES[number]): Record<string, unknown> {
  return JSON.parse(decodeUtf8(checkRequest(engine, "m", type).body));
}

Deno.test("checkRequest() asks each type at its endpoint, and for one token where any is made", () => {
  const paths = MODEL_TYPES.map((type) => [type, checkRequest(ANY, "m", type).path]);
  assertEquals(Object.fromEntries(paths), {
    chat: "/v1/chat/completions",
    completion: "/v1/completions",
    embeddings: "/v1/embeddings",
    rerank: "/v1/rerank",
    score: "/v1/score",
    transcription: "/v1/audio/transcriptions",
    vision: "/v1/chat/completions",
    messages: "/v1/messages",
  });
  for (const type of MODEL_TYPES) {
    if (type === "transcription") continue;
    const body = bodyOf(ANY, type);
    const generates = ["chat", "completion", "vision", "messages"].includes(type);
    assertEquals([body["model"], body["max_tokens"]], ["m", generates ? 1 : undefined], type);
    assertEquals("kv_transfer_params" in body, false, type);
  }
});

Deno.test("checkRequest() leaves no KV at LMCache's engines, and takes none", () => {
  for (const role of ["prefill", "decode"] as const) {
    const engine: Engine = { ...ANY, role, kv: "lmcache" };
    for (const type of ["chat", "completion", "messages"] as const) {
      assertEquals(bodyOf(engine, type)["kv_transfer_params"], UNSAVED, `${role} ${type}`);
    }
    // What does not generate is nothing that they may be asked.
    const other = checkRequest(engine, "m", "embeddings");
    assertEquals(other.path, "/v1/completions");
  }
  const nixl = bodyOf({ ...ANY, role: "prefill", kv: "nixl" }, "completion");
  assertEquals("kv_transfer_params" in nixl, false);
});

Deno.test("checkRequest() has a moment of silence transcribed", async () => {
  const { contentType, body } = checkRequest(ANY, "m", "transcription");
  const headers = { "content-type": contentType };
  const form = await new Response(body.slice(), { headers }).formData();
  const file = form.get("file");
  assert(file instanceof File);
  const bytes = new Uint8Array(await file.arrayBuffer());
  assertEquals([form.get("model"), file.name, bytes.length], ["m", "silence.wav", 44 + 3_200]);
  assertEquals(decodeUtf8(bytes.slice(0, 4)) + decodeUtf8(bytes.slice(8, 15)), "RIFFWAVEfmt");
});

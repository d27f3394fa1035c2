import { encodeUtf8 } from "../../lib/base/mod.ts";
import { reclaimBodyD1, reclaimBodyIds, reclaimBodyP1 } from "../../lib/disagg/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { D1_ASKED, D1_KEPT } from "./bodies.ts";
import { generation, jsonOf } from "./support.ts";

const IDS = encodeUtf8("[1, 2]");
const PARAMS = '{"disagg_spec":{"req_id":"1"}}';

Deno.test("reclaimBodyD1() is the client's request with one token, no stream and no transfer", () => {
  const { n: _n, best_of: _best, ...asked } = D1_ASKED;
  assertEquals(jsonOf(reclaimBodyD1(generation("chat", asked))), D1_KEPT);
});

Deno.test("reclaimBodyD1() names the transfer where the decode engine is told of it", () => {
  assertEquals(jsonOf(reclaimBodyD1(generation("chat"), PARAMS)), {
    model: "m",
    messages: [{ role: "user", content: "hi" }],
    max_tokens: 1,
    stream: false,
    kv_transfer_params: { disagg_spec: { req_id: "1" } },
  });
});

Deno.test("reclaimBodyP1() asks for one token after the ids that were moved", () => {
  assertEquals(jsonOf(reclaimBodyP1('m"', IDS, 9)), {
    model: 'm"',
    prompt: [1, 2, 9],
    max_tokens: 1,
    stream: false,
  });
});

Deno.test("reclaimBodyIds() asks for one token behind a prompt", () => {
  const body = { model: "m", prompt: [1, 2], max_tokens: 1, stream: false };
  assertEquals(jsonOf(reclaimBodyIds("m", IDS, undefined)), body);
  assertEquals(jsonOf(reclaimBodyIds("m", IDS, PARAMS)), {
    ...body,
    kv_transfer_params: { disagg_spec: { req_id: "1" } },
  });
});

import { NOTHING_AWAITED } from "../../lib/kv/mod.ts";
import { nixl } from "../../lib/kv/nixl.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { askFor, NIXL_PARAMS, ProtocolFixture, textOf } from "./protocol_support.ts";
import { pairOf } from "./support.ts";

const PAIR = pairOf("nixl");

Deno.test("nixl asks the prefill engine to keep its blocks", () => {
  using fixture = new ProtocolFixture();
  const { prefillParams, landed } = nixl.begin(fixture.deps, askFor(PAIR));
  assertEquals(
    textOf(prefillParams),
    '{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,' +
      '"remote_block_ids":null,"remote_host":null,"remote_port":null}',
  );
  assert(landed === NOTHING_AWAITED);
  // No id is needed: the engines have their own.
  assertEquals([fixture.steps, fixture.waiters], [[], 0]);
});

Deno.test("nixl gives the decode engine what the prefill's answer said, byte for byte", () => {
  using fixture = new ProtocolFixture();
  const { decodeParams } = nixl.begin(fixture.deps, askFor(PAIR));
  assert(decodeParams({ kvParams: NIXL_PARAMS }) === NIXL_PARAMS);
  assertEquals(fixture.metrics.counted, ["pd_router_nixl_params_total present"]);
  assertEquals(fixture.lines, []);
});

Deno.test("nixl counts and tells of an answer that says nothing of its KV", () => {
  using fixture = new ProtocolFixture();
  const { decodeParams } = nixl.begin(fixture.deps, askFor(PAIR));
  assertEquals(decodeParams({ kvParams: undefined }), undefined);
  assertEquals(fixture.metrics.counted, ["pd_router_nixl_params_total absent"]);
  assertEquals(fixture.lines, [
    "WARNING A prefill answer has no kv_transfer_params: its prompt is computed twice" +
    " request=client-request-1 url=http://p:8000",
  ]);
});

Deno.test("nixl releases blocks by what the answer said, once; nothing has moved without it", () => {
  using fixture = new ProtocolFixture();
  const { reclaim } = nixl.begin(fixture.deps, askFor(PAIR));
  assert(reclaim !== "none");
  assertEquals(reclaim.singleUse, true);
  assert(reclaim.params({ kvParams: NIXL_PARAMS }) === NIXL_PARAMS);
  assertEquals(reclaim.params({ kvParams: undefined }), "nothing");
  assertEquals(reclaim.params(undefined), "nothing");
  // It is the decode leg that is counted.
  assertEquals([fixture.metrics.counted, fixture.lines], [[], []]);
});

Deno.test("nixl takes mode D1 of every decode engine", () => {
  assertEquals(nixl.traits.modes(PAIR.decode), ["d1"]);
});

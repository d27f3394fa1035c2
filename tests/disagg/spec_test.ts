import type { NixlReceiver } from "../../lib/base/mod.ts";
import { kvTransferParams } from "../../lib/disagg/mod.ts";
import { assertEquals } from "../support/assert.ts";

const RECEIVER: NixlReceiver = {
  host: "10.0.0.7",
  initPorts: [7300, 7301],
  allocPorts: [7400, 7401],
  modes: ["p1", "d1"],
};

Deno.test("kvTransferParams() asks for the first token in mode P1", () => {
  assertEquals(
    kvTransferParams("123e4567-e89b-12d3-a456-426614174000", RECEIVER, "p1"),
    '{"ret_first_tok":true,"disagg_spec":{"req_id":"123e4567-e89b-12d3-a456-426614174000",' +
      '"receiver_host":"10.0.0.7","receiver_init_port":[7300,7301],' +
      '"receiver_alloc_port":[7400,7401]}}',
  );
});

Deno.test("kvTransferParams() does not ask for a token in mode D1, nor says that it does not", () => {
  assertEquals(
    kvTransferParams("1", RECEIVER, "d1"),
    '{"disagg_spec":{"req_id":"1","receiver_host":"10.0.0.7",' +
      '"receiver_init_port":[7300,7301],"receiver_alloc_port":[7400,7401]}}',
  );
});

Deno.test("kvTransferParams() names query ports where the receiver has them", () => {
  assertEquals(
    kvTransferParams("1", { ...RECEIVER, queryPorts: [7500, 7501] }, "d1"),
    '{"disagg_spec":{"req_id":"1","receiver_host":"10.0.0.7",' +
      '"receiver_init_port":[7300,7301],"receiver_alloc_port":[7400,7401],' +
      '"receiver_query_port":[7500,7501]}}',
  );
});

Deno.test("kvTransferParams() keeps ports a list for one rank, and the id a string", () => {
  const receiver: NixlReceiver = {
    host: 'h"',
    initPorts: [1],
    allocPorts: [2],
    modes: ["p1"],
  };
  const { disagg_spec: spec } = JSON.parse(kvTransferParams("7", receiver, "p1"));
  assertEquals(spec, {
    req_id: "7",
    receiver_host: 'h"',
    receiver_init_port: [1],
    receiver_alloc_port: [2],
  });
});

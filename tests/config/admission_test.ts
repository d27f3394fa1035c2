import { assertEquals } from "../support/assert.ts";
import { configOf, linesOf, PAIR } from "./support.ts";

Deno.test("--max-inflight and --max-prefill-inflight of 0 leave it to what is known of an engine", () => {
  const { admission } = configOf({ flags: { ...PAIR, "max-inflight": "7" } });
  assertEquals(admission, { maxInflight: 7, queueSize: 1_024, queueTimeoutMs: 30_000 });
});

Deno.test("--prefill and --decode take max_num_seqs, and --decode the size of its buffer", () => {
  const { engines } = configOf({
    flags: {
      prefill: "http://p;max_num_seqs=32",
      decode: "http://d;max_num_seqs=128;buffer_bytes=4294967296;bytes_per_token=65536",
    },
  });
  assertEquals(engines.map(({ maxNumSeqs, nixl }) => [maxNumSeqs, nixl?.buffer]), [
    [32, undefined],
    [128, { bytes: 4_294_967_296, bytesPerToken: 65_536, chunkTokens: 256 }],
  ]);
});

Deno.test("`engines` takes the same", () => {
  const { engines } = configOf({
    file: `
routing_logic: disaggregated_prefill
nixl_proxy_host: 0.0.0.0
engines:
  - { url: "http://p:8000", role: prefill, max_num_seqs: 5 }
  - url: http://d:8000
    role: decode
    nixl: { buffer_bytes: 1000, bytes_per_token: 10, chunk_size: 20 }
`,
  });
  assertEquals(engines.map(({ maxNumSeqs, nixl }) => [maxNumSeqs, nixl?.buffer]), [
    [5, undefined],
    [undefined, { bytes: 1_000, bytesPerToken: 10, chunkTokens: 20 }],
  ]);
});

Deno.test("a buffer is told whole, and has room for a chunk", () => {
  const both = "buffer_bytes and bytes_per_token: expected both, of one rank";
  const whole = "buffer_bytes, bytes_per_token and chunk_size: expected integers from 1";
  const cases = [
    ["buffer_bytes=100", both],
    ["bytes_per_token=100", both],
    ["chunk_size=0", "chunk_size: expected an integer from 1"],
    ["buffer_bytes=1.5;bytes_per_token=1;chunk_size=1", whole],
    ["buffer_bytes=100;bytes_per_token=0;chunk_size=1", whole],
    ["buffer_bytes=100;bytes_per_token=x;chunk_size=1", whole],
    ["buffer_bytes=255;bytes_per_token=1", "buffer_bytes: expected room for a chunk"],
    ["max_num_seqs=0", "max_num_seqs: expected an integer from 1 to 1000000"],
    ["max_num_seqs=many", "max_num_seqs: expected an integer from 1 to 1000000"],
  ] as const;
  for (const [spec, message] of cases) {
    const lines = linesOf({ flags: { prefill: "http://p", decode: `http://d;${spec}` } });
    assertEquals(lines.filter((line) => line.includes(message)).length, 1, lines.join("; "));
  }
});

Deno.test("chunk_size may be told alone, of both sides", () => {
  const { engines } = configOf({
    flags: { prefill: "http://p;chunk_size=512", decode: "http://d;chunk_size=256" },
  });
  assertEquals(engines.map(({ role, chunkTokens }) => [role, chunkTokens]), [
    ["prefill", 512],
    ["decode", 256],
  ]);
  assertEquals(engines.map(({ nixl }) => nixl?.buffer), [undefined, undefined]);
});

Deno.test("a prefill engine has no buffer to receive KV in", () => {
  const lines = linesOf({
    flags: { prefill: "http://p;buffer_bytes=1000;bytes_per_token=1", decode: "http://d" },
  });
  assertEquals(lines.some((line) => line.includes('unknown key "buffer_bytes"')), true);
});

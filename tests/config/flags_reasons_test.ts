import {
  findFlag,
  FLAGS,
  PEER_FLAG_NAMES,
  reasonOf,
  renderPeerFlags,
} from "../../lib/config/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";

const IDLE = FLAGS.filter(({ status }) => status !== undefined);

Deno.test("reasonOf() says of every flag that does nothing why, and what to do", () => {
  assert(IDLE.length > 10);
  for (const { name } of IDLE) assertMatch(reasonOf(name) ?? "", /^[a-z].*[^.]$/s, name);
  assertEquals(reasonOf("port"), undefined);
});

Deno.test("renderPeerFlags() has a row of one word and a reason for each flag of that router", () => {
  const lines = renderPeerFlags().split("\n");
  for (const name of PEER_FLAG_NAMES) {
    const status = findFlag(name)?.status;
    const word = status === undefined ? "honoured" : "ignored";
    const row = lines.find((line) => line.startsWith(`| \`--${name}\` |`)) ?? "";
    assertStringIncludes(row, `| ${word} |`, name);
    if (status !== undefined) assertStringIncludes(row, reasonOf(name) ?? "no reason", name);
  }
  assertEquals(lines.length, PEER_FLAG_NAMES.length + 3);
});

import {
  findFlag,
  FLAGS,
  PEER_FLAG_NAMES,
  reasonOf,
  renderPeerFlags,
} from "../../lib/config/mod.ts";
import { reasonOfValue } from "../../lib/config/flags_reasons.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { FLEET, linesOf } from "./support.ts";

const IDLE = FLAGS.filter(({ status }) => status !== undefined);

Deno.test("reasonOf() says of every flag that does nothing why, and what to do", () => {
  assert(IDLE.length > 10);
  for (const { name } of IDLE) assertMatch(reasonOf(name) ?? "", /^[a-z].*[^.]$/s, name);
  assertEquals(reasonOf("port"), undefined);
});

Deno.test("reasonOfValue() says of every value that is refused what to do", () => {
  for (const { name, refused = [] } of FLAGS) {
    for (const value of refused) {
      assert(reasonOfValue(name, value) !== undefined, `${name} ${value}`);
    }
  }
});

Deno.test("resolveConfig() tells the reason of a refusal", () => {
  const logic = findFlag("routing-logic");
  const rows = [
    ["service-discovery", "k8s", reasonOfValue("service-discovery", "k8s")],
    ...(logic?.refused ?? []).map((value) =>
      ["routing-logic", value, reasonOfValue("routing-logic", value)] as const
    ),
    ...IDLE.filter(({ status }) => status === "unsupported").map(({ name, type }) =>
      [name, type === "flag" ? "true" : "12345", reasonOf(name)] as const
    ),
  ] as const;
  for (const [name, value, reason = ""] of rows) {
    const [line = ""] = linesOf({ flags: { ...FLEET, [name]: value } });
    assertStringIncludes(line, "not supported by this version");
    assert(line.endsWith(`: ${reason}`), line);
  }
});

Deno.test("renderPeerFlags() has a row of one word and a reason for each flag of that router", () => {
  const lines = renderPeerFlags().split("\n");
  for (const name of PEER_FLAG_NAMES) {
    const status = findFlag(name)?.status;
    const word = status === undefined
      ? "honoured"
      : status === "unsupported"
      ? "refused"
      : "ignored";
    const row = lines.find((line) => line.startsWith(`| \`--${name}\` |`)) ?? "";
    assertStringIncludes(row, `| ${word} |`, name);
    if (status !== undefined) assertStringIncludes(row, reasonOf(name) ?? "no reason", name);
  }
  assertEquals(lines.length, PEER_FLAG_NAMES.length + 3);
});

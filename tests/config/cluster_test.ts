import { parseClusterUrl } from "../../lib/config/cluster.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { configOf, FLEET, resolve } from "./support.ts";

const SERVERS: readonly (readonly [text: string, server: unknown])[] = [
  ["redis://10.0.0.5", { host: "10.0.0.5", port: 6379, tls: false, database: 0 }],
  ["redis://valkey:7000/", { host: "valkey", port: 7000, tls: false, database: 0 }],
  ["rediss://[::1]:6380/12", { host: "::1", port: 6380, tls: true, database: 12 }],
  ["redis://:p%40ss@h", { host: "h", port: 6379, tls: false, password: "p@ss", database: 0 }],
  ["redis://u:p@h/1", {
    ...{ host: "h", port: 6379, tls: false },
    ...{ username: "u", password: "p", database: 1 },
  }],
];

Deno.test("parseClusterUrl() takes a server apart", () => {
  for (const [text, value] of SERVERS) {
    assertEquals<unknown>(parseClusterUrl(text), { ok: true, value }, text);
  }
});

Deno.test("parseClusterUrl() refuses what names no server, without telling a password", () => {
  for (
    const text of [
      ...["", "10.0.0.5:6379", "http://h", "redis://", "redis:///0", "redis://:secret@/0"],
      ...["redis://u:secret@h/x", "redis://u:secret@h/0?a=b", "redis://u:secret%@h", "redis://h#a"],
      ...["redis://u:secret@h:99999", "redis://u:secret@h/12345"],
    ]
  ) {
    const parsed = parseClusterUrl(text);
    assert(!parsed.ok, text);
    assert(!parsed.message.includes("secret"), parsed.message);
  }
});

Deno.test("clusterOptions() has a server and a name where --cluster is given", () => {
  assertEquals(configOf({ flags: { ...FLEET } }).cluster, undefined);
  const flags = { ...FLEET, cluster: "redis://h", "cluster-name": "blue:1" };
  const server = { host: "h", port: 6379, tls: false, database: 0 };
  assertEquals(configOf({ flags }).cluster, { ...server, name: "blue:1" });
});

Deno.test("clusterProblems() tells what is wrong, and no password", () => {
  for (
    const [name, value] of [["cluster", "redis://u:secret@h/x"], ["cluster-name", "a b"]] as const
  ) {
    const result = resolve({ flags: { ...FLEET, [name]: value } });
    assert(!result.ok);
    assertEquals(result.problems.map(({ key }) => key), [`--${name}`]);
    assert(!JSON.stringify(result.problems).includes("secret"));
  }
  const shown = resolve({ flags: { ...FLEET, cluster: "redis://u:secret@h/1" } });
  assert(shown.ok);
  const text = shown.settings.find(({ flag }) => flag.name === "cluster")?.text ?? "";
  assertStringIncludes(text, "@h/1");
  assert(!text.includes("secret"), text);
});

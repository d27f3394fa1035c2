import { clientArgs } from "../../../scripts/bench/cost/client.ts";
import { modelIn } from "../../../scripts/bench/cost/machine.ts";
import { nginxConfig } from "../../../scripts/bench/cost/nginx.ts";
import { pdRouterWay, routeFlags, ROUTES } from "../../../scripts/bench/cost/ways.ts";
import { configOf } from "../../config/support.ts";
import { assertEquals, assertStringIncludes } from "../../support/assert.ts";

const PORTS = {
  any: [1001, 1002, 1003, 1004],
  prefill: [1001, 1002],
  decode: [1003, 1004],
  notify: 1005,
};

/** Words of a command line by flags. */
function byFlag(words: readonly (string | number)[]): Record<string, string[]> {
  const flags: Record<string, string[]> = {};
  for (let index = 0; index < words.length; index += 2) {
    const name = String(words[index]).slice(2);
    (flags[name] ??= []).push(String(words[index + 1]));
  }
  return flags;
}

for (const route of ROUTES) {
  Deno.test(`routeFlags() of ${route} are a configuration with all engines`, () => {
    const { engines } = configOf({ flags: byFlag(routeFlags(route, PORTS)) });
    assertEquals(
      engines.map(({ url }) => url),
      PORTS.any.map((port) => `http://127.0.0.1:${port}`),
    );
    assertEquals(
      engines.map(({ role }) => role),
      route === "direct" ? engines.map(() => "any") : ["prefill", "prefill", "decode", "decode"],
    );
  });
}

Deno.test("pdRouterWay() runs a checkout by its start script, and a compiled program as it is", async () => {
  const tree = await pdRouterWay({ tree: "/t" }, "nixl", ["--x"]).program?.(80, PORTS);
  assertEquals(tree?.command, "sh");
  assertEquals(tree?.args.slice(0, 5), [
    "/t/scripts/start.sh",
    "--host",
    "127.0.0.1",
    "--port",
    80,
  ]);
  assertEquals(tree?.args.at(-1), "--x");
  const program = await pdRouterWay({ program: "/p" }, "direct").program?.(80, PORTS);
  assertEquals([program?.command, program?.args[0]], ["/p", "--host"]);
});

Deno.test("nginxConfig() names every engine and keeps a connection for each", () => {
  const text = nginxConfig(80, [1001, 1002], "/h");
  assertStringIncludes(text, "server 127.0.0.1:1001; server 127.0.0.1:1002; keepalive 258;");
  assertStringIncludes(text, "listen 127.0.0.1:80 ");
});

Deno.test("clientArgs() has flags alone where they have no value", () => {
  assertEquals(clientArgs(80, { once: true, connections: 3 }), [
    "--port",
    "80",
    "--once",
    "--connections",
    "3",
  ]);
});

Deno.test("modelIn() names the processor, or the architecture", () => {
  assertEquals(
    modelIn("x\nmodel name\t: Intel(R) Xeon(R)  CPU @ 2\nflags: y"),
    "Intel Xeon CPU @ 2",
  );
  assertEquals(modelIn("processor: 0\n"), Deno.build.arch);
});

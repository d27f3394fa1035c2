import { parseArgv } from "../../lib/cli/argv.ts";
import { openOrigin, type OriginPorts } from "../../lib/cli/config_origin.ts";
import { FLAGS, type RouterConfig } from "../../lib/config/mod.ts";
import type { LoadedHooks } from "../../lib/hooks/mod.ts";
import type { ConfigOrigin } from "../../lib/reload/mod.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { fakeProcess } from "./support.ts";

const STATIC = "routing_logic: roundrobin\nstatic_backends: http://a:1\nstatic_models: m\n";

interface Opened {
  readonly origin: ConfigOrigin<LoadedHooks>;
  readonly files: Record<string, string>;
  /** Modules that were imported, with their versions. */
  readonly imported: string[];
  readonly taken: RouterConfig[];
  readonly ports: OriginPorts;
}

async function open(
  argv: readonly string[],
  files: Record<string, string>,
  change: (ports: OriginPorts) => OriginPorts = (ports) => ports,
): Promise<Opened> {
  const imported: string[] = [];
  const taken: RouterConfig[] = [];
  const ports = change({
    ...fakeProcess({}, files).ports,
    importModule: (file, version) => {
      imported.push(version === undefined ? file : `${file} again`);
      if (files[file] === "broken") return Promise.reject(new SyntaxError("Unexpected token"));
      return Promise.resolve({ it: { preRequest: () => undefined } });
    },
  });
  const opened = await openOrigin(parseArgv(FLAGS, argv), ports, (config) => taken.push(config));
  assert(opened.ok);
  return { origin: opened.origin, files, imported, taken, ports };
}

Deno.test("openOrigin() finds out what its files say, by what they say alone", async () => {
  const { origin, files } = await open(["--config=/pd.yaml"], { "/pd.yaml": STATIC });
  const look = origin.look;
  assert(look !== undefined);
  const { digest } = origin.start;
  assertEquals(await look(), digest);
  files["/pd.yaml"] = `${STATIC}port: 9\n`;
  const changed = await look();
  assert(changed !== digest);
  const read = await origin.read();
  assertEquals([read.digest, read.ok && read.loaded.config.listen.port], [changed, 9]);
  delete files["/pd.yaml"];
  const gone = await look();
  assert(gone !== changed && gone !== digest);
  assertMatch(JSON.stringify(await origin.read()), /Cannot read the file: there is none/);
  files["/pd.yaml"] = STATIC;
  assertEquals(await look(), digest);
});

Deno.test("openOrigin() looks at no file where none is named", async () => {
  const argv = ["--routing-logic=roundrobin", "--static-backends=http://a:1", "--static-models=m"];
  const { origin } = await open(argv, {});
  assertEquals(origin.look, undefined);
  assert((await origin.read()).ok);
});

Deno.test("openOrigin() reads files that others name, all without holding anything up", async () => {
  const opened = await open(["--config=/pd.yaml"], { "/pd.yaml": STATIC });
  opened.files["/pd.yaml"] = `${STATIC}api_keys_file: /keys.yaml\n`;
  opened.files["/keys.yaml"] = "nothing of the kind";
  const read = await opened.origin.read();
  assert(!read.ok);
  assertMatch(read.problems.join(), /api_keys_file in \/pd\.yaml/);
  delete opened.files["/keys.yaml"];
  assertMatch(JSON.stringify(await opened.origin.read()), /there is none/);
});

Deno.test("openOrigin() reads a pipe once, and keeps what it said", async () => {
  const files = { "/dev/fd/63": STATIC };
  const { origin } = await open(["--config=/dev/fd/63"], files, (ports) => ({
    ...ports,
    files: {
      stat: () => Promise.resolve({ isFile: false, size: 0 }),
      read: () => Promise.reject(new Error("It would never end")),
    },
  }));
  assertEquals(origin.look, undefined);
  const read = await origin.read();
  assert(read.ok);
  assertEquals(read.loaded.config, origin.start.loaded.config);
});

Deno.test("openOrigin() imports a module again where its text is another, and where it is bad tells so", async () => {
  const { origin, files, imported, taken } = await open(["--config=/pd.yaml"], {
    "/pd.yaml": `${STATIC}callbacks: /h.ts:it\n`,
    "/h.ts": "one",
  });
  assertEquals([imported, taken.length], [["/h.ts"], 1]);
  const { hooks } = origin.start.loaded;
  const same = await origin.read();
  assert(same.ok && same.loaded.hooks === hooks);
  files["/h.ts"] = "two";
  const other = await origin.read();
  assert(other.ok && other.loaded.hooks !== hooks);
  assertEquals(imported, ["/h.ts", "/h.ts again"]);
  files["/h.ts"] = "broken";
  assertMatch(JSON.stringify(await origin.read()), /cannot import \/h\.ts: Unexpected token/);
});

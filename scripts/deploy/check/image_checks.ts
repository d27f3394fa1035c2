/** The image: what is in it, and whether it serves as a strict container. @module */
import { silentLogger, systemClock, systemRandom } from "../../../lib/base/mod.ts";
import { startSimEngine } from "../../../lib/sim/mod.ts";
import { freePort } from "../../../tests/support/cluster.ts";
import { EngineLimit, must } from "../../real/check.ts";
import { run, until } from "../../real/process.ts";
import { Buildah } from "./image.ts";
import type { Stage } from "./stage.ts";

const GROUP = "image";

const RUN = new URL("run_image.sh", import.meta.url).pathname;
const FILE = new URL("../../../dist/pd-router", import.meta.url).pathname;

/** In namespaces of its own: its processes end with it. */
const APART = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", RUN] as const;

/** Programs that an image without a package manager has not. */
const ABSENT = ["apt", "apt-get", "bash", "dpkg", "perl", "python3"] as const;

/** Most programs that are in PATH. */
const MOST_PROGRAMS = 20;

const START_MS = 60_000;

/** All checks. */
export async function imageChecks(stage: Stage): Promise<void> {
  const { checks, folder } = stage;
  let root: string | undefined;
  await checks.run(
    GROUP,
    "it is made of the Dockerfile, on a base of Debian's packages",
    async () => {
      await Deno.stat(FILE).catch((error: unknown) => {
        throw new EngineLimit(`there is no ${FILE}: run \`deno task compile\``, { cause: error });
      });
      const buildah = await Buildah.open(await Deno.makeTempDir({ dir: folder }));
      await buildah.base();
      const said = await buildah.build();
      must(/^pd-router \d/m.test(said), said);
      const { User, Entrypoint, StopSignal } = await buildah.configuration();
      must(User === "65532:65532", `its user is ${User}`);
      must(JSON.stringify(Entrypoint) === '["/usr/local/bin/pd-router"]', `starts ${Entrypoint}`);
      root = await buildah.files();
      const [size = ""] = (await run("du", ["-sm", root])).split("\t");
      return `user ${User}, ${size} MB, signal ${StopSignal}`;
    },
  );
  const files = root;
  if (files === undefined) return;
  await checks.run(
    GROUP,
    "there is no package manager in it, and no interpreter but sh",
    async () => {
      const programs = [...Deno.readDirSync(`${files}/usr/bin`)].map(({ name }) => name);
      must(programs.length <= MOST_PROGRAMS, programs.join(" "));
      for (const name of ABSENT) must(!programs.includes(name), name);
      const writable = await run("find", [files, "-xdev", "-user", "65532", "-type", "d"]);
      const owned = writable.trim().split("\n").map((path) => path.slice(files.length));
      must(owned.every((path) => path.startsWith("/var/cache/pd-router")), owned.join(" "));
      return `${programs.length} programs: ${programs.sort().join(" ")}`;
    },
  );
  await checks.run(
    GROUP,
    "it serves with a read-only root as a user without rights, and ends on SIGTERM",
    () => serves(stage, files),
  );
}

async function serves({ processes, logs }: Stage, root: string): Promise<string> {
  const ports = { clock: systemClock(), random: systemRandom(), log: silentLogger() };
  await using sim = await startSimEngine({ role: "any", models: ["m"] }, ports);
  const port = freePort();
  const [command = "", ...before] = APART;
  const startedAt = performance.now();
  const router = processes.start({
    name: "image",
    command,
    args: [
      ...before,
      root,
      ...["--host", "127.0.0.1", "--port", String(port), "--service-discovery", "static"],
      ...["--static-backends", sim.url, "--static-models", "m", "--routing-logic", "roundrobin"],
    ],
    log: `${logs}/image.log`,
  });
  await router.serving(`http://127.0.0.1:${port}/ready`, START_MS);
  const ms = Math.round(performance.now() - startedAt);
  const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "m", prompt: "The river", max_tokens: 4 }),
  });
  const text = await response.text();
  must(response.status === 200, `${response.status}: ${text}`);
  // The first process of the namespace is the router itself.
  const [inner = ""] = (await run("pgrep", ["--parent", String(router.pid)])).trim().split("\n");
  const status = await Deno.readTextFile(`/proc/${inner}/status`);
  must(/^Uid:\t65532\t65532\t65532\t65532$/m.test(status), status);
  must(/^CapEff:\t0+$/m.test(status), status);
  Deno.kill(Number(inner), "SIGTERM");
  must(await until(() => router.ended, START_MS), "it does not end on SIGTERM");
  const said = await router.output();
  must(!/unpack/i.test(said), said);
  return `ready after ${ms} ms, answered, uid 65532 without capabilities, ended`;
}

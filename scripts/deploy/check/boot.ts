/** A system of Debian's packages that systemd boots in a container, with the router's units in it. @module */
import { freePort } from "../../../tests/support/cluster.ts";
import { EngineLimit, must } from "../../real/check.ts";
import { run } from "../../real/process.ts";
import type { Stage } from "./stage.ts";

const UNITS = new URL("../systemd/", import.meta.url);
const CHECK = new URL("boot_check.sh", import.meta.url);
const FILE = new URL("../../../dist/pd-router", import.meta.url).pathname;

/** Longest from the boot to the end of all steps. */
const BOOT_MS = 300_000;

/** Of the shell that starts the container: cgroups are mounted for it alone. */
const START = 'mount -t cgroup2 none /sys/fs/cgroup && exec systemd-nspawn --quiet --boot "$@"';

/** Boot it, have it try the units, and give what it has seen. Rejects with what is amiss. */
export async function bootAndCheck(
  { processes, folder, logs }: Stage,
  units: readonly string[],
): Promise<string> {
  await Deno.stat(FILE).catch((error: unknown) => {
    throw new EngineLimit(`there is no ${FILE}: run \`deno task compile\``, { cause: error });
  });
  const root = await Deno.makeTempDir({ dir: folder });
  await makeSystem(root);
  await install(root, units);
  const container = processes.start({
    name: "systemd",
    command: "unshare",
    args: [
      ...["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", START, "sh"],
      ...["--register=no", "--keep-unit", "--console=pipe", `--directory=${root}`],
    ],
    log: `${logs}/systemd.log`,
  });
  const ended = `${root}/var/check.ended`;
  const deadline = performance.now() + BOOT_MS;
  while (!await exists(ended)) {
    must(!container.ended, `the container has ended: see ${container.log}`);
    must(performance.now() < deadline, `no end within ${BOOT_MS / 1000} s: see ${container.log}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await container.stop();
  const said = (await Deno.readTextFile(`${root}/var/check.log`)).trimEnd();
  must((await Deno.readTextFile(ended)).trim() === "0", said);
  return said.replaceAll("\n", "\n       ");
}

async function makeSystem(root: string): Promise<void> {
  for (const program of ["mmdebstrap", "systemd-nspawn"]) {
    try {
      await run(program, ["--version"]);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new EngineLimit(`there is no ${program}: apt-get install mmdebstrap systemd-container`);
    }
  }
  const packages = "systemd,systemd-sysv,curl,gawk";
  await run("mmdebstrap", ["--variant=apt", "--quiet", `--include=${packages}`, "bookworm", root]);
}

/** What an operator would do, and a unit that tries it once the system is up. */
async function install(root: string, units: readonly string[]): Promise<void> {
  const [port, engine] = [freePort(), freePort()];
  const system = `${root}/etc/systemd/system`;
  for (const name of units) {
    const text = await Deno.readTextFile(new URL(name, UNITS));
    // The network is this machine's, and so are its ports.
    await Deno.writeTextFile(`${system}/${name}`, text.replaceAll(":8001/", `:${port}/`));
  }
  await Deno.copyFile(FILE, `${root}/usr/local/bin/pd-router`);
  await Deno.chmod(`${root}/usr/local/bin/pd-router`, 0o755);
  await Deno.mkdir(`${root}/etc/pd-router`);
  await Deno.writeTextFile(
    `${root}/etc/pd-router/pd.yaml`,
    `host: 127.0.0.1\nport: ${port}\nrouting_logic: roundrobin\n` +
      `static_backends: [http://127.0.0.1:${engine}]\nstatic_models: [sim-model]\n`,
  );
  await Deno.copyFile(CHECK, `${root}/usr/local/bin/boot_check.sh`);
  const command = `sh /usr/local/bin/boot_check.sh ${port} ${engine} >/var/check.log 2>&1; ` +
    "echo $? >/var/check.next; mv /var/check.next /var/check.ended";
  await Deno.writeTextFile(
    `${system}/check.service`,
    `[Service]\nType=oneshot\nExecStart=/bin/sh -c '${command.replaceAll("$", "$$$$")}'\n`,
  );
  await Deno.mkdir(`${system}/multi-user.target.wants`, { recursive: true });
  await Deno.symlink(
    "/etc/systemd/system/check.service",
    `${system}/multi-user.target.wants/check.service`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

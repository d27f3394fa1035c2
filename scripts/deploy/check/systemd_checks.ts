/** The systemd units, as systemd-analyze sees them, and as systemd runs them. @module */
import { EngineLimit, must } from "../../real/check.ts";
import { run } from "../../real/process.ts";
import { bootAndCheck } from "./boot.ts";
import type { Stage } from "./stage.ts";

const GROUP = "systemd";

const UNITS = new URL("../systemd/", import.meta.url);

/** All units. */
const NAMES = ["pd-router.service", "pd-router-watch.service", "pd-router-watch.timer"] as const;

/** The most exposure that the service may have, of 100: systemd calls less than 20 OK or SAFE. */
const MOST_EXPOSED = 20;

/** All checks. */
export async function systemdChecks(stage: Stage): Promise<void> {
  const { checks, folder } = stage;
  await checks.run(GROUP, "systemd-analyze verify has nothing to say", async () => {
    await needsAnalyze();
    // The programs that units name have to be there.
    const root = await Deno.makeTempDir({ dir: folder });
    for (const name of NAMES) {
      const text = await Deno.readTextFile(new URL(name, UNITS));
      await Deno.writeTextFile(
        `${root}/${name}`,
        text.replaceAll("/usr/local/bin/pd-router", Deno.execPath()),
      );
    }
    const said = await run("systemd-analyze", [
      ...["verify", "--man=no", "--recursive-errors=no"],
      ...NAMES.map((name) => `${root}/${name}`),
    ]);
    must(said.trim() === "", said);
    return `${NAMES.length} units`;
  });
  await checks.run(GROUP, "systemd-analyze security finds little exposed", async () => {
    await needsAnalyze();
    const path = new URL("pd-router.service", UNITS).pathname;
    const said = await run("systemd-analyze", [
      ...["security", "--offline=yes", `--threshold=${MOST_EXPOSED}`, "--no-pager", path],
    ]);
    return /Overall exposure level[^\n]*[A-Z]/.exec(said)?.[0] ?? said;
  });
  await checks.run(
    GROUP,
    "booted by systemd: start, reload, death, watch, stop, a bad configuration",
    () => bootAndCheck(stage, NAMES),
  );
}

async function needsAnalyze(): Promise<void> {
  try {
    await run("systemd-analyze", ["--version"]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new EngineLimit("there is no systemd-analyze on this machine", { cause: error });
    }
    throw error;
  }
}

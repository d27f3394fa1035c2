/** What the program of a checkout is made of. @module */
import { z } from "zod";
import { run } from "../real/process.ts";
import { closure, readLock } from "./lock.ts";
import type { Ingredients } from "./sbom.ts";

/** What `deno info --json` tells, as far as it is needed. */
const INFO = z.object({
  modules: z.array(z.object({ kind: z.string().optional(), npmPackage: z.string().optional() })),
  npmPackages: z.record(z.string(), z.object({ localPath: z.string() })),
});

const PACKAGE = z.object({ license: z.string().optional() });

/** Of the project itself. */
const OWN = { name: "pd-router", license: "Apache-2.0" } as const;

/** Read the lock, the modules of `entry` and the packages' licenses, in the checkout `root`. */
export async function readIngredients(
  root: string,
  entry: string,
): Promise<
  Pick<Ingredients, "name" | "license" | "packages" | "imported" | "shipped" | "licenses">
> {
  const packages = readLock(await Deno.readTextFile(`${root}/deno.lock`));
  const said = await run(Deno.execPath(), ["info", "--json", "--frozen", `${root}/${entry}`]);
  const info = INFO.parse(JSON.parse(said));
  const imported = [...new Set(info.modules.flatMap(({ npmPackage }) => npmPackage ?? []))];
  const licenses = new Map<string, string>();
  for (const [key, { localPath }] of Object.entries(info.npmPackages)) {
    const { license } = PACKAGE.parse(
      JSON.parse(await Deno.readTextFile(`${localPath}/package.json`)),
    );
    if (license !== undefined) licenses.set(key, license);
  }
  return { ...OWN, packages, imported, shipped: closure(packages, imported), licenses };
}

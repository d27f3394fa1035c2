/** Deno for a kind of machine, from the npm registry. @module */
import { run } from "../real/process.ts";
import { elfMachine, type Machine } from "./machines.ts";

/**
 * The bytes of Deno of `version` for `machine`: the running one's own, or those of npm's package, which
 * npm checks by the registry's digest. Uses `folder` for what it writes on the way.
 */
export async function runtimeOf(
  machine: Machine,
  version: string,
  folder: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await Deno.readFile(
    machine.target === Deno.build.target && version === Deno.version.deno
      ? Deno.execPath()
      : await fetched(machine, version, folder),
  );
  const found = elfMachine(bytes);
  if (found !== machine.elf) {
    throw new Error(`Cannot use Deno for ${machine.name}: its ELF header says machine ${found}`);
  }
  return bytes;
}

async function fetched(
  { runtime }: Machine,
  version: string,
  folder: string,
): Promise<string> {
  const said = await run("npm", [
    ...["pack", "--silent", "--json", "--pack-destination", folder],
    `${runtime}@${version}`,
  ]);
  const [{ filename }] = JSON.parse(said);
  await run("tar", ["-xzf", `${folder}/${filename}`, "-C", folder]);
  return `${folder}/package/deno`;
}

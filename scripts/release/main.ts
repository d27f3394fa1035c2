/**
 * `deno task release [--from REF]`: leaves in `dist/` the one file for Linux x86-64 and aarch64, a
 * CycloneDX document of what they are made of, notes from the log since the release before, and the
 * checksums of all of these. The same sources make the same bytes.
 * @module
 */
import { describeError, encodeUtf8 } from "../../lib/base/mod.ts";
import { sha256 } from "../compile/archive.ts";
import { bundle } from "../compile/bundle.ts";
import { runtimeFlags } from "../compile/permissions.ts";
import { parseProject } from "../compile/project.ts";
import { makeFile, type ReleaseFile } from "./file.ts";
import { readHistory } from "./history.ts";
import { readIngredients } from "./ingredients.ts";
import { MACHINES } from "./machines.ts";
import { checksumsText, notesText } from "./notes.ts";
import { runtimeOf } from "./runtime.ts";
import { sbomText } from "./sbom.ts";
import { tryFile } from "./try.ts";

const root = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

/** Of Deno, in every file. */
const RUNTIME = Deno.version.deno;

const HELP = "Usage: deno task release [--from REF]\n" +
  "REF is the commit or tag the notes begin behind, by default the last tag that begins with v";

async function release(from: string | undefined): Promise<void> {
  const { version, entry, unstable } = parseProject(await Deno.readTextFile(`${root}/deno.json`));
  const dist = `${root}/dist`;
  await Deno.mkdir(dist, { recursive: true });
  const work = await Deno.makeTempDir({ dir: dist, prefix: ".release-" });
  try {
    const history = await readHistory(root, version, from);
    if (history.isChanged) print("The checkout differs from its last commit: no release yet");
    const program = encodeUtf8(await bundle(root, entry, work));
    const sources = { root, version, program, flags: runtimeFlags(unstable) };
    const files: ReleaseFile[] = [];
    for (const machine of MACHINES) {
      const runtime = await runtimeOf(machine, RUNTIME, await Deno.makeTempDir({ dir: work }));
      const file = await makeFile(sources, machine, runtime, work);
      const tried = await tryFile(`${work}/${file.name}`, file.machine, version);
      print(`${file.name}: ${(file.size / 1e6).toFixed(1)} MB, glibc ${file.glibc}; ${tried}`);
      files.push(file);
    }
    const ingredients = await readIngredients(root, entry);
    const texts = new Map([
      [
        `pd-router-${version}.cdx.json`,
        sbomText({ ...ingredients, version, at: history.at, runtimeVersion: RUNTIME, files }),
      ],
      [
        `NOTES-${version}.md`,
        notesText({ ...history, version, date: history.at.slice(0, 10), files }),
      ],
    ]);
    const sums = [
      ...files,
      ...[...texts].map(([name, text]) => ({ name, sha256: sha256(encodeUtf8(text)) })),
    ];
    texts.set("SHA256SUMS", checksumsText(sums));
    for (const [name, text] of texts) await Deno.writeTextFile(`${work}/${name}`, text);
    for (const { name } of files) await Deno.rename(`${work}/${name}`, `${dist}/${name}`);
    for (const name of texts.keys()) await Deno.rename(`${work}/${name}`, `${dist}/${name}`);
    print(checksumsText(sums).trimEnd());
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

function print(line: string): void {
  Deno.stdout.writeSync(encodeUtf8(`${line}\n`));
}

const [flag, from, ...more] = Deno.args;
if (flag !== undefined && (flag !== "--from" || from === undefined || more.length > 0)) {
  print(HELP);
  Deno.exit(2);
}
try {
  await release(from);
} catch (error) {
  print(describeError(error));
  Deno.exitCode = 1;
}

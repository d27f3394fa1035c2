/** What has changed since the release before, for people. @module */
import type { ReleaseFile } from "./file.ts";

/** What the notes are made of. */
export interface NoteParts {
  readonly version: string;
  /** ISO date. */
  readonly date: string;
  /** Name of the release before; undefined for the first one. */
  readonly since: string | undefined;
  /** First lines of the commits since then, the latest first; without those of merges. */
  readonly subjects: readonly string[];
  readonly files: readonly ReleaseFile[];
}

/** Markdown. */
export function notesText({ version, date, since, subjects, files }: NoteParts): string {
  const rows = files.map(({ name, machine, size, glibc }) =>
    `| \`${name}\` | Linux ${machine.title}, glibc ${glibc} or later | ${
      (size / 1e6).toFixed(1)
    } MB |`
  );
  return [
    `# pd-router ${version}`,
    "",
    `${date}`,
    "",
    "| file | runs on | size |",
    "|---|---|---|",
    ...rows,
    "",
    "`sha256sum --check SHA256SUMS` checks them; the `.cdx.json` file tells what they are made of.",
    "",
    since === undefined ? "## What there is" : `## Since ${since}`,
    "",
    ...subjects.map((subject) => `- ${subject}`),
    "",
  ].join("\n");
}

/** As `sha256sum` reads it. */
export function checksumsText(
  files: readonly { readonly name: string; readonly sha256: string }[],
): string {
  return files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join("");
}

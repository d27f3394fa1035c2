/** The table of flags as Markdown. @module */
import { envName, type Flag, placeholder } from "./flag.ts";
import { ENVIRONMENT_ONLY, FLAG_GROUPS } from "./flags.ts";

/** A Markdown section: one table of flags for each group, and what only the environment says. */
export function renderMarkdown(): string {
  const groups = FLAG_GROUPS.map((group) =>
    [
      `### ${group.title}`,
      "",
      "| flag | default | environment | meaning |",
      "|---|---|---|---|",
      ...group.flags.map(flagRow),
    ].join("\n")
  );
  const environment = [
    "### Environment only",
    "",
    "| variable | meaning |",
    "|---|---|",
    ...ENVIRONMENT_ONLY.map(({ name, help }) => `| \`${name}\` | ${cell(help)} |`),
  ].join("\n");
  return `${[...groups, environment].join("\n\n")}\n`;
}

/** The values a flag may have, e.g. `text, json`; empty when any will do. */
export function choicesText(flag: Flag): string {
  return flag.choices?.join(", ") ?? "";
}

/** A flag's default as text; empty for none. */
export function defaultText(flag: Flag): string {
  return flag.type === "flag" ? "" : String(flag.default ?? "");
}

function flagRow(flag: Flag): string {
  const value = placeholder(flag);
  const usage = `\`--${flag.name}${value === "" ? "" : ` ${value}`}\``;
  const byDefault = defaultText(flag);
  const shown = byDefault === "" ? "" : `\`${byDefault}\``;
  const choices = choicesText(flag);
  const meaning = choices === "" ? flag.help : `${flag.help}: ${choices}`;
  return `| ${usage} | ${shown} | \`${envName(flag.name)}\` | ${cell(meaning)} |`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

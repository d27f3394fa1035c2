/** Header values with parameters: `form-data; name="file"`, `multipart/form-data; boundary=x`. Pure. @module */

/** A value, taken apart. */
export interface Parameterized {
  /** In lower case. */
  readonly value: string;
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A value in quotes. */
const QUOTED = /^"((?:[^"\\]|\\[^])*)"$/;

/**
 * `text` taken apart; undefined where not all who read it would understand it alike: with a parameter
 * that is none, or that is given twice. Source: RFC 9110 section 5.6.6; in quotes, a backslash stands for
 * itself but before a quote or a backslash, as senders of file names mean it.
 */
export function parameterized(text: string): Parameterized | undefined {
  const [first = "", ...rest] = splitAtSemicolons(text);
  const parameters = new Map<string, string>();
  for (const part of rest) {
    if (part.trim() === "") continue;
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0)).trim().toLowerCase();
    const written = part.slice(equals + 1).trim();
    const [, quoted] = QUOTED.exec(written) ?? [];
    if (!/^[^\s"]+$/.test(name) || parameters.has(name)) return undefined;
    if (quoted === undefined && written.includes('"')) return undefined;
    parameters.set(name, quoted?.replace(/\\(["\\])/g, "$1") ?? written);
  }
  return { value: first.trim().toLowerCase(), parameters };
}

/** The parts between semicolons that stand in no quotes. */
function splitAtSemicolons(text: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted && char === "\\") at++;
    else if (char === '"') quoted = !quoted;
    else if (char === ";" && !quoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}

/** `FILE.ts:NAME`: an export of a JavaScript or TypeScript file. @module */

/** A module of the operator's, and what is taken from it. */
export interface ModuleName {
  /** Absolute, or relative to where the router is started. */
  readonly file: string;
  readonly name: string;
}

const FORM = /^(.+\.(?:ts|mts|js|mjs)):([A-Za-z_$][\w$]*)$/;

/** The parts of `text`, which must be right. */
export function moduleName(text: string): ModuleName | undefined {
  const [, file, name] = FORM.exec(text) ?? [];
  return file === undefined || name === undefined ? undefined : { file, name };
}

/** Why `text` names no module; undefined where it does. */
export function moduleProblem(text: string): string | undefined {
  if (FORM.test(text)) return undefined;
  if (/\.(ts|mts|js|mjs)$/.test(text)) {
    return `expected FILE.ts:NAME: name the export too, e.g. ${text}:callbacks`;
  }
  return "expected FILE.ts:NAME, an export of a TypeScript or JavaScript file; Python does not run " +
    "here: write the same hooks in TypeScript (lib/hooks/README.md shows how)";
}

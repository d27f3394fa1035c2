/** Pages with generated blocks: found, filled, held against what they should be. @module */

/** Produces one block's Markdown, which ends in a line feed. */
export type Block = () => string;

/** The generated blocks of one page by name. */
export type Blocks = Readonly<Record<string, Block>>;

/** The page that each folder may have. */
const PAGE = "README.md";

/** Folders that hold nothing of the project's own. */
const FOREIGN = new Set(["node_modules", "dist", "coverage"]);

/** Paths of all pages below `root`, relative to it, in alphabetical order. */
export function findPages(root: URL): readonly string[] {
  const pages: string[] = [];
  const visit = (folder: string): void => {
    for (const { name, isDirectory, isFile } of Deno.readDirSync(new URL(folder, root))) {
      if (isFile && name === PAGE) pages.push(folder.slice("./".length) + name);
      if (isDirectory && !FOREIGN.has(name) && !name.startsWith(".")) visit(`${folder}${name}/`);
    }
  };
  visit("./");
  return pages.sort();
}

/** One page as it is and as it should be. */
export interface Page {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
  readonly filled: string;
}

/**
 * All pages below `root`, filled from `blocks`, the blocks of each page by its path.
 *
 * Throws what `renderPage` throws, and for a page of `blocks` that is not there.
 */
export function renderPages(root: URL, blocks: Readonly<Record<string, Blocks>>): readonly Page[] {
  const paths = findPages(root);
  const missing = Object.keys(blocks).find((path) => !paths.includes(path));
  if (missing !== undefined) throw new Error(`Cannot fill ${missing}: it is not there`);
  return paths.map((path) => {
    const text = Deno.readTextFileSync(new URL(path, root));
    try {
      return { path, text, filled: renderPage(text, blocks[path] ?? {}) };
    } catch (cause) {
      throw new Error(`Cannot fill ${path}`, { cause });
    }
  });
}

/**
 * `text` with the content of every block of `blocks` made afresh. The formatter leaves them alone:
 * it would pad each table to its longest cell.
 *
 * Throws when a block is not there exactly once, or `text` marks one that `blocks` does not have.
 */
export function renderPage(text: string, blocks: Blocks): string {
  for (const [, name = ""] of text.matchAll(/^<!-- (\w+):(?:begin|end) -->$/gm)) {
    if (!Object.hasOwn(blocks, name)) throw new Error(`Cannot fill "${name}": there is no block`);
  }
  let filled = text;
  for (const [name, render] of Object.entries(blocks)) {
    const begin = `<!-- ${name}:begin -->\n`;
    const end = `<!-- ${name}:end -->\n`;
    const [before, inside, ...more] = filled.split(begin);
    const [old, after, ...rest] = inside?.split(end) ?? [];
    if (before === undefined || old === undefined || after === undefined) {
      throw new Error(`Cannot fill "${name}": its begin and end are not there in this order`);
    }
    if (more.length + rest.length > 0) throw new Error(`Cannot fill "${name}": it is there twice`);
    const body = `<!-- deno-fmt-ignore-start -->\n\n${render()}\n<!-- deno-fmt-ignore-end -->\n`;
    filled = before + begin + body + end + after;
  }
  return filled;
}

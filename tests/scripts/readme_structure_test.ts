/** How pages are built: headings, links, names of files, sizes. @module */
import { findPages } from "../../scripts/readme/render.ts";
import { assert, assertEquals } from "../support/assert.ts";

const ROOT = new URL("../../", import.meta.url);

/** Largest first page, in bytes: a newcomer reads it in one go. */
const MAX_FIRST_BYTES = 25_000;

interface Page {
  readonly path: string;
  readonly text: string;
  /** Without fenced blocks, in which nothing is a heading or a link. */
  readonly prose: string;
  readonly headings: readonly Heading[];
}

interface Heading {
  readonly level: number;
  readonly title: string;
  /** What a link's fragment says. */
  readonly slug: string;
}

const PAGES: readonly Page[] = findPages(ROOT).map((path) => {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  const prose = text.replaceAll(/^```.*?^```$/gms, "");
  const headings = [...prose.matchAll(/^(#+) (.*)$/gm)].map(([, marks = "", title = ""]) => ({
    level: marks.length,
    title,
    slug: title.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-"),
  }));
  return { path, text, prose, headings };
});

function page(path: string): Page {
  const found = PAGES.find((other) => other.path === path);
  assert(found !== undefined, path);
  return found;
}

/** The path that `target` leads to from the page at `from`, both relative to the root. */
function pathTo(from: string, target: string): string {
  return new URL(target, `file:///${from}`).pathname.slice(1);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(new URL(path, ROOT)) !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("README.md is short enough for a first page", () => {
  const { size } = Deno.statSync(new URL("README.md", ROOT));
  assert(size < MAX_FIRST_BYTES, `${size} bytes`);
});

Deno.test("pages have relative links to what there is, headings included", () => {
  let links = 0;
  for (const { path, prose } of PAGES) {
    for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links++;
      const [file = "", fragment] = target.split("#");
      const led = file === "" ? path : pathTo(path, file);
      assert(exists(led), `${path}: ${target}`);
      if (fragment === undefined) continue;
      assert(page(led).headings.some(({ slug }) => slug === fragment), `${path}: ${target}`);
    }
  }
  assert(links > 50);
});

Deno.test("README.md leads to every other page", () => {
  const { prose } = page("README.md");
  for (const { path } of PAGES) {
    if (path !== "README.md") assert(prose.includes(`](${path})`), path);
  }
});

Deno.test("pages have one title, headings of one step, each once", () => {
  for (const { path, headings } of PAGES) {
    const levels = headings.map(({ level }) => level);
    assertEquals(levels.filter((level) => level === 1).length, 1, path);
    assertEquals(levels[0], 1, path);
    for (const [index, level] of levels.entries()) {
      assert(level <= (levels[index - 1] ?? 0) + 1, `${path}: ${headings[index]?.title}`);
    }
    const slugs = headings.map(({ slug }) => slug);
    assertEquals(slugs, [...new Set(slugs)], path);
  }
});

/** Sections from which on a page has a line of contents, and one that nobody looks for there. */
const CONTENTS_FROM = 4;
const UNLISTED = "License";

Deno.test("pages of several sections begin with links to them", () => {
  for (const { path, prose, headings } of PAGES) {
    const sections = headings.filter(({ level, title }) => level === 2 && title !== UNLISTED);
    if (sections.length < CONTENTS_FROM) continue;
    const [beginning = ""] = prose.split("\n## ");
    for (const { title, slug } of sections) {
      // Subsections may stand for theirs.
      const subs = headings.slice(headings.findIndex((other) => other.title === title) + 1);
      const end = subs.findIndex(({ level }) => level <= 2);
      const own = [slug, ...subs.slice(0, end < 0 ? subs.length : end).map((sub) => sub.slug)];
      assert(own.some((each) => beginning.includes(`(#${each})`)), `${path}: ${title}`);
    }
  }
});

Deno.test("pages are wrapped at 100 columns, tables aside", () => {
  for (const { text } of PAGES) {
    for (const line of text.split("\n")) {
      if (!line.startsWith("|")) assert(line.length <= 100, line);
    }
  }
});

/** Where a file or folder that a page names may be. */
function places(path: string, name: string): readonly string[] {
  return [pathTo(path, name), name, `lib/${name}`];
}

/** What `compile` makes, what is in folders outside the tree, and the door of every folder. */
const ELSEWHERE = ["dist/", "logs/", "mod.ts"];

Deno.test("pages name files and folders that there are", () => {
  const missing: string[] = [];
  let names = 0;
  for (const { path, prose } of PAGES) {
    for (
      const [, name = ""] of prose.matchAll(/`([a-z_.]+(?:\/[a-z0-9_.]+)*(?:\/|\.(?:ts|py)))`/g)
    ) {
      if (ELSEWHERE.some((prefix) => name.startsWith(prefix))) continue;
      names++;
      if (!places(path, name).some(exists)) missing.push(name);
    }
  }
  assert(names > 60);
  assertEquals(missing, []);
});

Deno.test("lib/README.md tells the life of a request by files, and names every folder", () => {
  const { prose } = page("lib/README.md");
  const section = prose.split("## Life of a request")[1]?.split("\n## ")[0] ?? "";
  const files = [...section.matchAll(/`([a-z_]+\/[a-z0-9_]+\.ts)`/g)].map(([, file = ""]) => file);
  assert(files.length > 15);
  const floors = prose.split("## Floors")[1]?.split("\n## ")[0] ?? "";
  const unnamed = [...Deno.readDirSync(new URL("lib", ROOT))]
    .filter(({ name, isDirectory }) => isDirectory && !floors.includes(`\`${name}/\``))
    .map(({ name }) => name);
  assertEquals(unnamed, []);
});

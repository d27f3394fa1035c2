import { describeError } from "../../../lib/base/mod.ts";
import { BLOCKS } from "../../../scripts/readme/blocks.ts";
import { findPages, renderPage, renderPages } from "../../../scripts/readme/render.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../support/assert.ts";

const ROOT = new URL("../../../", import.meta.url);

Deno.test("all pages have blocks that are current", () => {
  const stale = renderPages(ROOT, BLOCKS).filter(({ text, filled }) => filled !== text);
  assertEquals(stale.map(({ path }) => path), [], "run `deno run -A scripts/readme.ts`");
});

Deno.test("findPages() finds every page of the project, and no one else's", () => {
  const pages = findPages(ROOT);
  for (const path of ["README.md", "lib/README.md", ...Object.keys(BLOCKS)]) {
    assert(pages.includes(path), path);
  }
  assertEquals(pages.filter((path) => /node_modules|^\.|^dist/.test(path)), []);
  assertEquals(pages, [...pages].sort());
});

const TEXT = "# T\n<!-- one:begin -->\nold\n<!-- one:end -->\nrest\n";
const ONE = { one: (): string => "new\n" };

Deno.test("renderPage() replaces what is between the marks, and nothing else", () => {
  const filled = renderPage(TEXT, ONE);
  assert(filled.startsWith("# T\n<!-- one:begin -->\n"));
  assert(filled.endsWith("<!-- one:end -->\nrest\n"));
  assertStringIncludes(filled, "\nnew\n");
  assert(!filled.includes("old"));
  assertEquals(renderPage(filled, ONE), filled);
});

Deno.test("renderPage() takes a replacement as it stands", () => {
  assertStringIncludes(renderPage(TEXT, { one: () => "$& $1 $$\n" }), "\n$& $1 $$\n");
});

const WRONG: readonly (readonly [name: string, text: string, message: string])[] = [
  ["no marks", "# T\n", "not there"],
  ["no end", "<!-- one:begin -->\n", "not there"],
  ["no begin", "<!-- one:end -->\n", "not there"],
  ["end before begin", "<!-- one:end -->\n<!-- one:begin -->\n", "not there"],
  ["two blocks of a name", TEXT + TEXT, "twice"],
  ["two ends", `${TEXT}<!-- one:end -->\n`, "twice"],
  ["a name without block", `${TEXT}<!-- two:begin -->\n`, 'Cannot fill "two"'],
];

for (const [name, text, message] of WRONG) {
  Deno.test(`renderPage() refuses ${name}`, () => {
    assertThrows(() => renderPage(text, ONE), Error, message);
  });
}

/** A project of its own, with these pages. */
function projectOf(pages: Readonly<Record<string, string>>): Disposable & { readonly root: URL } {
  const folder = Deno.makeTempDirSync();
  for (const [path, text] of Object.entries(pages)) {
    const file = `${folder}/${path}`;
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(file, text);
  }
  return {
    root: new URL(`file://${folder}/`),
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

Deno.test("renderPages() fills each page with its own blocks, and leaves the others", () => {
  using project = projectOf({
    "README.md": "# R\n",
    "a/b/README.md": TEXT,
    "a/other.md": TEXT,
    "node_modules/x/README.md": TEXT,
    ".git/README.md": TEXT,
  });
  const pages = renderPages(project.root, { "a/b/README.md": ONE });
  assertEquals(pages.map(({ path }) => path), ["README.md", "a/b/README.md"]);
  assertEquals(pages.map(({ text, filled }) => text === filled), [true, false]);
  assertEquals(pages[1]?.filled, renderPage(TEXT, ONE));
});

const WRONG_PROJECTS: readonly (readonly [
  name: string,
  pages: Readonly<Record<string, string>>,
  message: string,
])[] = [
  ["a page that is not there", { "README.md": "# R\n" }, "Cannot fill a/README.md: it is not"],
  [
    "a block of another page",
    { "README.md": TEXT, "a/README.md": TEXT },
    'Cannot fill README.md: Cannot fill "one": there is no block',
  ],
  [
    "a page without its block",
    { "README.md": "# R\n", "a/README.md": "# A\n" },
    'Cannot fill a/README.md: Cannot fill "one"',
  ],
];

for (const [name, pages, message] of WRONG_PROJECTS) {
  Deno.test(`renderPages() refuses ${name}`, () => {
    using project = projectOf(pages);
    let told = "";
    try {
      renderPages(project.root, { "a/README.md": ONE });
    } catch (error) {
      told = describeError(error);
    }
    assertStringIncludes(told, message);
  });
}

/** A real Chromium, and pages in it that tell what they complain of. @module */
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where Debian has it. */
const PROGRAM = "/usr/bin/chromium";

/** A page that is open. */
export interface Opened extends AsyncDisposable {
  readonly page: Page;
  /** Messages of the console that are no mere information, and errors of scripts. */
  readonly complaints: readonly string[];
  /** The same, and forget them. */
  taken(): readonly string[];
}

/** It runs. */
export interface Browser extends AsyncDisposable {
  readonly version: string;
  open(url: string, options?: BrowserContextOptions): Promise<Opened>;
}

/** Start it; rejects where there is none. */
export async function startBrowser(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: PROGRAM,
    // Its own sandbox needs rights that containers do not have; the page is the router's own.
    args: ["--no-sandbox"],
  });
  return {
    version: browser.version(),
    async open(url, options = {}) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") {
          complaints.push(message.text());
        }
      });
      page.on("pageerror", (error) => complaints.push(String(error)));
      await page.goto(url);
      return {
        page,
        complaints,
        taken: () => complaints.splice(0),
        [Symbol.asyncDispose]: () => context.close(),
      };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

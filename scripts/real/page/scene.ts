/** What checks of the page work with. @module */
import type { Page } from "playwright-core";
import type { SimEngine } from "../../../lib/sim/mod.ts";
import type { Checks } from "../check.ts";
import type { Browser } from "./browser.ts";

/** Longest wait for anything to be seen, in milliseconds. */
export const SEEN_MS = 20_000;

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 360, height: 780 };

/** A browser, and where rows go. */
export interface Scene {
  readonly browser: Browser;
  readonly checks: Checks;
}

/** Wait until the page tells what it has from the router. */
export async function untilLive(page: Page): Promise<void> {
  await page.locator("#link", { hasText: "Live" }).waitFor({ timeout: SEEN_MS });
}

/** What an engine is called. */
export function idOf({ url }: SimEngine): string {
  return url.replace("http://", "");
}

/** The engine of that name in the drawing, which says `label` of how it stands. */
export async function untilStanding(page: Page, id: string, label: string): Promise<void> {
  const card = page.locator(".engine", { has: page.locator(".id", { hasText: id }) });
  await card.locator(".standing", { hasText: new RegExp(`^${label}$`) })
    .waitFor({ timeout: SEEN_MS });
}

/** Wait until `holds`; says `what` does not where it takes too long. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + SEEN_MS;
  while (!await holds()) {
    if (performance.now() > end) throw new Error(`Not within ${SEEN_MS / 1_000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

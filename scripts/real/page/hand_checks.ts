/** What is done by hand: drains, keys, the keyboard alone. @module */
import type { Page } from "playwright-core";
import { must } from "../check.ts";
import { startFleet } from "./fleet.ts";
import { DESKTOP, idOf, type Scene, SEEN_MS, untilLive, untilStanding } from "./scene.ts";
import { ask } from "./traffic.ts";

const GROUP = "hand";

const KEY = "sk-of-the-page";

/** Run them. */
export async function handChecks({ browser, checks }: Scene): Promise<void> {
  await using fleet = await startFleet({ prefills: 2, decodes: 1 });
  await using opened = await browser.open(fleet.admin, { viewport: DESKTOP });
  const { page, complaints } = opened;
  const [engine] = fleet.prefills;
  const id = engine === undefined ? "" : idOf(engine);

  await checks.run(
    GROUP,
    "an engine is drained and undrained, each behind a question",
    async () => {
      await untilLive(page);
      await page.locator(".engine", { hasText: id }).click();
      const panel = page.locator("#engine-dialog");
      await panel.getByRole("button", { name: "Drain this engine" }).click();
      const question = await panel.locator(".question").innerText();
      must(question.startsWith(`Drain ${id}?`), question);
      await panel.getByRole("button", { name: "Cancel" }).click();
      const before = await (await fetch(`${fleet.admin}admin/engines/${encodeURIComponent(id)}`))
        .json();
      must(before.drained === false, "It was drained though that was cancelled");
      await panel.getByRole("button", { name: "Drain this engine" }).click();
      await panel.getByRole("button", { name: "Drain", exact: true }).click();
      await panel.getByRole("button", { name: "Let it serve again" }).waitFor({ timeout: SEEN_MS });
      await untilStanding(page, id, "drained");
      await panel.getByRole("button", { name: "Let it serve again" }).click();
      await panel.getByRole("button", { name: "Undrain" }).click();
      await untilStanding(page, id, "ready");
      await page.keyboard.press("Escape");
      return question;
    },
  );

  await checks.run(GROUP, "the last engine of a side is drained behind a warning", async () => {
    await page.locator(".side-decode .engine").click();
    await page.getByRole("button", { name: "Drain this engine" }).click();
    const question = await page.locator("#engine-dialog .question").innerText();
    must(question.includes("only decode engine"), question);
    await page.keyboard.press("Escape");
    return question;
  });

  await checks.run(
    GROUP,
    "everything is reached by the keyboard, and the focus is seen",
    async () => {
      await ask(fleet.url, { id: "a-row", prompt: "Hello", tokens: 4 });
      await page.reload();
      await untilLive(page);
      await page.locator(".request", { hasText: "a-row" }).waitFor({ timeout: SEEN_MS });
      const reached = await tabThrough(page, 24);
      for (const wanted of ["skip", "engine", "search-id", "summary", "pause", "request"]) {
        must(reached.some((each) => each.includes(wanted)), `${wanted} of ${reached.join(", ")}`);
      }
      await page.locator(".side-decode .engine").focus();
      await page.keyboard.press("Enter");
      await page.locator("#engine-dialog[open]").waitFor({ timeout: SEEN_MS });
      await page.keyboard.press("Escape");
      const back = await page.evaluate(`document.activeElement.className`);
      must(back === "engine", `The focus is at '${back}'`);
      must(complaints.length === 0, complaints.join("; "));
      return `${reached.length} stops; a panel gives the focus back`;
    },
  );

  await checks.run(
    GROUP,
    "a router with keys: the page asks, and keeps the key for its tab",
    async () => {
      await using locked = await startFleet({
        prefills: 1,
        decodes: 1,
        flags: { "admin-api-key": [KEY] },
      });
      await using other = await browser.open(locked.admin, { viewport: DESKTOP });
      const dialog = other.page.locator("#key-dialog[open]");
      await dialog.waitFor({ timeout: SEEN_MS });
      await other.page.fill("#key", "sk-wrong");
      await other.page.keyboard.press("Enter");
      await dialog.getByText("The key is not known here").waitFor({ timeout: SEEN_MS });
      await other.page.fill("#key", KEY);
      await other.page.keyboard.press("Enter");
      await untilLive(other.page);
      await other.page.locator(".engine").first().click();
      await other.page.getByRole("button", { name: "Drain this engine" }).click();
      await other.page.getByRole("button", { name: "Drain", exact: true }).click();
      await other.page.getByRole("button", { name: "Let it serve again" }).waitFor({
        timeout: SEEN_MS,
      });
      const kept = await other.page.evaluate(
        `[sessionStorage.length, localStorage.length, document.cookie.length].join()`,
      );
      must(kept === "1,0,0", `Kept: ${kept}`);
      await other.page.reload();
      await untilLive(other.page);
      const others = other.complaints.filter((text) => !text.includes("401"));
      must(others.length === 0, others.join("; "));
      return "asked, refused, let in; drained with it; there after a reload";
    },
  );
}

/** What the focus is at, one after the other; throws where it is not seen. */
async function tabThrough(page: Page, most: number): Promise<readonly string[]> {
  const reached: string[] = [];
  for (let at = 0; at < most; at++) {
    await page.keyboard.press("Tab");
    const { name, seen } = await page.evaluate<{ name: string; seen: boolean }>(`(() => {
      const at = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      return {
        name: [at.tagName.toLowerCase(), at.id, at.className].filter(Boolean).join("."),
        seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
      };
    })()`);
    if (name === "body") break;
    must(seen, `The focus at ${name} is not seen`);
    reached.push(name);
  }
  return reached;
}

/** What is seen: the fleet, a handoff, what is wrong, and that the router was away. @module */
import { must } from "../check.ts";
import { startFleet } from "./fleet.ts";
import { DESKTOP, idOf, type Scene, SEEN_MS, until, untilLive, untilStanding } from "./scene.ts";
import { ask, startTraffic } from "./traffic.ts";

const GROUP = "sight";

/** What the browser itself says of a router that is away. */
const AWAY =
  /ERR_(?:CONNECTION_REFUSED|CONNECTION_RESET|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)/;

/** Run them. */
export async function sightChecks({ browser, checks }: Scene): Promise<void> {
  await using fleet = await startFleet({ prefills: 2, decodes: 2 });
  await using opened = await browser.open(fleet.admin, { viewport: DESKTOP });
  const { page, complaints } = opened;

  await checks.run(GROUP, "the page loads, and shows the fleet", async () => {
    await untilLive(page);
    await page.locator(".engine").nth(3).waitFor({ timeout: SEEN_MS });
    const sides = (await page.locator(".side h3").allInnerTexts())
      .map((text) => text.replaceAll("\n", " "));
    must(sides[0] === "Prefill 2 of 2 serve", sides.join("; "));
    await page.getByText("No requests yet").waitFor();
    must(complaints.length === 0, complaints.join("; "));
    return `${sides.slice(0, 2).join(", ")}; nothing in the console`;
  });

  await checks.run(GROUP, "a handoff shows, step by step", async () => {
    const id = "demo-1";
    await ask(fleet.url, { id, prompt: "Tell me about the river.", tokens: 24 });
    const row = page.locator(".request", { hasText: id });
    await row.waitFor({ timeout: SEEN_MS });
    await row.click();
    const panel = page.locator("#request-dialog");
    await panel.getByText("kv ready").waitFor({ timeout: SEEN_MS });
    const way = await panel.locator("dd", { hasText: "→" }).innerText();
    must(way.startsWith("handoff p1: 127.0.0.1:"), way);
    must(new URL(page.url()).hash === `#request=${id}`, page.url());
    await page.keyboard.press("Escape");
    const flows = await page.locator(".flow").count();
    must(flows === 1, `${flows} flows`);
    return way;
  });

  await checks.run(GROUP, "a request is found by the beginning of its id", async () => {
    for (const id of ["find-me-1", "find-me-2", "not-me"]) {
      await ask(fleet.url, { id, prompt: "Hello", tokens: 4 });
    }
    await page.fill("#search-id", "find-");
    await page.keyboard.press("Enter");
    await page.getByText("2 requests that begin with that id").waitFor({ timeout: SEEN_MS });
    const found = await page.locator(".request .id").allInnerTexts();
    must(found.join() === "find-me-2,find-me-1", found.join());
    await page.fill("#search-id", "nobody");
    await page.keyboard.press("Enter");
    await page.getByText("No request 'nobody'").waitFor({ timeout: SEEN_MS });
    // The browser tells of every answer of this kind.
    const others = opened.taken().filter((text) => !text.includes("404"));
    must(others.length === 0, others.join("; "));
    await page.fill("#search-id", "");
    await page.locator(".request", { hasText: "not-me" }).waitFor({ timeout: SEEN_MS });
    return found.join(", ");
  });

  await checks.run(
    GROUP,
    "the router is started again: the page says so, and goes on",
    async () => {
      await fleet.stopRouter();
      await page.locator("#banner", { hasText: "Reconnecting to the router" })
        .waitFor({ timeout: SEEN_MS });
      await until(
        "the age of what is shown",
        async () => / \d+ s ago/.test(await page.locator("#banner").innerText()),
      );
      const said = await page.locator("#banner").innerText();
      await fleet.startRouter();
      await untilLive(page);
      must(await page.locator("#banner").isHidden(), "The banner stays");
      await ask(fleet.url, { id: "after-it", prompt: "Hello again", tokens: 4 });
      await page.locator(".request", { hasText: "after-it" }).waitFor({ timeout: SEEN_MS });
      const others = opened.taken().filter((text) => !AWAY.test(text));
      must(others.length === 0, others.join("; "));
      return said;
    },
  );

  await checks.run(GROUP, "an engine that ends is shown as shut, with the reason", async () => {
    await using _traffic = startTraffic(fleet.url, 4);
    const [engine] = fleet.decodes;
    must(engine !== undefined, "There is no engine");
    await fleet.end(engine);
    await untilStanding(page, idOf(engine), "shut");
    const concern = page.locator("#concern-list li", { hasText: idOf(engine) }).first();
    const why = await concern.locator(".why").innerText();
    must(why.length > 0, "No reason is told");
    must(/^\(\d+\) pd-router$/.test(await page.title()), await page.title());
    return `${await page.title()}: ${why}`;
  });
}

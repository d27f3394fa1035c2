/** What is not the page's own: other pages, and texts that would be HTML. @module */
import { must } from "../check.ts";
import { startFleet } from "./fleet.ts";
import { DESKTOP, idOf, type Scene, SEEN_MS, untilLive } from "./scene.ts";

const GROUP = "foreign";

/** A text that runs where it is read as HTML. */
const TEXT = `<img src=x onerror="document.title='run'">`;

/** Run them. */
export async function foreignChecks({ browser, checks }: Scene): Promise<void> {
  await using fleet = await startFleet({ prefills: 1, decodes: 1 });
  const [engine] = fleet.decodes;
  const id = engine === undefined ? "" : idOf(engine);
  const target = `${fleet.admin}admin/engines/${encodeURIComponent(id)}/drain`;

  await checks.run(GROUP, "a page from elsewhere reads nothing and drains nothing", async () => {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () =>
        new Response("<!doctype html><title>elsewhere</title>", {
          headers: { "content-type": "text/html" },
        }),
    );
    for (const host of ["127.0.0.1", "localhost"]) {
      await using opened = await browser.open(`http://${host}:${server.addr.port}/`);
      const tried = await opened.page.evaluate<readonly string[]>(`Promise.all([
        fetch(${JSON.stringify(fleet.admin)} + "admin/engines"),
        fetch(${JSON.stringify(target)}, { method: "POST" }),
        fetch(${JSON.stringify(target)}, { method: "POST", mode: "no-cors" }),
        fetch(${JSON.stringify(target)}, {
          method: "POST", headers: { "content-type": "application/json" }, body: "{}",
        }),
      ].map((asked) => asked.then((answer) => answer.type, () => "refused")))`);
      must(tried.join() === "refused,refused,opaque,refused", `${host}: ${tried.join()}`);
      const frame = await opened.page.evaluate<string>(`new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.src = ${JSON.stringify(fleet.admin)};
        frame.onload = () => resolve(String(frame.contentDocument?.title ?? "closed"));
        document.body.append(frame);
      })`);
      must(frame === "closed", `The page is shown within another: ${frame}`);
    }
    const { drained } = await (await fetch(target.replace(/\/drain$/, ""))).json();
    must(drained === false, "The engine is drained");
    return "from another port and another name: refused; not shown in a frame";
  });

  await checks.run(GROUP, "a link from elsewhere opens the page", async () => {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () =>
        new Response(`<!doctype html><title>elsewhere</title><a href="${fleet.admin}">router</a>`, {
          headers: { "content-type": "text/html" },
        }),
    );
    await using opened = await browser.open(`http://localhost:${server.addr.port}/`);
    await opened.page.click("a");
    await untilLive(opened.page);
    must(opened.complaints.length === 0, opened.complaints.join("; "));
    return "opened, and live";
  });

  await checks.run(GROUP, "what clients send is shown as text, and nothing else runs", async () => {
    await using opened = await browser.open(fleet.admin, { viewport: DESKTOP });
    const { page } = opened;
    await untilLive(page);
    const answer = await fetch(`${fleet.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-request-id": "text" },
      body: JSON.stringify({ model: TEXT, prompt: "Hello" }),
    });
    await answer.body?.cancel();
    await page.locator(".request", { hasText: "text" }).click({ timeout: SEEN_MS });
    await page.locator("#request-dialog dd", { hasText: TEXT }).waitFor({ timeout: SEEN_MS });
    const images = await page.locator("#request-dialog img").count();
    must(images === 0 && await page.title() !== "run", "It was read as HTML");
    const inline = await page.evaluate<string>(`(() => {
      try {
        document.body.innerHTML += "x";
        return "written";
      } catch (error) {
        return error.name;
      }
    })()`);
    must(inline === "TypeError", `innerHTML: ${inline}`);
    return "a model's name stays text; innerHTML is refused by the policy";
  });
}

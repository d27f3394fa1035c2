/** How the page is connected with the router, and how old is what it shows. @module */
import { attribute, byId, text } from "./dom.js";
import { clockTime, span } from "./format.js";
import { standingLine } from "./standing_view.js";

/** Says it. */
export class LinkView {
  #kind = "opening";
  #why = "";
  /** When the last event came, by the page's own clock, in milliseconds. */
  #at;

  /** Events come. */
  live() {
    this.#kind = "live";
    this.#at = Date.now();
    this.draw();
  }

  /** None comes, for `why`, and it is tried again. */
  lost(why) {
    this.#kind = "lost";
    this.#why = why;
    this.draw();
  }

  /** None comes as nobody looks. */
  rest() {
    this.#kind = "rest";
    this.draw();
  }

  /** What holds at this moment. */
  draw() {
    const [tone, icon, label] = {
      opening: ["idle", "dashes", "Connecting…"],
      live: ["good", "dot", "Live"],
      lost: ["warn", "triangle", "Reconnecting…"],
      rest: ["idle", "moon", "At rest"],
    }[this.#kind];
    standingLine(byId("link"), { tone, icon, label });
    const isLost = this.#kind === "lost";
    attribute(document.body, "data-stale", isLost && this.#at !== undefined);
    const banner = byId("banner");
    banner.hidden = !isLost;
    if (isLost) text(banner, this.#lostText());
  }

  #lostText() {
    if (this.#at === undefined) return `Connecting to the router: ${this.#why}`;
    const age = span((Date.now() - this.#at) / 1_000);
    return `Reconnecting to the router. Shown is how it was at ${clockTime(this.#at / 1_000)}, ` +
      `${age} ago. ${this.#why}`;
  }
}

/** Requests, each with a line on which its time is laid out. @module */
import { attribute, byId, h, keep, text } from "./dom.js";
import { ago, clockTime, duration, plural } from "./format.js";
import { standingLine } from "./standing_view.js";
import { endOf, requestKey } from "./state.js";
import { PHASES, scaleOf, stretches } from "./timeline.js";
import { PHASE_NAMES, requestStanding, wayText } from "./words.js";

/** Requests that are shown. */
const MOST_SHOWN = 20;

/** The list: the latest, or what was searched for. */
export class RequestsView {
  #open;
  #api;
  #found;
  #paused;
  #state;
  #parts;
  #note = "";

  constructor({ open, api, onError }) {
    this.#open = open;
    this.#api = api;
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search(byId("search-id").value.trim()).catch(onError);
    });
    byId("search-id").addEventListener("input", ({ target }) => {
      if (target.value === "" && this.#found !== undefined) this.#show(undefined, "");
    });
    byId("pause").addEventListener("click", () => {
      this.#paused = this.#paused === undefined ? this.#state?.recent : undefined;
      const isPaused = this.#paused !== undefined;
      attribute(byId("pause"), "aria-pressed", isPaused);
      text(byId("pause"), isPaused ? "Go on" : "Pause");
      this.#show(this.#found, isPaused ? "Paused" : "");
    });
  }

  /** Draw the requests of `state`. */
  draw(state) {
    this.#state = state;
    const requests = this.#found ?? this.#paused ?? state.recent;
    const shown = requests.slice(0, MOST_SHOWN);
    text(byId("requests-note"), this.#note);
    const parts = this.#parts ??= make();
    byId("pause").hidden = this.#found !== undefined || state.recent.length === 0;
    parts.empty.hidden = shown.length > 0 || this.#found !== undefined;
    parts.list.hidden = parts.legend.hidden = shown.length === 0;
    const scale = scaleOf(shown);
    keep(parts.list, shown, {
      keyOf: requestKey,
      make: (request) => h("li", {}, row(() => this.#open(request))),
      change: (element, request) => drawRow(element.firstElementChild, request, scale, state.now),
    });
  }

  #show(found, note) {
    this.#found = found;
    this.#note = note;
    if (this.#state !== undefined) this.draw(this.#state);
  }

  async #search(id) {
    if (id === "") return this.#show(undefined, "");
    const path = `admin/requests?limit=${MOST_SHOWN}&id=${encodeURIComponent(id)}`;
    const { requests } = await this.#api.json("GET", path);
    if (requests.length > 0) {
      const more = requests.length === MOST_SHOWN ? "The latest " : "";
      const note = `${more}${plural(requests.length, "request")} that ` +
        `${requests.length === 1 ? "begins" : "begin"} with that id`;
      return this.#show(requests, note);
    }
    // A number, or the id that an engine was given.
    const exact = await this.#api.json("GET", `admin/requests/${encodeURIComponent(id)}`)
      .catch((error) => {
        if (error.status === 404) return { requests: [], message: error.message };
        throw error;
      });
    this.#show(exact.requests, exact.message ?? plural(exact.requests.length, "request"));
  }
}

function make() {
  const list = h("ol", { class: "request-rows" });
  const legend = h(
    "p",
    { class: "legend" },
    PHASES.map((phase) => h("span", { "data-phase": phase }, PHASE_NAMES[phase])),
  );
  const empty = h("div", { class: "empty" }, [
    h("h3", {}, "No requests yet"),
    h("p", {}, "They appear here as they end. Send one to the router's own port:"),
    h("pre", { tabindex: "0" }, [
      "curl http://ROUTER:8001/v1/completions -H 'content-type: application/json' \\\n" +
      '  -d \'{"model": "MODEL", "prompt": "Tell me about the river."}\'',
    ]),
  ]);
  byId("request-list").replaceChildren(legend, list, empty);
  return { list, legend, empty };
}

function row(open) {
  return h("button", { type: "button", class: "request", onclick: open }, [
    h("span", { class: "standing" }),
    h("span", { class: "id" }),
    h("span", { class: "way" }),
    timeline(),
    h("span", { class: "total" }),
    h("span", { class: "when" }),
  ]);
}

/** A line for a request's time, still empty. */
export function timeline() {
  return h("span", { class: "timeline", "aria-hidden": "true" });
}

/** Lay out `phases` on `line`, whose width stands for `scale` milliseconds. */
export function drawTimeline(line, phases, scale) {
  const parts = stretches(phases);
  keep(line, parts, {
    keyOf: ({ phase }) => phase,
    make: ({ phase }) => h("span", { "data-phase": phase }),
    change(element, { start, ms, phase }) {
      element.style.left = `${Math.min(100, start / scale * 100)}%`;
      element.style.width = `${
        Math.max(0, Math.min(100 - start / scale * 100, ms / scale * 100))
      }%`;
      attribute(element, "title", `${PHASE_NAMES[phase]} ${duration(ms)}`);
    },
  });
  attribute(line, "data-cut", (phases.total ?? 0) > scale * 1.001);
}

function drawRow(element, request, scale, now) {
  standingLine(element.querySelector(".standing"), requestStanding(request));
  text(element.querySelector(".id"), request.id);
  text(element.querySelector(".way"), wayText(request));
  text(element.querySelector(".total"), duration(request.phases.total));
  const when = element.querySelector(".when");
  text(when, ago(now - endOf(request)));
  attribute(when, "title", clockTime(request.received));
  drawTimeline(element.querySelector(".timeline"), request.phases, scale);
}

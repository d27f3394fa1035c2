/** One request with its steps, and what it asked of engines. @module */
import { byId, h } from "./dom.js";
import { clockTime, count, duration } from "./format.js";
import { facts, Panel } from "./panel.js";
import { drawTimeline, timeline } from "./requests_view.js";
import { standingLine } from "./standing_view.js";
import { stretches } from "./timeline.js";
import { PHASE_NAMES, requestStanding, wayText } from "./words.js";

/** The panel of one request at a time. */
export class RequestView {
  #panel;
  #api;

  constructor({ api }) {
    this.#api = api;
    this.#panel = new Panel(byId("request-dialog"), "request");
  }

  /** Show the request `id`; of several, the one that `known` is. Rejects where it is not to be had. */
  async open(id, known) {
    const { requests } = await this.#api.json("GET", `admin/requests/${encodeURIComponent(id)}`);
    const request =
      requests.find(({ seq, received }) => seq === known?.seq && received === known.received) ??
        requests[0];
    this.#panel.show(id, request.id, contentOf(request, requests.length));
  }
}

function contentOf(request, alike) {
  const standing = h("p", { class: "standing" });
  standingLine(standing, requestStanding(request));
  const line = timeline();
  const { total = 0 } = request.phases;
  drawTimeline(line, request.phases, Math.max(total, 0.001));
  return [
    standing,
    h("p", { class: "why" }, [requestStanding(request).why]),
    alike > 1 && h("p", { class: "aside" }, `${alike} requests have this id; this is one of them.`),
    line,
    phaseTable(request),
    factsOf(request),
    ...section("Steps", request.events.map(stepRow), ["Step", "At", "Engine", "Note"]),
    request.events_cut > 0 && h("p", { class: "aside" }, `${request.events_cut} more are not kept`),
    ...section("Exchanges with engines", request.legs.map(legRow), [
      ...["Leg", "Engine", "End", "Head", "First", "All"],
    ]),
  ];
}

function phaseTable({ phases }) {
  const parts = stretches(phases);
  return h(
    "dl",
    { class: "phases" },
    parts.map(({ phase, ms }) =>
      h("div", { "data-phase": phase }, [
        h("dt", {}, PHASE_NAMES[phase]),
        h("dd", {}, duration(ms)),
      ])
    ),
  );
}

function factsOf(request) {
  const { phases, tokens, model, key, retries, received } = request;
  const about = tokens?.about === true ? "about " : "";
  return facts([
    ["Path", request.path],
    ["Model", model ?? ""],
    ["Way", `${request.route.replaceAll("_", " ")}: ${wayText(request)}`],
    ["Came at", clockTime(received)],
    ["First token after", phases.ttft === undefined ? "" : duration(phases.ttft)],
    ["Between tokens", phases.itl === undefined ? "" : duration(phases.itl)],
    ["Whole", duration(phases.total)],
    [
      "Tokens",
      tokens === null ? "" : `${about}${count(tokens.prompt)} + ${count(tokens.answer)}`,
    ],
    ["Further attempts", retries === 0 ? "" : count(retries)],
    ["KV", request.lacks_kv ? "decoded without the news that the KV was there" : ""],
    ["API key", key ?? ""],
    ["Number", String(request.seq)],
  ]);
}

function stepRow({ step, at, engine, note }) {
  return [step.replaceAll("-", " "), duration(at), engine ?? "", note ?? ""];
}

function legRow({ leg, engine, end, code, head, first, ms }) {
  const how = code === null ? end : `${end}: ${code}`;
  return [leg, engine, how, duration(head), duration(first), duration(ms)];
}

function section(title, rows, columns) {
  if (rows.length === 0) return [];
  const table = h("table", {}, [
    h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell))))),
  ]);
  return [h("h3", {}, title), h("div", { class: "wide", tabindex: "0" }, table)];
}

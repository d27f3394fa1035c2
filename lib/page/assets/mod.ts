/**
 * The files of the page as texts of the program: nothing has to be read to serve them.
 * @module
 */
import indexHtml from "./index.html" with { type: "text" };
import baseCss from "./base.css" with { type: "text" };
import dialogsCss from "./dialogs.css" with { type: "text" };
import engineCss from "./engine.css" with { type: "text" };
import fleetCss from "./fleet.css" with { type: "text" };
import requestsCss from "./requests.css" with { type: "text" };
import headCss from "./head.css" with { type: "text" };
import timesCss from "./times.css" with { type: "text" };
import iconSvg from "./icon.svg" with { type: "text" };
import apiJs from "./api.js" with { type: "text" };
import attentionJs from "./attention.js" with { type: "text" };
import cardViewJs from "./card_view.js" with { type: "text" };
import domJs from "./dom.js" with { type: "text" };
import engineViewJs from "./engine_view.js" with { type: "text" };
import fleetViewJs from "./fleet_view.js" with { type: "text" };
import flowsViewJs from "./flows_view.js" with { type: "text" };
import formatJs from "./format.js" with { type: "text" };
import headViewJs from "./head_view.js" with { type: "text" };
import histogramJs from "./histogram.js" with { type: "text" };
import iconsJs from "./icons.js" with { type: "text" };
import keyViewJs from "./key_view.js" with { type: "text" };
import layoutJs from "./layout.js" with { type: "text" };
import linkViewJs from "./link_view.js" with { type: "text" };
import liveJs from "./live.js" with { type: "text" };
import mainJs from "./main.js" with { type: "text" };
import pairsViewJs from "./pairs_view.js" with { type: "text" };
import panelJs from "./panel.js" with { type: "text" };
import requestViewJs from "./request_view.js" with { type: "text" };
import requestsViewJs from "./requests_view.js" with { type: "text" };
import sseJs from "./sse.js" with { type: "text" };
import standingViewJs from "./standing_view.js" with { type: "text" };
import stateJs from "./state.js" with { type: "text" };
import timelineJs from "./timeline.js" with { type: "text" };
import timesViewJs from "./times_view.js" with { type: "text" };
import wordsJs from "./words.js" with { type: "text" };

/** The text of each file by its name. */
export const FILES: Readonly<Record<string, string>> = {
  "index.html": indexHtml,
  "base.css": baseCss,
  "dialogs.css": dialogsCss,
  "engine.css": engineCss,
  "fleet.css": fleetCss,
  "head.css": headCss,
  "requests.css": requestsCss,
  "times.css": timesCss,
  "icon.svg": iconSvg,
  "api.js": apiJs,
  "attention.js": attentionJs,
  "card_view.js": cardViewJs,
  "dom.js": domJs,
  "engine_view.js": engineViewJs,
  "fleet_view.js": fleetViewJs,
  "flows_view.js": flowsViewJs,
  "format.js": formatJs,
  "head_view.js": headViewJs,
  "histogram.js": histogramJs,
  "icons.js": iconsJs,
  "key_view.js": keyViewJs,
  "layout.js": layoutJs,
  "link_view.js": linkViewJs,
  "live.js": liveJs,
  "main.js": mainJs,
  "pairs_view.js": pairsViewJs,
  "panel.js": panelJs,
  "request_view.js": requestViewJs,
  "requests_view.js": requestsViewJs,
  "sse.js": sseJs,
  "standing_view.js": standingViewJs,
  "state.js": stateJs,
  "timeline.js": timelineJs,
  "times_view.js": timesViewJs,
  "words.js": wordsJs,
};

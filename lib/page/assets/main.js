/** The page: what the stream tells, drawn, for as long as somebody looks. @module */
import { Api, Refused } from "./api.js";
import { byId, h } from "./dom.js";
import { EngineView } from "./engine_view.js";
import { FleetView } from "./fleet_view.js";
import { drawHead } from "./head_view.js";
import { askForKey } from "./key_view.js";
import { LinkView } from "./link_view.js";
import { follow } from "./live.js";
import { RequestView } from "./request_view.js";
import { RequestsView } from "./requests_view.js";
import { FleetState } from "./state.js";
import { drawTimes } from "./times_view.js";

/** How long a page that nobody sees goes on reading, in milliseconds. */
const UNSEEN_MS = 20_000;

const state = new FleetState();
const api = new Api({ fetch: (...asked) => fetch(...asked), storage: sessionStorage });
const link = new LinkView();
const engine = new EngineView({ api, onError });
const request = new RequestView({ api });
const open = (id) => engine.open(id, state);
const openRequest = (id, known) => void request.open(id, known).catch(onError);
const fleet = new FleetView({ open });
const requests = new RequestsView({
  api,
  onError,
  open: (known) => openRequest(known.id, known),
});

let drawing = false;

/** Draw at the next frame, once however much has come. */
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (state.router === undefined) return;
    drawHead(state, { open });
    fleet.draw(state);
    drawTimes(state);
    requests.draw(state);
    engine.draw(state);
  });
}

/** What has gone wrong with something that was asked for by hand. */
function onError(error) {
  const note = byId("requests-note");
  if (error instanceof Refused && error.status === 401) return void restart(error.message);
  note.textContent = error.message;
}

function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
    function end() {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
  });
}

let reading = new AbortController();

/** Read until it is told to stop; ask for a key where one is wanted. */
async function read() {
  const { signal } = reading = new AbortController();
  try {
    await follow({
      open: (signal) => api.ask("GET", "admin/live", signal),
      onEvent(name, data) {
        state.take(name, data);
        if (name !== "fleet") return;
        link.live();
        draw();
      },
      onOpen: () => void fill(signal),
      onLost: (why) => link.lost(lostText(why)),
      sleep,
      random: Math.random,
      isFinal: (error) =>
        error instanceof Refused && (error.status === 401 || error.status === 403),
    }, signal);
  } catch (error) {
    if (error.status === 401) return restart(error.message);
    link.lost(error.message);
  }
}

/** Requests that ended before anybody looked. */
async function fill(signal) {
  try {
    const { requests } = await api.json("GET", "admin/requests?state=ended&limit=50", signal);
    state.add(requests);
    draw();
  } catch (error) {
    // The stream tells what is wrong, and comes back by itself.
    if (!signal.aborted) link.lost(lostText(error));
  }
}

function lostText(error) {
  return error instanceof Refused ? error.message : "It does not answer, and is asked again.";
}

let asking = false;

/** Ask for a key, and begin again. */
async function restart(why) {
  if (asking) return;
  asking = true;
  reading.abort();
  await askForKey(api, api.hasKey ? why : "");
  asking = false;
  drawFoot();
  await read();
}

function drawFoot() {
  const forget = h("button", { type: "button" }, "Forget the key");
  forget.addEventListener("click", () => {
    api.setKey(undefined);
    location.reload();
  });
  byId("foot").replaceChildren(
    h("p", {}, [
      h("a", { href: "admin/openapi.json" }, "The admin API"),
      " that this page asks has all of it as JSON.",
    ]),
    ...api.hasKey ? [forget] : [],
  );
}

/** Show what the address names. */
function openNamed() {
  const [, kind, id] = /^#(engine|request)=(.+)$/.exec(location.hash) ?? [];
  if (id === undefined) return;
  const name = decodeURIComponent(id);
  if (kind === "engine") open(name);
  else openRequest(name);
}

let unseen;
document.addEventListener("visibilitychange", () => {
  clearTimeout(unseen);
  if (document.hidden) {
    unseen = setTimeout(() => {
      reading.abort();
      link.rest();
    }, UNSEEN_MS);
  } else if (reading.signal.aborted && !asking) void read();
});
globalThis.addEventListener("hashchange", openNamed);
setInterval(() => link.draw(), 1_000);
link.draw();
drawFoot();
void read();
if (location.hash !== "") openNamed();
